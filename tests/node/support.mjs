// Hosts, networks and servers for the tests.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectTo, createServer } from "node:net";

import { Client, Host, RemoteError } from "../../clients/js/grip-lambda.js";

export const WebSocket = globalThis.WebSocket ?? (await import("ws")).WebSocket;
/** A caller of the server that GRIP_LAMBDA_URL names. */
export const client = new Client();

/** The server that KEYED_URL names takes API keys, pings each second, and has a grace of one. */
export const { KEYED_URL, KEY_HOST, KEY_CALL, KEY_FULL } = process.env;

/** Functions of a host, and what the test waits for. */
export class Functions {
  #began = [];
  #waiting = [];
  #held = [];

  greet(body) {
    return { hello: body };
  }

  async later(body) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    return body;
  }

  nothing() {}

  ofSize(size) {
    return "x".repeat(size);
  }

  notJson() {
    return NaN;
  }

  *count(to) {
    for (let number = 0; number < to; number++) yield { number };
    return "counted";
  }

  /** Report each number once the test has released the one before. */
  async *countHeld(to, call) {
    for (let number = 0; number < to; number++) {
      await this.hold(null, call);
      yield number;
    }
  }

  async report(values, { progress }) {
    for (const value of values) await progress(value);
    return "reported";
  }

  *reportMuch([count, size]) {
    for (let number = 0; number < count; number++) yield "x".repeat(size);
  }

  reportTooMuch(size, { progress }) {
    progress("x".repeat(size));
  }

  reportNoJson(_, { progress }) {
    progress(NaN);
  }

  *reportThenFail() {
    yield 1;
    throw new TypeError("then");
  }

  fail(message) {
    throw new TypeError(message);
  }

  failWith(error) {
    throw new RemoteError(error);
  }

  /** Answer when the test says so, or fail when nobody waits any more. */
  hold(body, { signal }) {
    return new Promise((resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason));
      this.#held.push(() => resolve(body));
      const waiting = this.#waiting.shift();
      if (waiting) waiting(signal);
      else this.#began.push(signal);
    });
  }

  /** Return the signal of the next call that is held. */
  _began() {
    if (this.#began.length) return this.#began.shift();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  _release() {
    for (const answer of this.#held.splice(0)) answer();
  }
}

/** Run a test with a host. */
export function hosted(options, run) {
  return async () => {
    const functions = new Functions();
    const host = new Host(options.url, functions, { WebSocket, log: null, ...options });
    const [ups, downs] = [[], []];
    host.onUp((id) => ups.push(id));
    host.onDown((why) => downs.push(why));
    await host.start();
    try {
      await run(host, functions, { ups, downs });
    } finally {
      await host.close(0);
    }
  };
}

/** Read a stream to its end. */
export async function all(stream) {
  const found = [];
  for await (const value of stream) found.push(value);
  return found;
}

export async function until(condition, seconds = 10) {
  const end = Date.now() + seconds * 1000;
  while (!(await condition())) {
    assert.ok(Date.now() < end, `${condition} is not true after ${seconds} s`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** A network between a client and the server, which can be cut and mended. */
export async function network(url = client.url) {
  const { port, hostname } = new URL(url);
  const pairs = new Set();
  const heard = [];
  let isCut = false;
  const server = createServer((near) => {
    if (isCut) return near.destroy();
    const far = connectTo(Number(port), hostname);
    const pair = { near, far };
    pairs.add(pair);
    near.on("data", (data) => pair.silent || far.write(data));
    far.on("data", (data) => {
      if (pair.silent) return;
      near.write(data);
      heard.push(data.toString("latin1"));
    });
    for (const [one, other] of [[near, far], [far, near]]) {
      one.on("error", () => {});
      one.on("close", () => pair.silent || other.destroy());
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const drop = () => [...pairs].forEach(({ near, far }) => (near.destroy(), far.destroy()));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    cut() {
      isCut = true;
      drop();
    },
    mend: () => (isCut = false),
    /** Tell how often the server has said this. */
    said: (words) => heard.join("").split(words).length - 1,
    /** Have nothing arrive any more on the connections that there are. */
    silence: () => pairs.forEach((pair) => (pair.silent = true)),
    close() {
      server.close();
      drop();
    },
  };
}

/** A server that counts its requests, and hangs up or says nothing. */
export async function useless(handle) {
  const counted = { requests: 0, sockets: [] };
  const server = createServer((socket) => {
    counted.sockets.push(socket);
    socket.once("data", () => {
      counted.requests += 1;
      handle(socket);
    });
    socket.on("error", () => {});
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  counted.url = `http://127.0.0.1:${server.address().port}`;
  counted.close = () => {
    server.close();
    counted.sockets.forEach((socket) => socket.destroy());
  };
  return counted;
}
