// A lambda as a server of the Model Context Protocol, for its own clients as they are.
// node mcp.mjs URL: the test that starts it has the host.

import assert from "node:assert/strict";

import * as modern from "@modelcontextprotocol/client";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const about = { name: "test", version: "1" };

async function check(client, transport, call) {
  await client.connect(transport);
  const { tools } = await client.listTools();
  const [add] = tools.filter(({ name }) => name === "add");
  assert.equal(add.description, "Add two numbers.\n\nAs one does at school.");
  assert.deepEqual(add.inputSchema.required, ["a"]);

  assert.deepEqual((await call("add", { a: 1, b: 2 })).structuredContent, { result: 3 });
  const wrong = await call("add", { a: "x" });
  assert.equal(wrong.isError, true);
  assert.match(wrong.content[0].text, /'a'/);
  const [, image] = (await call("picture", {})).content;
  assert.deepEqual([image.type, image.mimeType], ["image", "image/png"]);

  const told = [];
  const onprogress = (one) => told.push([one.progress, one.total, one.message]);
  const steps = await call("steps", { n: 3 }, { onprogress });
  assert.deepEqual(steps.structuredContent, { result: "done" });
  const almost = [4, undefined, "almost"];
  assert.deepEqual(told, [[1, 3, "step"], [2, 3, "step"], [3, 3, "step"], almost]);

  await assert.rejects(call("nothing", {}), /unknown tool/);
  const stop = new AbortController();
  const waiting = call("wait", {}, { signal: stop.signal });
  setTimeout(() => stop.abort("enough"), 300);
  await assert.rejects(waiting);
  await client.close();
}

const url = new URL(process.argv[2]);
const old = new Client(about);
await check(
  old,
  new StreamableHTTPClientTransport(url),
  (name, args, options) => old.callTool({ name, arguments: args }, undefined, options),
);
for (const mode of ["auto", "legacy"]) {
  const client = new modern.Client(about, { versionNegotiation: { mode } });
  const transport = new modern.StreamableHTTPClientTransport(url);
  await check(
    client,
    transport,
    (name, args, options) => client.callTool({ name, arguments: args }, options),
  );
}
console.log("done");
