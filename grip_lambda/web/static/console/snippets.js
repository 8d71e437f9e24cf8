// A call as other clients write it. Pure functions: `call` is `{ base, to, method, body, mode,
// wait, once }`; `to` is an id or `service/<name>`, `body` a text of JSON or empty.

const STRING = /"(?:[^"\\]|\\.)*"/g;

/** Return the address that a call is posted to. */
export function address({ base, to, method }) {
  const parts = to.startsWith("service/") ? to.split("/") : ["lambda", to];
  return base + [...parts, method].map(encodeURIComponent).join("/");
}

/** Return a text as one word of a POSIX shell. */
export function shell(text) {
  if (/^[\w@%+=:,./-]+$/.test(text)) return text;
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function string(text) {
  return JSON.stringify(text);
}

/** Return JSON as a Python expression. Numbers stay as they are written. */
export function python(json) {
  const words = { true: "True", false: "False", null: "None" };
  let rest = 0, out = "";
  const plain = (text) => text.replace(/\b(true|false|null)\b/g, (word) => words[word]);
  for (const { 0: found, index } of json.matchAll(STRING)) {
    out += plain(json.slice(rest, index)) + string(JSON.parse(found));
    rest = index + found.length;
  }
  return out + plain(json.slice(rest));
}

/** Return JSON as a JavaScript expression; in a literal `__proto__` would be no member. */
export function javascript(json) {
  return json.includes("__proto__") || json.includes("\\u") ? `JSON.parse(${string(json)})` : json;
}

function prefer({ mode, wait }) {
  const parts = mode === "async" ? ["respond-async"] : [];
  if (wait) parts.push(`wait=${wait}`);
  return parts.join(", ");
}

export function curl(call) {
  const words = ["curl", call.mode === "stream" ? "-N" : "", "-X POST", shell(address(call))];
  const lines = [words.filter(Boolean).join(" ")];
  const header = (text) => lines.push(`-H ${shell(text)}`);
  if (call.keyed) lines.push('-H "Authorization: Bearer $GRIP_LAMBDA_KEY"');
  if (call.mode === "stream") header("Accept: text/event-stream");
  if (prefer(call)) header(`Prefer: ${prefer(call)}`);
  if (call.once) header(`Idempotency-Key: ${call.once}`);
  if (call.mode === "async") lines.push("-i");
  // A body that begins with @ would be the name of a file; JSON never does.
  if (call.body.trim()) lines.push(`-d ${shell(call.body)}`);
  return lines.join(" \\\n  ");
}

export function pythonCode(call) {
  const given = [call.to, call.method].map(string);
  given.push(call.body.trim() ? python(call.body.trim()) : "None");
  if (call.wait) given.push(`wait=${call.wait}`);
  if (call.once) given.push(`idempotency_key=${string(call.once)}`);
  const lines = {
    wait: [`print(client.call(${given.join(", ")}))`],
    stream: [
      `with client.stream(${given.join(", ")}) as stream:`,
      "    for value in stream:",
      "        print(value)",
      "    print(stream.result)",
    ],
    async: [`pending = client.submit(${given.join(", ")})`, "print(pending.result())"],
  }[call.mode];
  const indented = lines.map((line) => `    ${line}`).join("\n");
  const server = string(call.base.replace(/\/$/, ""));
  return `from grip_lambda.client import Client\n\nwith Client(${server}) as client:\n${indented}\n`;
}

export function javascriptCode(call) {
  const terms = [];
  if (call.wait) terms.push(`wait: ${call.wait}`);
  if (call.once) terms.push(`idempotencyKey: ${string(call.once)}`);
  const given = [call.to, call.method].map(string);
  given.push(call.body.trim() ? javascript(call.body.trim()) : "null");
  if (terms.length) given.push(`{ ${terms.join(", ")} }`);
  const key = call.keyed ? ", { key }" : "";
  const lines = {
    wait: [`console.log(await client.call(${given.join(", ")}));`],
    stream: [
      `const stream = client.stream(${given.join(", ")});`,
      "for await (const value of stream) console.log(value);",
      "console.log(await stream.result());",
    ],
    async: [
      `const pending = await client.submit(${given.join(", ")});`,
      "console.log(await pending.result());",
    ],
  }[call.mode];
  return [
    `import { Client } from ${string(`${call.base}grip-lambda.js`)};`,
    "",
    `const client = new Client(${string(call.base.replace(/\/$/, ""))}${key});`,
    ...lines,
    "",
  ].join("\n");
}

export function command(call) {
  const words = ["grip-lambda call"];
  const url = call.base.replace(/\/$/, "");
  if (url !== "http://localhost:7999") words.push("--url", shell(url));
  if (call.wait) words.push("--wait", String(call.wait));
  if (call.mode === "stream") words.push("--stream");
  if (call.once) words.push("--once", shell(call.once));
  words.push("--", shell(call.to), shell(call.method));
  if (call.body.trim()) words.push(shell(call.body.trim()));
  return words.join(" ");
}

/** Which languages a call can be written in: the libraries and the command call lambdas by id. */
export function languages(call) {
  const isId = !call.to.startsWith("service/");
  return {
    curl,
    ...(isId && { Python: pythonCode, JavaScript: javascriptCode }),
    ...(isId && call.mode !== "async" && { "Command line": command }),
  };
}
