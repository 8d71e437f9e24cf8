// Hosts of Socket.IO: clients that acknowledge each event with what it carried.
// node socketio_hosts.mjs PORT COUNT answers each line with {"ids", "lost"}.

import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";
import { io } from "socket.io-client";

const [port, count] = process.argv.slice(2);
let lost = 0;
const hosts = [];
for (let number = 0; number < Number(count); number += 1) {
  const host = io(`http://127.0.0.1:${port}`, { transports: ["websocket"], forceNew: true });
  host.on("echo", (content, acknowledge) => acknowledge(content));
  host.on("disconnect", () => {
    lost += 1;
  });
  hosts.push(host);
}
for (const host of hosts) if (!host.connected) await once(host, "connect");

for await (const _ of createInterface({ input: process.stdin })) {
  while (!hosts.every((host) => host.connected)) await setTimeout(50);
  console.log(JSON.stringify({ ids: hosts.map((host) => host.id), lost }));
  lost = 0;
}
process.exit();
