import { WebSocket } from "ws";

const methods = {
  greet: (body) => ({ hello: body }),
};

const socket = new WebSocket("ws://localhost:7999/lambda/new");
socket.onmessage = async ({ data }) => {
  const { id, method, params } = JSON.parse(data);
  if (method === "open") {
    console.log(`call me at http://localhost:7999/lambda/${params[0]}/greet`);
    socket.send(JSON.stringify({ id, result: "ok" }));
    return;
  }
  try {
    if (!Object.hasOwn(methods, method)) throw new Error(`no method ${method}`);
    socket.send(JSON.stringify({ id, result: await methods[method](params[0]) }));
  } catch (error) {
    socket.send(JSON.stringify({ id, error: String(error) }));
  }
};
