// A host where the server takes API keys, as a page does it: with a ticket.
import { WebSocket } from "ws"; // a page has its own

const server = process.env.GRIP_LAMBDA_URL ?? "http://localhost:7999";
const key = process.env.GRIP_LAMBDA_KEY; // a page asks its user, or its own server for a ticket

const response = await fetch(`${server}/tickets`, {
  method: "POST",
  headers: { Authorization: `Bearer ${key}` },
});
if (!response.ok) throw new Error((await response.json()).error);
const { ticket } = await response.json();

const address = `${server.replace("http", "ws")}/lambda/new?private&ticket=${ticket}`;
const socket = new WebSocket(address);
socket.onmessage = ({ data }) => {
  const { id, method, params } = JSON.parse(data);
  if (method === "open") console.log(`call me at ${server}/lambda/${params[0]}/greet`);
  socket.send(JSON.stringify({ id, result: method === "open" ? "ok" : { hello: params[0] } }));
};
