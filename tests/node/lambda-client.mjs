// The client of the Lambda API's documentation, with nothing changed in what it sends:
// it writes through createWebSocketStream, so its answers go out as binary frames.
//
// node lambda-client.mjs ws://localhost:7999/lambda/new

import { createWebSocketStream, WebSocket } from "ws";

async function newLambda(url, handler) {
  const duplex = createWebSocketStream(new WebSocket(url), { encoding: "utf-8" });

  async function handle(id, method, body) {
    let resp;
    try {
      resp = { id, result: await handler[method](body) };
    } catch (error) {
      resp = { id, error: `${error}` };
    }
    duplex.write(JSON.stringify(resp));
  }

  // deno-lint-ignore no-async-promise-executor -- as it is documented
  return new Promise(async (resolve) => {
    for await (const message of duplex) {
      const { method, params, id } = JSON.parse(message);
      if (method === "open") {
        duplex.write(JSON.stringify({ id, result: "ok" }));
        resolve(params[0]);
      } else {
        handle(id, method, params[0]).catch(console.error);
      }
    }
  });
}

const id = await newLambda(process.argv[2], {
  test(body) {
    return { echo: body };
  },
  nothing() {},
  async later(body) {
    await null;
    return body;
  },
});
console.log("id", id);
