// Makes this tab a lambda: one WebSocket, JSON-RPC 1.0 as the Lambda API describes it.

const SHOWN_MAX = 100;
const RETRY_MIN_MS = 500;
const RETRY_MAX_MS = 15000;

const show = (id) => document.getElementById(id);
const base = new URL(".", location.href);
let lambda = null; // { id, token } once the server has told
let retryMs = RETRY_MIN_MS;

function socketUrl() {
  const url = new URL(lambda ? `lambda/new/${lambda.id}` : "lambda/new", base);
  url.protocol = base.protocol === "https:" ? "wss:" : "ws:";
  if (lambda) url.searchParams.set("token", lambda.token);
  return url;
}

function connect() {
  const socket = new WebSocket(socketUrl(), "json-rpc");
  socket.onmessage = ({ data }) => {
    const { id, method, params } = JSON.parse(data);
    if (method === "open") {
      socket.send(JSON.stringify({ id, result: "ok" }));
      opened(params[0], params[1].token);
    } else if (method !== undefined && id !== null) {
      called(method, params[0]);
      socket.send(JSON.stringify({ id, result: { echo: params[0] } }));
    }
  };
  socket.onclose = ({ code }) => {
    if (code === 4409 || code === 4410) {
      show("status").textContent = "closed; reload the page to open a new one";
      return;
    }
    show("status").textContent = "connecting again …";
    setTimeout(connect, retryMs * (0.5 + Math.random()));
    retryMs = Math.min(retryMs * 2, RETRY_MAX_MS);
  };
}

function opened(id, token) {
  lambda = { id, token };
  retryMs = RETRY_MIN_MS;
  show("status").textContent = `open as ${id}`;
  show("curl").textContent =
    `curl -X POST ${new URL(`lambda/${id}/hello`, base)} -d '{"name": "world"}'`;
}

function called(method, body) {
  show("none").hidden = true;
  const item = document.createElement("li");
  const text = document.createElement("code");
  text.textContent = `${method}(${JSON.stringify(body)})`;
  const time = document.createElement("time");
  time.textContent = new Date().toLocaleTimeString();
  item.append(text, time);
  show("calls").prepend(item);
  if (show("calls").children.length > SHOWN_MAX) show("calls").lastElementChild.remove();
}

show("copy").onclick = () => navigator.clipboard.writeText(show("curl").textContent);
show("try").onclick = () =>
  lambda && fetch(new URL(`lambda/${lambda.id}/hello`, base), { method: "POST", body: '{"name": "world"}' });

connect();
