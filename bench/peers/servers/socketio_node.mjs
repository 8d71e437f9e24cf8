// A node of Socket.IO: clients on WebSockets, and HTTP for callers of any node's clients.
// node socketio_node.mjs PORT REDIS_URL

import { createServer } from "node:http";
import { createAdapter } from "@socket.io/redis-adapter";
import { createClient } from "redis";
import { Server } from "socket.io";

const [port, url] = process.argv.slice(2);
const publisher = createClient({ url });
const subscriber = publisher.duplicate();
await Promise.all([publisher.connect(), subscriber.connect()]);

// POST /lambda/<socket id>/<event>: call a client, and answer with its answer.
const server = createServer(async (request, response) => {
  let text = "";
  for await (const piece of request) text += piece;
  let status = 200;
  let answer = null;
  if (request.method === "POST") {
    const [, , id, event] = request.url.split("/");
    try {
      [answer] = await io.to(id).timeout(30_000).emitWithAck(event, JSON.parse(text));
    } catch {
      status = 504;
    }
  }
  const out = JSON.stringify(answer ?? null);
  response.writeHead(status, {
    "Content-Type": "application/json",
    "Content-Length": Buffer.byteLength(out),
  });
  response.end(out);
});

const io = new Server(server, {
  adapter: createAdapter(publisher, subscriber),
  transports: ["websocket"],
});
server.listen(Number(port), "127.0.0.1");
