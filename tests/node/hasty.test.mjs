// API keys, and what only shows after seconds: KEYED_URL names a server that takes keys, pings its
// hosts every second, and misses a caller that was away for a second.

import assert from "node:assert/strict";
import { describe, it } from "node:test";

import {
  Client,
  DeadlineExceeded,
  Forbidden,
  Host,
  NotFound,
  Unauthorized,
} from "../../clients/js/grip-lambda.js";
import {
  Functions,
  hosted,
  KEY_CALL,
  KEY_FULL,
  KEY_HOST,
  KEYED_URL,
  network,
  until,
  useless,
  WebSocket,
} from "./support.mjs";

const keyed = { url: KEYED_URL, key: KEY_HOST };
const client = new Client(KEYED_URL);
const caller = new Client(KEYED_URL, { key: KEY_CALL });

describe("API keys", { concurrency: true }, () => {
  it(
    "opens lambdas with a key, private ones too",
    hosted({ ...keyed, private: true }, async (host) => {
      assert.deepEqual(await caller.call(host.id, "greet", 1), { hello: 1 });
      await assert.rejects(client.call(host.id, "greet", 1), Unauthorized);
      await assert.rejects(client.stream(host.id, "count", 1).result(), Unauthorized);
      const pending = await caller.submit(host.id, "greet", 2);
      assert.deepEqual(await pending.result(), { hello: 2 });
      await assert.rejects(client.pending(pending.id).result(), NotFound);
      await assert.rejects(caller.list(), Forbidden);
      const full = new Client(KEYED_URL, { key: KEY_FULL });
      assert.equal((await full.get(host.id)).id, host.id);
      await full.delete(host.id);
      await until(() => !host.isUp);
    }),
  );

  it("ends a host whose key is missing, unknown, or may not host", async () => {
    const told = [
      [undefined, Unauthorized],
      ["gl_0123456789abcdef_nobody", Unauthorized],
      [KEY_CALL, Forbidden],
    ];
    for (const [key, kind] of told) {
      const host = new Host(KEYED_URL, {}, { WebSocket, key, log: null });
      await assert.rejects(host.start(), (error) => {
        assert.ok(error instanceof kind, error);
        assert.ok(!error.message.includes("gl_"));
        return true;
      });
      await assert.rejects(host.wait(), kind);
    }
  });

  it("takes the key of the environment", async () => {
    process.env.GRIP_LAMBDA_KEY = KEY_FULL;
    const host = new Host(KEYED_URL, new Functions(), { WebSocket, log: null });
    const full = new Client(KEYED_URL);
    delete process.env.GRIP_LAMBDA_KEY;
    await host.start();
    assert.ok((await full.list()).some(({ id }) => id === host.id));
    await host.close();
  });

  it("connects again with a new ticket", async () => {
    const between = await network(KEYED_URL);
    await hosted({ ...keyed, url: between.url }, async (host, _, { ups, downs }) => {
      between.cut();
      await until(() => downs.length === 1);
      between.mend();
      await until(() => ups.length === 2);
      assert.deepEqual(await client.call(ups[0], "greet", 1), { hello: 1 });
      assert.equal(host.id, ups[0]);
    })();
    between.close();
  });

  it("asks again for a ticket where there was no server, and closes meanwhile", async () => {
    const gone = await useless((socket) => socket.destroy());
    const warnings = [];
    const log = { warn: (...words) => warnings.push(words.join(" ")) };
    const host = new Host(gone.url, {}, { WebSocket, key: KEY_HOST, log });
    const running = host.run();
    await until(() => gone.requests >= 2);
    await host.close();
    await running;
    assert.ok(warnings.length && !warnings.join("").includes("gl_"), warnings);
    gone.close();
  });

  it(
    "tells a host that who read a stream has gone",
    hosted(keyed, async (host, functions) => {
      const stream = caller.stream(host.id, "countHeld", 10);
      functions._began().then(() => functions._release());
      for await (const value of stream) {
        assert.equal(value, 0);
        break;
      }
      const signal = await functions._began();
      await until(() => signal.aborted);
      await assert.rejects(stream.result(), /has not ended/);
    }),
  );
});

describe("silence", { concurrency: true }, () => {
  it("does not wait for a server that says nothing", async () => {
    const mute = await useless(() => {});
    const call = new Client(mute.url).call("A".repeat(16), "greet", null, { wait: 0.05 });
    await assert.rejects(call, DeadlineExceeded);
    assert.equal(mute.requests, 1);
    mute.close();
  });

  it("knows a connection on which nothing comes any more", async () => {
    const between = await network(KEYED_URL);
    await hosted({ ...keyed, url: between.url }, async (host, _, { ups, downs }) => {
      between.silence();
      await until(() => ups.length === 2, 15);
      assert.deepEqual(downs, ["the server fell silent"]);
      assert.deepEqual(await client.call(host.id, "greet", 1), { hello: 1 });
    })();
    between.close();
  });

  it("asks the server while nothing happens, and takes its answer for life", async () => {
    const between = await network(KEYED_URL);
    await hosted({ ...keyed, url: between.url }, async (host, _, { downs }) => {
      // The answer to the opening, and then one after each two pings.
      await until(() => between.said('"ready"') === 3);
      assert.deepEqual(downs, []);
      assert.deepEqual(await client.call(host.id, "greet", 1), { hello: 1 });
    })();
    between.close();
  });
});
