// Makes this tab a lambda: one WebSocket, JSON-RPC 1.0 as the Lambda API describes it.

const SHOWN_MAX = 100;
const TEXT_MAX = 1000;
const EXAMPLE = '{"name": "world"}';
const RETRY_MIN_MS = 500;
const RETRY_MAX_MS = 15000;

const show = (id) => document.getElementById(id);
const base = new URL(".", location.href);
let lambda = null; // { id, token } once the server has told
let retryMs = RETRY_MIN_MS;
let count = 0;

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
  show("curl").textContent = `curl -X POST ${address()} -d '${EXAMPLE}'`;
}

function address() {
  return new URL(`lambda/${lambda.id}/hello`, base);
}

function shortened(text) {
  return text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)} …` : text;
}

function called(method, body) {
  show("none").hidden = true;
  const item = document.createElement("li");
  item.value = ++count;
  const text = document.createElement("code");
  text.textContent = shortened(`${method}(${JSON.stringify(body)})`);
  const time = document.createElement("time");
  time.textContent = new Date().toLocaleTimeString();
  item.append(text, time);
  show("calls").prepend(item);
  if (show("calls").children.length > SHOWN_MAX) show("calls").lastElementChild.remove();
}

async function copy() {
  try {
    await navigator.clipboard.writeText(show("curl").textContent);
    show("copy").textContent = "Copied";
  } catch {
    // Pages from elsewhere than localhost need https for that: leave it to the user's keys.
    getSelection().selectAllChildren(show("curl"));
    show("copy").textContent = "Selected";
  }
  setTimeout(() => (show("copy").textContent = "Copy"), 2000);
}

async function callFromHere() {
  if (!lambda) return;
  try {
    const response = await fetch(address(), { method: "POST", body: EXAMPLE });
    show("answer").textContent = `${response.status} ${shortened(await response.text())}`;
  } catch (error) {
    show("answer").textContent = String(error);
  }
}

show("copy").onclick = copy;
show("try").onclick = callFromHere;

connect();
