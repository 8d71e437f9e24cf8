import { WebSocket } from "ws";

const methods = {
  greet: (body) => ({ hello: body }),
};

const server = process.env.GRIP_LAMBDA_URL ?? "http://localhost:7999";
const socket = new WebSocket(`${server.replace("http", "ws")}/lambda/new`);
socket.onmessage = async ({ data }) => {
  const { id, method, params } = JSON.parse(data);
  if (method === "open") {
    console.log(`call me at ${server}/lambda/${params[0]}/greet`);
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
