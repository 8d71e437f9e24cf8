// Hosts and callers against a real server, in Node or Deno: GRIP_LAMBDA_URL names it.

import assert from "node:assert/strict";
import { describe, it } from "node:test";

import {
  BadRequest,
  Busy,
  Cancelled,
  Client,
  DeadlineExceeded,
  Deleted,
  Disconnected,
  Forbidden,
  Host,
  KeyReused,
  NotFound,
  RemoteError,
  TakenOver,
  TooLarge,
  Unavailable,
} from "../../clients/js/grip-lambda.js";
import { all, client, Functions, hosted, network, until, useless, WebSocket } from "./support.mjs";

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

  it("calls one of the hosts of a service, or all of them", async () => {
    const name = `node.${Math.random()}`;
    const fail = () => {
      throw new TypeError("no");
    };
    const hosts = [{ greet: (body) => [body] }, { greet: fail }].map((functions) => {
      return new Host(client.url, functions, { WebSocket, log: null, service: name });
    });
    const service = client.service(name);
    await assert.rejects(service.greet(1), NotFound);
    await assert.rejects(service.all("greet").next(), NotFound);
    for (const host of hosts) await host.start();
    try {
      let value, reason;
      await until(async () => {
        await service.greet(1).then((one) => value = one, (one) => reason = one);
        return value && reason;
      });
      assert.deepEqual(value, [1]);
      assert.ok(reason instanceof RemoteError);
      assert.equal(reason.host, hosts[1].id);
      const answers = await all(service.all("greet", { a: 1 }, { wait: 20 }));
      assert.deepEqual(new Set(answers.map(({ id }) => id)), new Set(hosts.map(({ id }) => id)));
      const [good, bad] = hosts.map(({ id }) => answers.find((one) => one.id === id));
      assert.deepEqual([good.status, good.error, good.result], [200, null, [{ a: 1 }]]);
      assert.equal(bad.status, 400);
      assert.throws(() => bad.result, RemoteError);
      const entry = (await client.services()).find((one) => one.name === name);
      assert.deepEqual([entry.hosts, entry.methods], [2, ["greet"]]);
      assert.deepEqual((await service.hosts()).map(({ id }) => id), hosts.map(({ id }) => id));
    } finally {
      for (const host of hosts) await host.close(0);
    }
  });

  it("has the other hosts of a service told when nobody reads their answers", async () => {
    const name = `node.${Math.random()}`;
    const slow = new Functions();
    const hosts = [slow, { hold: () => 1 }].map((functions) => {
      return new Host(client.url, functions, { WebSocket, log: null, service: name });
    });
    for (const host of hosts) await host.start();
    for await (const { result } of client.service(name).all("hold")) {
      assert.equal(result, 1);
      break;
    }
    const signal = await slow._began();
    await until(() => signal.aborted);
    for (const host of hosts) await host.close(0);
  });

  it(
    "calls a lambda like an object",
    hosted({}, async (host) => {
      const lambda = client.bind(host.id);
      assert.equal(await Promise.resolve(lambda), lambda, "which is no promise");
      assert.deepEqual(await lambda.greet({ a: 1 }), { hello: { a: 1 } });
      assert.deepEqual(await lambda.call("greet", 2), { hello: 2 });
      assert.equal(lambda.address, host.id);
      await assert.rejects(lambda.hold(null, { wait: 0.2 }), DeadlineExceeded);
      await assert.rejects(lambda.greet(undefined, { wait: -1 }), RangeError);
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
      await assert.rejects(
        client.call(host.id, "ofSize", 10_500_000),
        /ResultTooLarge: the result makes a message of \d+ bytes; the limit is 10485760/,
      );
      for (const size of [99_900, 100_000, 10_400_000]) {
        assert.equal((await client.call(host.id, "ofSize", size)).length, size);
      }
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
    "has posted what is large before it closes",
    hosted({}, async (host, functions) => {
      const held = client.call(host.id, "hold", "x".repeat(99_990));
      await functions._began();
      const closing = host.close();
      functions._release();
      assert.equal((await held).length, 99_990);
      await closing;
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
        [[host.id, "greet", "x".repeat(7_000_000)], TooLarge],
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
    try {
      await assert.rejects(new Host(other.url, {}, { WebSocket, log: null }).start(), BadRequest);
    } finally {
      other.close();
    }
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

  it("tells when it will try again, and tries at once when it is told to", async () => {
    const between = await network();
    const { random } = Math;
    Math.random = () => 100; // the first pause has 100 s
    const host = new Host(between.url, {}, { WebSocket, log: null });
    Math.random = random;
    const [ups, retries] = [[], []];
    host.onUp((id) => ups.push(id));
    host.onRetry((next) => retries.push(next));
    await host.start();
    between.cut();
    await until(() => retries.length === 1);
    between.mend();
    await until(() => (host.retry(), ups.length === 2));
    assert.equal(retries[0].afterS, 100);
    assert.match(retries[0].reason, /./);
    await host.close(0);
    between.close();
  });

  it(
    "begins calls, and asks for their results later",
    hosted({}, async (host, functions) => {
      const pending = await client.submit(host.id, "hold", { a: 1 });
      await functions._began();
      assert.equal(await pending.done(), false);
      await assert.rejects(pending.result(0.1), { name: "TimeoutError" });
      const waiting = client.pending(pending.id).result(20);
      functions._release();
      assert.deepEqual(await waiting, { a: 1 });
      assert.equal(await pending.done(), true);
      const failed = await client.submit(host.id, "fail", "no");
      await assert.rejects(failed.result(), /RemoteError: TypeError: no/);
      await assert.rejects(client.submit("A".repeat(16), "greet"), NotFound);
      await assert.rejects(client.pending("unknown").result(), NotFound);
      await assert.rejects(client.pending("unknown").done(), NotFound);
    }),
  );

  it(
    "cancels a call; its host is told",
    hosted({}, async (host, functions) => {
      const pending = await client.submit(host.id, "hold");
      const signal = await functions._began();
      await pending.cancel();
      await assert.rejects(pending.result(), Cancelled);
      await until(() => signal.aborted);
    }),
  );

  it(
    "makes one of the calls with the same idempotency key, over a lost connection, too",
    hosted({}, async (host, functions) => {
      const between = await network();
      const other = new Client(between.url);
      const options = { idempotencyKey: crypto.randomUUID() };
      const held = other.call(host.id, "hold", 1, options);
      await functions._began();
      between.cut();
      between.mend();
      functions._release();
      assert.equal(await held, 1);
      assert.equal(await (await client.submit(host.id, "hold", 1, options)).result(), 1);
      assert.deepEqual(await all(client.stream(host.id, "hold", 1, options)), []);
      await assert.rejects(client.call(host.id, "hold", 2, options), KeyReused);
      between.close();
    }),
  );

  it(
    "streams what functions report",
    hosted({}, async (host) => {
      const counted = client.stream(host.id, "count", 100);
      assert.deepEqual(
        await all(counted),
        Array.from({ length: 100 }, (_, number) => ({ number })),
      );
      assert.equal(await counted.result(), "counted");
      const values = [null, "☃\r\n", [1]];
      const reported = client.stream(host.id, "report", values);
      assert.deepEqual(await all(reported), values);
      assert.equal(await client.stream(host.id, "report", values).result(), "reported");
      assert.equal(await client.call(host.id, "count", 3), "counted");
      const much = await all(client.stream(host.id, "reportMuch", [30, 90_000]));
      assert.deepEqual(much.map((value) => value.length), Array(30).fill(90_000));
    }),
  );

  it(
    "streams errors",
    hosted({}, async (host) => {
      const failing = client.stream(host.id, "reportThenFail");
      const found = [];
      const reading = async () => {
        for await (const value of failing) found.push(value);
      };
      await assert.rejects(reading(), /RemoteError: TypeError: then/);
      assert.deepEqual(found, [1]);
      await assert.rejects(failing.result(), RemoteError);
      const told = [
        [["reportTooMuch", 100_000], /RangeError: this makes a message of \d+ bytes; the limit is/],
        [["reportNoJson"], /TypeError: this can't be written as JSON/],
        [["hold", null, { wait: 0.1 }], DeadlineExceeded],
        [["hold", "x".repeat(7_000_000)], TooLarge],
      ];
      for (const [call, error] of told) {
        await assert.rejects(client.stream(host.id, ...call).result(), error);
      }
      await assert.rejects(all(client.stream("A".repeat(16), "count")), NotFound);
      assert.throws(() => client.stream(host.id, "count", 1n), BadRequest);
    }),
  );

  it(
    "goes on with a stream after a lost connection, and misses nothing",
    hosted({}, async (host, functions) => {
      const between = await network();
      const stream = new Client(between.url).stream(host.id, "countHeld", 4);
      const values = stream[Symbol.asyncIterator]();
      for (const number of [0, 1, 2, 3]) {
        const next = values.next();
        const signal = await functions._began();
        assert.equal(signal.aborted, false);
        if (number % 2) between.cut();
        functions._release();
        between.mend();
        assert.deepEqual(await next, { done: false, value: number });
      }
      assert.equal(await stream.result(), null);
      between.close();
    }),
  );

  it(
    "reads no more once it was closed",
    hosted({}, async (host, functions) => {
      const stream = client.stream(host.id, "countHeld", 4);
      const next = stream[Symbol.asyncIterator]().next();
      await functions._began();
      await stream.close();
      assert.deepEqual(await next, { done: true, value: undefined });
      await assert.rejects(stream.result(), /has not ended/);
    }),
  );

  it(
    "tells functions of their call, for invocations, too",
    hosted({ context: true }, async (host) => {
      host.method("tell", (body, { context }) => {
        context.log("logged");
        context.bill({ used: 7 });
        return { body, id: context.awsRequestId, left: context.getRemainingTimeInMillis() };
      });
      const { left, id, body } = await client.call(host.id, "tell", 1, { wait: 20 });
      assert.ok(left > 10_000 && left <= 20_000, left);
      assert.ok(id.length > 10 && body === 1);
      await assert.rejects(client.call(host.id, "fail", "no"), /RemoteError: TypeError: no/);
      assert.equal(await client.stream(host.id, "count", 2).result(), "counted");
      const response = await fetch(`${client.url}/invoke/${host.id}/tell`, {
        method: "POST",
        body: JSON.stringify({ event: 2, context: { aws_request_id: "r1" } }),
      });
      const reply = await response.json();
      assert.deepEqual([reply.result.body, reply.logs], [2, ["logged"]]);
    }),
  );
});
