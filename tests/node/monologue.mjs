// Does what the original client of Monologue does, message by message.
//
// node monologue.mjs ws://localhost:7999/monologue

import { WebSocket } from "ws";

class Client {
  callbacks = new Map();
  listeners = new Map();

  async connect(endpoint) {
    this.socket = new WebSocket(endpoint, { headers: { "x-api-key": "any" } });
    await new Promise((resolve) => {
      this.socket.once("open", () => {
        this.socket.send("whoami");
        this.socket.once("message", (data) => {
          this.connectionId = `${data}`;
          this.socket.on("message", (text) => this.take(JSON.parse(text)));
          resolve();
        });
      });
    });
  }

  async take({ from, payload }) {
    const { token, name, args, ret } = payload.data;
    if (payload.type === "REQ") {
      const value = await this.listeners.get(name)(...args);
      const data = { token, ret: value };
      this.socket.send(JSON.stringify({ to: from, payload: { data, type: "ACK" } }));
    } else if (payload.type === "ACK") {
      this.callbacks.get(token)(ret);
    }
  }

  call(to, name, ...args) {
    const token = `token${this.callbacks.size}`;
    const data = { token, name, args };
    this.socket.send(JSON.stringify({ to, payload: { data, type: "REQ" } }));
    return new Promise((resolve) => this.callbacks.set(token, resolve));
  }
}

const [one, other] = [new Client(), new Client()];
await Promise.all([one.connect(process.argv[2]), other.connect(process.argv[2])]);
one.listeners.set("greet", async (first, second) => `hello ${first} and ${second}`);
one.listeners.set("nothing", async () => {});
const answers = [
  await other.call(one.connectionId, "greet", "a", "b"),
  typeof (await other.call(one.connectionId, "nothing")),
];
console.log(JSON.stringify(answers));
one.socket.close();
other.socket.close();
