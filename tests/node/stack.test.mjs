// Hosts and callers against a real server, in Node or Deno: GRIP_LAMBDA_URL names it.

import assert from "node:assert/strict";
import { describe, it } from "node:test";

import {
  BadRequest,
  Busy,
  Client,
  DeadlineExceeded,
  Deleted,
  Disconnected,
  Forbidden,
  Host,
  NotFound,
  RemoteError,
  TakenOver,
  TooLarge,
  Unavailable,
} from "../../clients/js/grip-lambda.js";
import { Functions, WebSocket, client, hosted, network, until, useless } from "./support.mjs";

describe("against a server", { concurrency: true }, () => {
  it(
    "calls and answers",
    hosted({}, async (host) => {
      const body = { name: "wörld ☃", numbers: [1.5, -2], none: null };
      assert.deepEqual(await client.call(host.id, "greet", body), { hello: body });
      assert.deepEqual(await client.call(host.id, "greet"), { hello: null });
      assert.equal(await client.call(host.id, "nothing", 1), null);
      const numbers = Array.from({ length: 20 }, (_, number) => number);
      const calls = numbers.map((number) => client.call(host.id, "later", number));
      assert.deepEqual(await Promise.all(calls), numbers);
      const response = await fetch(host.address("greet"), { method: "POST", body: "7" });
      assert.deepEqual(await response.json(), { hello: 7 });
    }),
  );

  it(
    "is listed, and can be deleted",
    hosted({}, async (host) => {
      assert.ok((await client.list()).some(({ id }) => id === host.id));
      const found = await client.get(host.id);
      assert.deepEqual([found.id, found.code], [host.id, "json-rpc"]);
      assert.ok(found.methods.includes("greet") && !found.methods.includes("_began"));
      assert.ok(Math.abs(found.timestamp - Date.now()) < 60_000);
      await assert.rejects(client.delete(host.id, "wrong"), Forbidden);
      await client.delete(host.id, host.token);
      await assert.rejects(host.wait(), Deleted);
      await assert.rejects(client.call(host.id, "greet"), NotFound);
    }),
  );

  it(
    "tells what was thrown",
    hosted({}, async (host) => {
      const rejected = async (method, body) => {
        const error = await client.call(host.id, method, body).catch((error) => error);
        assert.ok(error instanceof RemoteError, error);
        assert.deepEqual([error.status, error.code], [400, null]);
        return error.error;
      };
      const thrown = { errorType: "TypeError", errorMessage: "no such order" };
      assert.deepEqual(await rejected("fail", "no such order"), thrown);
      assert.deepEqual(await rejected("failWith", { any: ["thing"] }), { any: ["thing"] });
      assert.equal((await rejected("missing")).errorType, "NoSuchMethod");
      assert.equal((await rejected("constructor")).errorType, "NoSuchMethod");
      assert.equal((await rejected("notJson")).errorType, "NotJson");
    }),
  );

  it(
    "takes as many calls as it says",
    hosted({ maxCalls: 2 }, async (host, functions) => {
      const held = [1, 2].map((body) => client.call(host.id, "hold", body));
      await functions._began();
      await functions._began();
      await assert.rejects(client.call(host.id, "greet"), Busy);
      functions._release();
      assert.deepEqual(await Promise.all(held), [1, 2]);
      assert.deepEqual(await client.call(host.id, "greet", 1), { hello: 1 });
    }),
  );

  it(
    "has a result that is too large fail alone",
    hosted({}, async (host, functions, { downs }) => {
      const held = client.call(host.id, "hold", "fine");
      await functions._began();
      for (let number = 0; number < 3; number++) {
        await assert.rejects(
          client.call(host.id, "ofSize", 300_000),
          /ResultTooLarge: the result makes a message of \d+ bytes; the limit is 100000/,
        );
      }
      assert.equal((await client.call(host.id, "ofSize", 99_900)).length, 99_900);
      functions._release();
      assert.equal(await held, "fine");
      assert.deepEqual(downs, []);
    }),
  );

  it(
    "is taken over with its token only",
    hosted({}, async (former, _, { downs }) => {
      const { id, token } = former;
      const stranger = new Host(null, {}, { WebSocket, id, log: null });
      await assert.rejects(stranger.start(), Forbidden);
      const later = new Host(null, new Functions(), { WebSocket, id, token, log: null });
      await later.start();
      await assert.rejects(former.wait(), TakenOver);
      assert.equal(former.isUp, false);
      assert.equal(downs.length, 1);
      assert.deepEqual(await client.call(id, "greet", 1), { hello: 1 });
      await later.close();
    }),
  );

  it("is told of an id that is none", async () => {
    const host = new Host(null, {}, { WebSocket, id: "short", log: null });
    await assert.rejects(host.start(), BadRequest);
  });

  it(
    "finishes what runs before it closes",
    hosted({}, async (host, functions, { downs }) => {
      const held = client.call(host.id, "hold", "done");
      await functions._began();
      const closing = host.close();
      await assert.rejects(client.call(host.id, "greet"), /Closing/);
      functions._release();
      assert.equal(await held, "done");
      await closing;
      await host.wait();
      assert.equal(downs.length, 1);
      await assert.rejects(client.call(host.id, "greet"), NotFound);
    }),
  );

  it(
    "gives up what does not end",
    hosted({}, async (host, functions) => {
      const held = assert.rejects(client.call(host.id, "hold"), (error) => {
        assert.ok(error instanceof Disconnected);
        return error.mayHaveRun;
      });
      const signal = await functions._began();
      await host.close(0.1);
      assert.ok(signal.aborted);
      await held;
    }),
  );

  it(
    "tells callers by types",
    hosted({}, async (host) => {
      const told = [
        [[host.id, "hold", null, { wait: 0.1 }], DeadlineExceeded],
        [["A".repeat(16), "greet"], NotFound],
        [[host.id, "open"], BadRequest],
        [["short", "greet"], BadRequest],
        [[host.id, "greet", "x".repeat(100_001)], TooLarge],
      ];
      for (const [call, kind] of told) {
        const error = await client.call(...call).catch((error) => error);
        assert.ok(error instanceof kind, error);
        assert.deepEqual([error.status, error.code], [kind.status, kind.code]);
      }
      await assert.rejects(client.call(host.id, "greet", 1, { wait: -1 }), RangeError);
    }),
  );

  it("tells that there is no server", async () => {
    const gone = await useless(() => {});
    gone.close();
    const error = await new Client(gone.url, { retries: 1 })
      .call("A".repeat(16), "greet")
      .catch((error) => error);
    assert.ok(error instanceof Unavailable, error);
    assert.equal(error.mayHaveRun, false);
    const host = new Host(gone.url, {}, { WebSocket, log: null });
    await assert.rejects(host.start(0.3), Unavailable);
  });

  it("tells that there is no such server", async () => {
    const other = await useless((socket) => {
      socket.end("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi");
    });
    await assert.rejects(new Host(other.url, {}, { WebSocket, log: null }).start(5), BadRequest);
    other.close();
  });

  it("sends nothing again that may have arrived", async () => {
    const hangingUp = await useless((socket) => socket.destroy());
    const error = await new Client(hangingUp.url).call("A".repeat(16), "greet").catch((e) => e);
    assert.ok(error instanceof Disconnected, error);
    assert.equal(hangingUp.requests, 1);
    hangingUp.close();
  });

  it("comes back under its id when the network was cut", async () => {
    const between = await network();
    await hosted({ url: between.url }, async (host, functions, { ups, downs }) => {
      const { token } = host;
      const held = assert.rejects(client.call(host.id, "hold"), Disconnected);
      await functions._began();
      between.cut();
      await until(() => downs.length === 1);
      await held;
      between.mend();
      await until(() => ups.length === 2);
      functions._release(); // whose answer nobody gets
      assert.deepEqual(await client.call(host.id, "greet", 1), { hello: 1 });
      assert.deepEqual(ups, [host.id, host.id]);
      assert.equal(host.token, token);
    })();
    between.close();
  });
});
