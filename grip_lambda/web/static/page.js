// Makes this tab a lambda that answers with what it was sent.

import { Client, Host } from "../grip-lambda.js";

const SHOWN_MAX = 100;
const TEXT_MAX = 1000;
const EXAMPLE = { name: "world" };

const show = (id) => document.getElementById(id);
const server = new URL(".", location.href);
const host = new Host(server);
const client = new Client(server);
let count = 0;

host.fallback((method, body) => {
  called(method, body);
  return { echo: body };
});

host.onUp((id) => {
  show("status").textContent = `open as ${id}`;
  const body = JSON.stringify(EXAMPLE);
  show("curl").textContent = `curl -X POST ${host.address("hello")} -d '${body}'`;
});

host.onDown(() => {
  show("status").textContent = "connecting again …";
});

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
  if (!host.id) return;
  try {
    const result = await client.call(host.id, "hello", EXAMPLE);
    show("answer").textContent = shortened(JSON.stringify(result));
  } catch (error) {
    show("answer").textContent = String(error);
  }
}

show("copy").onclick = copy;
show("try").onclick = callFromHere;

host.run().catch((error) => {
  show("status").textContent = `${error.message}; reload the page to open a new one`;
});
