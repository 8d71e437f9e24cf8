// What clients in every language do alike: tests/vectors/client.json.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import * as all from "../../clients/js/grip-lambda.js";
import { baseUrl } from "../../clients/js/grip-lambda/addresses.js";
import { Backoff } from "../../clients/js/grip-lambda/backoff.js";
import * as exchange from "../../clients/js/grip-lambda/exchange.js";
import { Methods } from "../../clients/js/grip-lambda/methods.js";
import { Session } from "../../clients/js/grip-lambda/session.js";

const VECTORS = JSON.parse(readFileSync(new URL("../vectors/client.json", import.meta.url)));
const ID = "inRwcfvee17P85B8";

/** Return an action as the file writes it. */
function written(action) {
  const { type, ...rest } = action;
  switch (type) {
    case "send":
      return { send: JSON.parse(rest.text) };
    case "invoke":
      return { invoke: [rest.key, rest.method, rest.params] };
    case "cancel":
      return { cancel: rest.key };
    case "down":
      return { down: rest.reason };
    case "retry":
      return { retry: [rest.afterS, rest.reason] };
    case "end":
      return { end: rest.error && [rest.error.name, rest.error.message] };
    default:
      assert.deepEqual(rest, {});
      return type;
  }
}

function state({ id, token, path, isUp, silenceS }, wanted = {}) {
  const silence_s = silenceS === Infinity ? null : silenceS;
  const found = { id, token, path, is_up: isUp, silence_s };
  return Object.fromEntries(Object.keys(wanted).map((name) => [name, found[name]]));
}

const textOf = (message) => (typeof message === "string" ? message : JSON.stringify(message));

function happen(session, step) {
  if ("receive" in step) return session.received(textOf(step.receive));
  if ("lose" in step) return session.lost(step.lose);
  if ("finish" in step) return session.finished(...step.finish);
  return session.stop();
}

function begun({ options = {}, opened }) {
  const { max_calls: maxCalls, id, token, methods = null, limit = 1000 } = options;
  const session = new Session({ maxCalls, id, token, backoff: new Backoff(1, 30, () => 1) });
  session.methods = methods;
  if (opened) {
    const details = { token: "t1", ping: 30, limits: { message: limit } };
    session.received(textOf({ method: "open", params: [ID, details], id: 0 }));
    session.received(textOf({ id: "ready", result: null, error: "unknown" }));
    assert.ok(session.isUp);
  }
  return session;
}

for (const vector of VECTORS.sessions) {
  test(`a session: ${vector.name}`, () => {
    const session = begun(vector);
    assert.deepEqual(state(session, vector.is), vector.is ?? {});
    vector.steps.forEach((step, number) => {
      assert.deepEqual(happen(session, step).map(written), step.do, `step ${number}`);
      assert.deepEqual(state(session, step.is), step.is ?? {}, `step ${number}`);
    });
  });
}

test("waits", () => {
  for (const { first_s, longest_s, draws, waits } of VECTORS.backoff) {
    const left = [...draws];
    const backoff = new Backoff(first_s, longest_s, () => left.shift());
    assert.deepEqual(draws.map(() => backoff.next()), waits);
  }
});

test("waits that are drawn stay below their limits", () => {
  const backoff = new Backoff();
  for (const limit of [1, 2, 4, 8, 16, 30, 30]) {
    const wait = backoff.next();
    assert.ok(wait >= 0 && wait <= limit);
  }
});

test("addresses of servers", () => {
  for (const { url, base } of VECTORS.servers) assert.equal(baseUrl(url), base);
  for (const url of VECTORS.not_servers) assert.throws(() => baseUrl(url), /address/, url);
});

test("names of methods", () => {
  const methods = new Methods(new Map(VECTORS.names.good.map((name) => [name, () => name])));
  assert.deepEqual(methods.names(), VECTORS.names.good);
  for (const name of VECTORS.names.good) assert.equal(methods.find(name, [])({}), name);
  for (const name of VECTORS.names.bad) {
    assert.throws(() => new Methods(new Map([[name, () => {}]])), TypeError, name);
  }
});

test("the request of a call", () => {
  for (const { call, request } of VECTORS.requests) {
    const made = exchange.call(...call, []).next().value.request;
    const { method, path, headers, content, timeoutS: timeout_s } = made;
    assert.deepEqual({ method, path, prefer: headers.Prefer, content, timeout_s }, request);
  }
});

test("waits that make no sense", () => {
  for (const wait of [...VECTORS.bad_waits, NaN, Infinity, "5"]) {
    assert.throws(() => exchange.call(ID, "greet", null, wait, []).next(), RangeError);
  }
});

for (const vector of VECTORS.outcomes) {
  test(`what becomes of a call: ${JSON.stringify(vector.after)}`, () => {
    const left = vector.after.map(({ failure, sent, late = false, status, text, type }) =>
      failure
        ? { reason: failure, sent, late }
        : { status, text, contentType: type ?? "application/json" },
    );
    const flow = exchange.call(ID, "greet", null, 10, [1, 2]);
    let pauses = 0;
    const run = () => {
      let step = flow.next();
      while (!step.done) {
        if (step.value.pauseS !== undefined) pauses += 1;
        step = flow.next(step.value.request ? left.shift() : undefined);
      }
      return step.value;
    };
    if (vector.error) {
      assert.throws(run, (error) => {
        const names = Object.keys(vector.error);
        assert.ok(error instanceof all.LambdaError, error.stack);
        const found = Object.fromEntries(names.map((name) => [name, error[name]]));
        assert.deepEqual(found, vector.error);
        return true;
      });
    } else {
      assert.deepEqual(run(), vector.result);
    }
    assert.deepEqual(left, []);
    assert.equal(pauses, vector.pauses ?? 0);
  });
}

test("the errors", () => {
  const exported = Object.values(all).filter((one) => one.prototype instanceof all.LambdaError);
  assert.deepEqual(
    new Set(exported.map((kind) => kind.name)),
    new Set(VECTORS.errors.map(({ name }) => name)),
  );
  for (const { name, status, code, may_have_run: mayHaveRun } of VECTORS.errors) {
    const error = new all[name]("why");
    const found = [error.name, error.status, error.code, error.mayHaveRun];
    assert.deepEqual(found, [name, status, code, mayHaveRun]);
    assert.ok(error instanceof all.LambdaError && error instanceof Error);
  }
});

test("the listing", () => {
  const listed = (text) => {
    const flow = exchange.listing([]);
    flow.next();
    return flow.next({ status: 200, text, contentType: "application/json" }).value;
  };
  const [{ timestamp, raw, ...found }] = listed(JSON.stringify(VECTORS.listing.good));
  const { timestamp_ms, ...wanted } = VECTORS.listing.lambda;
  assert.deepEqual(found, wanted);
  assert.equal(timestamp.getTime(), timestamp_ms);
  assert.deepEqual(raw, VECTORS.listing.good[ID]);
  for (const text of VECTORS.listing.bad) assert.throws(() => listed(text), all.ServerError, text);
});
