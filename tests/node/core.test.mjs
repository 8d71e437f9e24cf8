// What is JavaScript's own: values that are no JSON, functions of objects, errors that are thrown.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import * as module from "../../clients/js/grip-lambda.js";
import { lambdaPath } from "../../clients/js/grip-lambda/addresses.js";
import * as exchange from "../../clients/js/grip-lambda/exchange.js";
import { answer, toJson } from "../../clients/js/grip-lambda/messages.js";
import { failure, Methods } from "../../clients/js/grip-lambda/methods.js";
import { ended } from "../../clients/js/grip-lambda/progress.js";
import { inWords } from "../../clients/js/grip-lambda/request.js";

const { BadRequest, Host, RemoteError, Client } = module;

test("what is not JSON fails its own call", () => {
  const loop = {};
  loop.loop = loop;
  for (const result of [NaN, { deep: [Infinity] }, () => 1, Symbol("x"), 1n, loop]) {
    const { id, error } = JSON.parse(answer("a", { result }, 1000));
    assert.deepEqual([id, error.errorType], ["a", "NotJson"], error.errorMessage);
    assert.match(error.errorMessage, /^the result can't be written as JSON: /);
  }
});

test("what JSON.stringify writes is sent as it writes it", () => {
  assert.equal(toJson(undefined), "null");
  assert.equal(toJson({ at: new Date(0), gone: undefined }), '{"at":"1970-01-01T00:00:00.000Z"}');
  assert.equal(toJson("\ud800"), '"\\ud800"');
});

test("a body that is no JSON is refused before it is sent", () => {
  for (const body of [NaN, 1n, () => 1]) {
    assert.throws(() => exchange.call("id", "m", body, {}, []).next(), BadRequest);
  }
});

test("a path has no dots that would be resolved", () => {
  for (const method of [".", ".."]) {
    assert.throws(() => exchange.call("id", method, 1, {}, []).next(), BadRequest);
  }
  assert.equal(lambdaPath("..a", "b."), "/lambda/..a/b.");
});

test("the functions of a class, without what is private", () => {
  class Base {
    price(name) {
      return this.prices[name];
    }
  }
  class Shop extends Base {
    prices = { tea: 3 };
    hours = () => "9-17";
    get secret() {
      throw new Error("getters are not read");
    }
    _private() {}
  }
  const methods = new Methods(new Shop());

  assert.deepEqual(new Set(methods.names()), new Set(["hours", "price"]));
  assert.equal(methods.find("price", ["tea"])({}), 3);
});

test("the functions that a module exports", () => {
  const methods = new Methods(exchange);

  const functions = Object.keys(exchange).filter((name) => typeof exchange[name] === "function");
  assert.ok(functions.includes("call") && !functions.includes("DEFAULT_WAIT_S"));
  assert.deepEqual(new Set(methods.names()), new Set(functions));
});

test("a plain object holds functions only", () => {
  assert.throws(() => new Methods({ greet: "hello" }), /'greet' is not a function/);
  assert.throws(() => new Methods("greet"), TypeError);
});

test("only what was registered can be called", () => {
  const methods = new Methods({ greet: () => 1 });

  for (const name of ["toString", "constructor", "__proto__", "hasOwnProperty"]) {
    assert.throws(() => methods.find(name, []), /NoSuchMethod/);
  }
});

test("a function gets the body and the call, a fallback the name before them", () => {
  const methods = new Methods({ all: (...given) => given });
  const call = {};

  assert.deepEqual(methods.find("all", [1])(call), [1, call]);
  methods.fallback = (...given) => given;
  assert.deepEqual(methods.find("other", [])(call), ["other", null, call]);
  assert.equal(methods.names(), null);
});

test("a description says what is known of each method", async () => {
  const methods = new Methods({ square: ({ n }) => n * n, other: () => 1 });
  const params = { type: "object", properties: { n: { type: "number" } } };
  methods.describe(
    { square: { description: "Squares.", params, result: { type: "number" } } },
    { title: "Numbers" },
  );

  const { info, methods: told } = await methods.find("rpc.discover", [])({});
  assert.equal(info.title, "Numbers");
  assert.deepEqual(told[0], {
    name: "square",
    description: "Squares.",
    paramStructure: "by-position",
    params: [{ name: "body", required: true, schema: params }],
    result: { name: "result", schema: { type: "number" } },
  });
  assert.deepEqual([told[1].name, told[1].params[0].schema], ["other", {}]);
  for (const wrong of [{ square: 5 }, { square: { summary: "" } }, { square: { params: 1n } }]) {
    assert.throws(() => methods.describe(wrong), TypeError);
  }
});

test("what a generator yields is reported, and its end awaited", async () => {
  const told = [];
  const stop = new AbortController();
  const call = { signal: stop.signal, progress: async (value) => told.push(value) };
  let left = 0;
  const functions = {
    *plain() {
      yield 1;
      return "plain";
    },
    async *later() {
      try {
        yield 2;
        yield 3;
      } finally {
        await null;
        left += 1;
      }
    },
  };

  assert.equal(await ended(functions.plain(), call), "plain");
  assert.equal(await ended(functions.later(), call), undefined);
  assert.deepEqual([told, left], [[1, 2, 3], 1]);
  for (const value of [[1], "text", new Map([[1, 2]]), null]) {
    assert.equal(await ended(Promise.resolve(value), call), value); // these are results
  }
  const refusing = { ...call, progress: () => Promise.reject(new RangeError("too large")) };
  await assert.rejects(ended(functions.later(), refusing), RangeError);
  assert.equal(left, 2);
  stop.abort();
  await assert.rejects(ended(functions.later(), call), { name: "AbortError" });
  assert.deepEqual([told, left], [[1, 2, 3], 3]);
});

test("API keys that are none", () => {
  for (const key of ["with space", "é", "line\n", 7]) {
    for (
      const make of [() => new Client("http://h", { key }), () => new Host("http://h", {}, { key })]
    ) {
      assert.throws(make, (error) => error instanceof TypeError && !error.message.includes(key));
    }
  }
});

test("what is thrown is told with its type and its message", () => {
  class NoSuchOrder extends Error {}
  const told = [
    [new TypeError("no"), { errorType: "TypeError", errorMessage: "no" }],
    [new NoSuchOrder("7"), { errorType: "NoSuchOrder", errorMessage: "7" }],
    [new DOMException("gone", "AbortError"), { errorType: "AbortError", errorMessage: "gone" }],
    ["text", { errorType: "Error", errorMessage: "text" }],
    [new RemoteError({ any: ["thing"] }), { any: ["thing"] }],
  ];
  for (const [error, expected] of told) assert.deepEqual(failure(error), { error: expected });
});

test("without a WebSocket it says what to do", () => {
  const { WebSocket } = globalThis;
  delete globalThis.WebSocket;
  try {
    assert.throws(() => new Host(), /npm install ws/);
  } finally {
    if (WebSocket) globalThis.WebSocket = WebSocket;
  }
});

test("options that make no sense", () => {
  const WebSocket = class {};
  for (const maxCalls of [0, -1, 1.5, NaN, "8"]) {
    assert.throws(() => new Host("http://h", {}, { WebSocket, maxCalls }), RangeError);
  }
  assert.throws(() => new Client("h"), TypeError);
  assert.throws(() => new Client("http://user:secret@h"), TypeError);
  assert.throws(() => new Client("http://h", { headers: { "no good": "x" } }), TypeError);
});

test("the default address", () => {
  const { GRIP_LAMBDA_URL: before } = process.env;
  delete process.env.GRIP_LAMBDA_URL;
  assert.equal(new Client().url, "http://localhost:7999");
  process.env.GRIP_LAMBDA_URL = "https://a.example";
  assert.equal(new Client().url, "https://a.example");
  if (before === undefined) delete process.env.GRIP_LAMBDA_URL;
  else process.env.GRIP_LAMBDA_URL = before;
});

test("reasons hold no tokens and no tickets", () => {
  const deno = "error sending request for url (http://h/lambda/new/x?token=secret): client error";
  const address = "bad URL: 'ws://h/lambda/new/x?token=secret&private&ticket=secret'";
  for (const words of [deno, address]) {
    assert.doesNotMatch(inWords(new Error(words)), /secret/);
  }
});

test("what is declared is what there is", () => {
  const file = new URL("../../clients/js/grip-lambda.d.ts", import.meta.url);
  const declared = readFileSync(file, "utf8");
  const classes = [...declared.matchAll(/^export class (\w+)/gm)].map(([, name]) => name);

  assert.deepEqual(new Set(classes), new Set(Object.keys(module)));
});
