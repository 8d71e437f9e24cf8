// What clients in every language do alike: tests/vectors/client.json.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import * as all from "../../clients/js/grip-lambda.js";
import {
  baseUrl,
  keyHeaders,
  presented,
  withoutSecrets,
} from "../../clients/js/grip-lambda/addresses.js";
import { Backoff } from "../../clients/js/grip-lambda/backoff.js";
import * as exchange from "../../clients/js/grip-lambda/exchange.js";
import { Context } from "../../clients/js/grip-lambda/context.js";
import { Methods } from "../../clients/js/grip-lambda/methods.js";
import { Session } from "../../clients/js/grip-lambda/session.js";
import { Parser } from "../../clients/js/grip-lambda/sse.js";
import { StreamState } from "../../clients/js/grip-lambda/stream-state.js";

const VECTORS = JSON.parse(readFileSync(new URL("../vectors/client.json", import.meta.url)));
const ID = "inRwcfvee17P85B8";

/** Return an action as the file writes it. */
function written(action) {
  const { type, ...rest } = action;
  switch (type) {
    case "send":
    case "post":
      return { [type]: JSON.parse(rest.text) };
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
  if ("posted" in step) return session.posted(...step.posted);
  if ("progress" in step) return session.progressed(...step.progress);
  return session.stop();
}

function begun({ options = {}, opened }) {
  const { max_calls: maxCalls, methods = null, private: isPrivate, ...rest } = options;
  const backoff = new Backoff(1, 30, () => 1);
  const session = new Session({ ...rest, maxCalls, isPrivate, backoff });
  session.methods = methods;
  if (opened) {
    const { limit = 1000, result_limit: result } = options;
    const details = { token: "t1", ping: 30, limits: { message: limit, result } };
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
      if (step.fails) {
        assert.throws(() => happen(session, step), { name: "RangeError", message: step.fails });
        return;
      }
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

test("a password in an address is not shown", () => {
  for (const url of VECTORS.secret_servers) {
    assert.throws(() => baseUrl(url), (error) => !error.message.includes("geheim"), url);
  }
});

test("texts without secrets", () => {
  for (const { text, shown } of VECTORS.without_secrets) assert.equal(withoutSecrets(text), shown);
});

test("what is shown to the server", () => {
  for (const { path, key, headers, sent, with: expected } of VECTORS.credentials) {
    const found = presented(path, keyHeaders(key ?? ""), headers);
    assert.deepEqual(found, { path: sent, headers: expected });
  }
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
  for (const { call, idempotency_key: idempotencyKey, request } of VECTORS.requests) {
    const [id, name, body, wait] = call;
    const made = exchange.call(id, name, body, { wait, idempotencyKey }, []).next().value.request;
    const { method, path, headers, content, timeoutS: timeout_s } = made;
    const found = { method, path, prefer: headers.Prefer, content, timeout_s };
    const key = headers["Idempotency-Key"];
    assert.deepEqual(key === undefined ? found : { ...found, idempotency_key: key }, request);
  }
});

test("waits that make no sense", () => {
  for (const wait of [...VECTORS.bad_waits, NaN, Infinity, "5"]) {
    assert.throws(() => exchange.call(ID, "greet", null, { wait }, []).next(), RangeError);
  }
});

test("idempotency keys that are none", () => {
  for (const idempotencyKey of VECTORS.bad_idempotency_keys) {
    const flow = exchange.call(ID, "greet", null, { idempotencyKey }, []);
    assert.throws(() => flow.next(), /BadRequest: an idempotency key/);
  }
});

const outcomeOf = ({ failure, sent, late, lasting, status, text, type, location = null }) =>
  failure
    ? { reason: failure, sent, late: Boolean(late), lasting: Boolean(lasting) }
    : { status, text, contentType: type ?? "application/json", location };

/** Check that an error is one of the library, and has the members that are wanted. */
function same(error, wanted) {
  assert.ok(error instanceof all.LambdaError, error?.stack);
  const found = Object.fromEntries(Object.keys(wanted).map((name) => [name, error[name]]));
  assert.deepEqual(found, wanted);
  return true;
}

/** Have the requests of a flow end as the vector says, and compare what it does. */
function check(flow, vector) {
  const left = vector.after.map(outcomeOf);
  const requests = [];
  let pauses = 0;
  const run = () => {
    let step = flow.next();
    while (!step.done) {
      const { request } = step.value;
      if (request) requests.push(request);
      else pauses += 1;
      step = flow.next(request ? left.shift() : undefined);
    }
    return step.value;
  };
  if (vector.error) assert.throws(run, (error) => same(error, vector.error));
  else assert.deepEqual(run() ?? null, vector.result);
  assert.deepEqual(left, []);
  assert.equal(pauses, vector.pauses ?? 0);
  if (vector.request) {
    const [{ method, path, headers, timeoutS: timeout_s }] = requests;
    const found = { method, path, prefer: headers.Prefer ?? null, timeout_s };
    assert.deepEqual(found, vector.request);
  }
}

for (const vector of VECTORS.outcomes) {
  test(`what becomes of a call: ${JSON.stringify(vector.after)}`, () => {
    const terms = { wait: 10, idempotencyKey: vector.idempotency_key };
    check(exchange.call(ID, "greet", null, terms, [1, 2]), vector);
  });
}

const FLOWS = {
  submit: (id, method, body, wait) => exchange.submission(id, method, body, { wait }, [1, 2]),
  *result(id, waitS) {
    const ended = yield* exchange.result(id, waitS, [1, 2]);
    return ended ? [true, ended.value] : [false, null];
  },
  done: (id) => exchange.hasEnded(id, [1, 2]),
  cancel: (id) => exchange.cancellation(id, [1, 2]),
  delete: (id, token) => exchange.deletion(id, token, [1, 2]),
  describe: (address) => exchange.description(address, [1, 2]),
};

for (const vector of VECTORS.flows) {
  const [what, ...given] = vector.do;
  test(`what becomes of other requests: ${what}, ${JSON.stringify(vector.after)}`, () => {
    check(FLOWS[what](...given), vector);
  });
}

test("events of a stream", () => {
  for (const vector of VECTORS.event_streams) {
    for (
      const cut of [(bytes) => [bytes], (bytes) => [...bytes].map((one) => Uint8Array.of(one))]
    ) {
      const parser = new Parser();
      const pieces = vector.pieces.flatMap((piece) => cut(new TextEncoder().encode(piece)));
      const found = pieces.flatMap((piece) => parser.feed(piece));
      assert.deepEqual(found.map(({ name, data, id }) => [name, data, id]), vector.events);
      assert.equal(parser.lastId, vector.last_id);
    }
  }
});

function streamStep(state, step) {
  if (step.request) {
    const { method, path, headers, timeoutS: timeout_s } = state.request();
    const last_event_id = headers["Last-Event-ID"] ?? null;
    const found = { method, path, accept: headers.Accept, last_event_id, timeout_s };
    const names = Object.keys(step.request);
    assert.deepEqual(Object.fromEntries(names.map((name) => [name, found[name]])), step.request);
  } else if ("feed" in step) {
    const found = state.feed(new TextEncoder().encode(step.feed));
    assert.equal(found.length, step.told.length);
    found.forEach((event, number) => {
      if (event.error) same(event.error, step.told[number].error);
      else assert.deepEqual(event, step.told[number]);
    });
  } else {
    const outcome = outcomeOf(step.lose ?? step.refuse);
    const take = () => (step.lose ? state.lost(outcome) : state.refused(outcome));
    if (step.error) assert.throws(take, (error) => same(error, step.error));
    else assert.equal(take(), step.pause);
  }
}

for (const vector of VECTORS.streams) {
  test(`a streamed call: ${vector.name}`, () => {
    const terms = { idempotencyKey: vector.idempotency_key };
    const state = new StreamState(exchange.callRequest(ID, "m", null, terms), [1, 2]);
    state.request();
    for (const step of vector.steps) streamStep(state, step);
  });
}

test("contexts", () => {
  for (const { given, is: wanted, said = {}, finish, reply, shorter } of VECTORS.contexts) {
    const context = new Context(given);
    for (const line of said.logs ?? []) context.log(line);
    context.bill({ memory: said.memory, used: said.used });
    const found = {
      aws_request_id: context.awsRequestId,
      invoked_function_arn: context.invokedFunctionArn,
      client_context: context.clientContext,
      remaining_ms: context.getRemainingTimeInMillis(),
      ...context,
    };
    for (const [name, value] of Object.entries(wanted)) assert.deepEqual(found[name], value, name);
    assert.deepEqual(context.reply(finish), { result: reply, shorter });
  }
});

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
