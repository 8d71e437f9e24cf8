// What goes wrong in an odd way: functions that throw what has no text, and what is not our server.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { describe, it } from "node:test";

import {
  Client,
  Host,
  RemoteError,
  ServerError,
  Unavailable,
} from "../../clients/js/grip-lambda.js";
import { client, hosted, until, WebSocket } from "./support.mjs";

const ID = "A".repeat(16);
const TOKEN = "0123456789abcdefghijklmnopqrstuv";

/** Run with a server that answers everything itself. */
async function stranger(answer, run, server = createServer()) {
  const seen = [];
  const answered = (request, response) => {
    seen.push(request);
    request.resume();
    answer(request, response);
  };
  server.on("request", answered);
  server.on("upgrade", (request, socket) => {
    seen.push(request);
    socket.end(
      "HTTP/1.1 301 Moved\r\nLocation: http://a.example/in?x=1\r\nContent-Length: 0\r\n\r\n",
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const scheme = server.setSecureContext ? "https" : "http";
    await run(`${scheme}://127.0.0.1:${server.address().port}`, seen);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const json = (response, status, body) =>
  response.writeHead(status, { "Content-Type": "application/json" }).end(body);

const OPERATIONS = {
  call: (client) => client.call(ID, "m", { a: 1 }),
  submit: (client) => client.submit(ID, "m", { a: 1 }),
  stream: (client) => client.stream(ID, "m", { a: 1 }).result(),
  list: (client) => client.list(),
  get: (client) => client.get(ID),
  delete: (client) => client.delete(ID, TOKEN),
  result: (client) => client.pending("c").result(1),
  done: (client) => client.pending("c").done(),
  cancel: (client) => client.pending("c").cancel(),
};

const ODD = {
  nothing: [() => undefined, "undefined"],
  null: [() => null, "null"],
  bare: [() => Object.create(null), "an error without a text"],
  object: [() => ({ code: 7, message: "x" }), "x"],
  noMessage: [() => ({ code: 7 }), '{"code":7}'],
  getter: [
    () => ({
      get message() {
        throw new Error("no message");
      },
      toJSON() {
        throw null;
      },
    }),
    "[object Object]",
  ],
  noText: [
    () => ({
      toJSON: () => undefined,
      toString() {
        throw Object.create(null);
      },
    }),
    "an error without a text",
  ],
  bigint: [() => 7n, "7"],
  symbol: [() => Symbol("s"), "Symbol(s)"],
  proxy: [
    () =>
      new Proxy(new Error("p"), {
        get() {
          throw new Error("no member");
        },
        getPrototypeOf() {
          throw new Error("no prototype");
        },
        ownKeys() {
          throw new Error("no keys");
        },
      }),
    "an error without a text",
  ],
  oddError: [
    () =>
      Object.defineProperty(new Error("m"), "stack", {
        get: () => {
          throw new Error();
        },
      }),
    "m",
  ],
  noConstructor: [() => Object.assign(new Error("m"), { constructor: null }), "m"],
};

describe("what functions throw", { concurrency: true }, () => {
  const functions = {};
  for (const [name, [make]] of Object.entries(ODD)) {
    functions[name] = () => {
      throw make();
    };
    functions[`${name}Later`] = () => Promise.reject(make());
  }
  const failing = {
    warn() {
      throw new Error("the log fails");
    },
  };

  for (const [what, log] of [["console", console], ["a log that fails", failing]]) {
    for (const context of [false, true]) {
      it(`is told, whatever it is, with ${what}, context: ${context}`, async () => {
        const host = new Host(undefined, functions, { WebSocket, log, context });
        await host.start();
        try {
          for (const [name, [, message]] of Object.entries(ODD)) {
            for (const method of [name, `${name}Later`]) {
              const error = await client.call(host.id, method).catch((error) => error);
              assert.ok(error instanceof RemoteError, `${method}: ${error}`);
              assert.deepEqual(error.error, { errorType: "Error", errorMessage: message }, method);
            }
          }
        } finally {
          await host.close(0);
        }
      });
    }
  }

  it("may be a RemoteError of anything", async () => {
    for (const error of [Object.create(null), ODD.getter[0](), ODD.proxy[0](), undefined, 1n]) {
      assert.equal(typeof new RemoteError(error).message, "string");
    }
    const remote = new Host(undefined, {
      odd() {
        throw new RemoteError(ODD.getter[0]());
      },
    }, { WebSocket, log: null, context: true });
    await remote.start();
    await assert.rejects(client.call(remote.id, "odd"), /NotJson/);
    await remote.close(0);
  });
});

describe("what is not our server", { concurrency: true }, () => {
  for (const [name, run] of Object.entries(OPERATIONS)) {
    for (const status of [301, 302, 303, 307, 308]) {
      it(`redirects with ${status}: ${name}`, () =>
        stranger(
          (_, response) => json(response, 200, "null"),
          (target, there) =>
            stranger(
              ({ url }, response) =>
                response.writeHead(status, { Location: target.replace("//", "//u:geheim@") + url })
                  .end(),
              async (url, seen) => {
                const caller = new Client(url, { key: "gl_key" });
                const error = await run(caller).catch((error) => error);
                assert.ok(error instanceof Unavailable, String(error));
                assert.equal(error.status, status);
                assert.ok(error.message.includes(`redirects to ${target}/`), error.message);
                assert.doesNotMatch(error.message, new RegExp(`geheim|${TOKEN}`));
                assert.deepEqual([seen.length, there.length], [1, 0]);
              },
            ),
        ));
    }
    it(`is a page: ${name}`, () =>
      stranger(
        (_, response) => response.writeHead(200, { "Content-Type": "text/html" }).end("1"),
        async (url) => assert.rejects(run(new Client(url)), ServerError),
      ));
  }

  it("redirects, and a fetch of the user's own follows", () =>
    stranger(
      ({ url }, response) =>
        url === "/in"
          ? json(response, 200, "1")
          : response.writeHead(302, { Location: "/in" }).end(),
      async (url) => {
        const follows = (url, options) => fetch(url, { ...options, redirect: "follow" });
        await assert.rejects(new Client(url, { fetch: follows }).call(ID, "m", 1), /redirects to/);
      },
    ));

  it("redirects a host", () =>
    stranger(
      (_, response) => response.writeHead(301, { Location: "http://a.example/in?x=1" }).end(),
      async (url) => {
        const host = new Host(url, {}, { WebSocket, log: null });
        await assert.rejects(host.start(5), {
          name: "Unavailable",
          message: "this address redirects to http://a.example/in; take that one",
        });
      },
    ));

  it("shows the token and the key in headers", () =>
    stranger(
      (_, response) => response.writeHead(204).end(),
      async (url, seen) => {
        await new Client(url, { key: "gl_key" }).delete(ID, TOKEN);
        const [{ url: path, headers }] = seen;
        assert.deepEqual(
          [path, headers.authorization, headers["x-api-key"]],
          [`/lambda/${ID}`, `Bearer ${TOKEN}`, "gl_key"],
        );
      },
    ));

  it("speaks no TLS, which is no call that may have run", () =>
    stranger(
      (_, response) => json(response, 200, "1"),
      async (url) => {
        const tls = url.replace("http", "https");
        const error = await new Client(tls, { retries: 0 }).call(ID, "m").catch((error) => error);
        assert.ok(error instanceof Unavailable && !error.mayHaveRun, String(error));
        assert.doesNotMatch(error.message, /\n|\.c:/);
      },
    ));

  it("has a certificate that is not trusted", () => {
    const [key, cert] = ["KEY", "CERT"].map((name) => readFileSync(process.env[`TLS_${name}`]));
    return stranger(
      (_, response) => json(response, 200, "1"),
      async (url, seen) => {
        const began = performance.now();
        const error = await new Client(url).call(ID, "m").catch((error) => error);
        assert.ok(error instanceof Unavailable, String(error));
        const host = new Host(url, {}, { WebSocket, log: null });
        await assert.rejects(host.run(), Unavailable);
        assert.ok(performance.now() - began < 5000);
        assert.equal(seen.length, 0);
      },
      createTlsServer({ key, cert }),
    );
  });

  it("takes no result, which fails its call", async () => {
    // Both are needed: a WebSocket of the real server, and posts that go elsewhere.
    const { fetch } = globalThis;
    const host = new Host(undefined, { big: () => "x".repeat(150_000) }, { WebSocket, log: null });
    await host.start();
    const asked = [];
    globalThis.fetch = (url, options) => {
      if (options.method !== "POST" || !url.includes("/lambda/new/")) return fetch(url, options);
      asked.push([url, options.headers]);
      return Promise.resolve(new Response("<html>", { status: 200 }));
    };
    try {
      await assert.rejects(
        new Client(undefined, { fetch }).call(host.id, "big"),
        /NotSent: .*200 <html>/,
      );
      assert.equal(asked.length, 1);
      assert.ok(!asked[0][0].includes("token"));
      assert.deepEqual(asked[0][1], { authorization: `Bearer ${host.token}` });
    } finally {
      globalThis.fetch = fetch;
      await host.close(0);
    }
  });
});

describe("a WebSocket that tells of an error, and of no end", () => {
  it("is given up at once", async () => {
    class Deaf {
      readyState = 0;
      constructor() {
        setTimeout(() => this.onerror?.({ message: "refused" }), 1);
      }
      send() {}
      close() {}
    }
    const told = [];
    const host = new Host(undefined, {}, {
      WebSocket: Deaf,
      log: { warn: (...what) => told.push(what) },
    });
    const running = host.run();
    await until(() => told.length, 3);
    assert.match(String(told[0]), /refused; connecting again/);
    await host.close(0);
    await running;
  });

  it(
    "has an address only once it is open",
    hosted({}, async (host) => {
      assert.ok(host.address("greet").endsWith(`/lambda/${host.id}/greet`));
      assert.throws(
        () => new Host("http://h", {}, { WebSocket }).address("m"),
        /before it is open/,
      );
    }),
  );
});
