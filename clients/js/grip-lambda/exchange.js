// What a caller does: requests and pauses out, replies in. No fetch and no timers here.

import { calleePath, callPath, describedPath, lambdaPath, servicePath } from "./addresses.js";
import {
  BadRequest,
  DeadlineExceeded,
  Disconnected,
  errorIn,
  fromResponse,
  ServerError,
  Unavailable,
} from "./errors.js";
import { isObject, readJson, toJson } from "./messages.js";
import { messageOf } from "./telling.js";

export const DEFAULT_WAIT_S = 60;
/** How much longer than its deadline a call waits for the server to tell it, in seconds. */
const MARGIN_S = 5;
/** How long other requests wait, in seconds. */
const REQUEST_S = 30;
/** What the server makes of a deadline, in seconds. */
const [SHORTEST_S, LONGEST_S] = [0.05, 3600];
/** Where the result of a call is. */
const CALL = /(?:^|\/)calls\/([^/?#]+)$/;
const IDEMPOTENCY_KEY = /^[ -~]{1,255}$/;

/*
 * Each of these generators yields `{ request }` or `{ pauseS }`, is sent what came of it:
 * `{ status, text, contentType, location, host }` or `{ reason, sent, late, lasting }`, and returns what
 * was asked for. A request that `isSafe` may be made again though it may have been heard; a reopen
 * token in its path is a header when it is sent.
 */

/** Return the request that makes a call; `terms` are `{ wait, idempotencyKey }`. */
export function callRequest(
  id,
  method,
  body,
  { wait = DEFAULT_WAIT_S, idempotencyKey },
  ...prefer
) {
  if (!(Number.isFinite(wait) && wait > 0)) {
    throw new RangeError("wait is a number of seconds, more than 0");
  }
  const headers = { "Content-Type": "application/json" };
  if (idempotencyKey !== undefined && idempotencyKey !== null) {
    if (!IDEMPOTENCY_KEY.test(idempotencyKey)) {
      throw new BadRequest("an idempotency key has 1 to 255 characters, all of ASCII");
    }
    headers["Idempotency-Key"] = idempotencyKey;
  }
  let path, content;
  try {
    [path, content] = [calleePath(id, method), toJson(body)];
  } catch (error) {
    throw new BadRequest(`this can't be sent: ${messageOf(error)}`);
  }
  const waitS = Math.min(Math.max(wait, SHORTEST_S), LONGEST_S);
  headers.Prefer = [...prefer, `wait=${Number(waitS.toPrecision(6))}`].join(", ");
  const isSafe = "Idempotency-Key" in headers;
  return { method: "POST", path, headers, content, timeoutS: waitS + MARGIN_S, isSafe };
}

export function* call(id, method, body, terms, pauses) {
  return decoded(yield* reply(callRequest(id, method, body, terms), pauses));
}

/** Begin a call; return its id, with which its result is asked for. */
export function* submission(id, method, body, terms, pauses) {
  const request = callRequest(id, method, body, terms, "respond-async");
  const wanted = { ...request, timeoutS: REQUEST_S };
  const { status, location } = yield* reply(wanted, pauses, is(200, 202));
  const callId = CALL.exec(location ?? "")?.[1];
  if (status !== 202 || !callId) {
    throw new ServerError("the server does not take calls without waiting", { status });
  }
  return callId;
}

/** Ask for the result of a call; return `{ value }` if it has ended. */
export function* result(callId, waitS, pauses) {
  const headers = waitS ? { Prefer: `wait=${Number(waitS.toPrecision(6))}` } : {};
  const request = { ...get(callPath(callId)), headers, timeoutS: waitS + REQUEST_S };
  const told = yield* reply(request, pauses, is(200, 202));
  return told.status === 202 ? null : { value: decoded(told) };
}

/** Tell whether a call has ended, in whatever way. */
export function* hasEnded(callId, pauses) {
  return (yield* reply(get(callPath(callId)), pauses, tellsTheEnd)).status !== 202;
}

export function* cancellation(callId, pauses) {
  const path = callPath(callId);
  const request = { method: "DELETE", path, headers: {}, timeoutS: REQUEST_S, isSafe: true };
  yield* reply(request, pauses, is(204));
}

export function* listing(pauses) {
  return yield* listed("/lambda", lambda, pauses);
}

/** Return the lambdas of a service's hosts. */
export function* hosts(name, pauses) {
  return yield* listed(servicePath(name), lambda, pauses);
}

/** Return all services that have a host. */
export function* services(pauses) {
  return yield* listed("/service", service, pauses);
}

function* listed(path, read, pauses) {
  const entries = decoded(yield* reply(get(path), pauses));
  return checked("listing is not one", () => {
    if (!isObject(entries)) throw new TypeError("not an object");
    return Object.values(entries).map(read);
  });
}

export function* entry(id, pauses) {
  const entry = decoded(yield* reply(get(lambdaPath(id)), pauses));
  return checked("answer is not a lambda", () => lambda(entry));
}

export function* description(address, pauses) {
  const found = decoded(yield* reply(get(describedPath(address)), pauses));
  return checked("answer is not a description", () => {
    if (!Array.isArray(found?.methods)) throw new TypeError("no methods");
    return found;
  });
}

export function* deletion(id, token, pauses) {
  const path = lambdaPath(id) + (token ? `?token=${encodeURIComponent(token)}` : "");
  yield* reply({ method: "DELETE", path, headers: {}, timeoutS: REQUEST_S }, pauses, is(204));
}

function get(path) {
  return { method: "GET", path, headers: {}, timeoutS: REQUEST_S, isSafe: true };
}

/** Return what tells our server's success from a page that a proxy or a portal answers with. */
function is(...statuses) {
  return (reply) => statuses.includes(reply.status) && (reply.status === 204 || isJson(reply));
}

function isJson({ contentType }) {
  return !contentType || contentType.toLowerCase().includes("json");
}

/** Tell whether this is the outcome of a call, not of asking for it. */
function tellsTheEnd(reply) {
  const { status, text } = reply;
  if (status < 400) return is(200, 202)(reply);
  const asking = [401, 403, 404, 429, 503].includes(status);
  return !asking && isJson(reply) && errorIn(text) !== null;
}

/** Make a request, again if it may be; return a reply that is wanted. */
function* reply(request, pauses, isWanted = is(200)) {
  for (const pauseS of [...pauses, null]) {
    const outcome = yield { request };
    if (outcome.status !== undefined && isWanted(outcome)) return outcome;
    const error = errorOf(request, outcome);
    if (pauseS === null || !mayTryAgain(request, outcome, error)) throw error;
    yield { pauseS };
  }
}

/** Tell whether a request may be made again that had this outcome. */
export function mayTryAgain(request, { status, late, lasting }, error) {
  if (status !== undefined) return error instanceof Unavailable && status >= 400;
  if (lasting) return false;
  return error instanceof Unavailable || (!late && Boolean(request.isSafe));
}

/**
 * Return the error that an outcome means which is no success. It is `Unavailable` if no host can
 * have been asked.
 */
export function errorOf(request, outcome) {
  const { status, text, contentType, location, host, reason: why, sent, late } = outcome;
  if (status === undefined) {
    if (!sent) return new Unavailable(`the server is out of reach: ${why}`);
    if (late) return new DeadlineExceeded(`no answer came within ${request.timeoutS} s`);
    return new Disconnected(`the server went away: ${why}`);
  }
  if (status === 502 && contentType.startsWith("text/plain")) {
    // Pushpin's own: it could not pass the request on.
    return new Unavailable("the proxy can't reach the backend", { status });
  }
  return Object.assign(fromResponse(status, text, location), { host: host ?? "" });
}

/** Return what is in a reply. */
function decoded({ status, text }) {
  const value = readJson(text);
  if (value === undefined) throw new ServerError("the server's answer can't be read", { status });
  return value;
}

function checked(what, read) {
  try {
    return read();
  } catch {
    throw new ServerError(`the server's ${what}`);
  }
}

function lambda(entry) {
  const timestamp = new Date(entry.timestamp);
  const strings = [entry.id, entry.timestamp, entry.code];
  if (strings.some((one) => typeof one !== "string") || Number.isNaN(timestamp.getTime())) {
    throw new TypeError("not a lambda");
  }
  if (!isObject(entry.headers)) throw new TypeError("not a lambda");
  const { id, code, headers } = entry;
  return { id, timestamp, code, headers, methods: entry.methods ?? null, raw: entry };
}

function service(entry) {
  const { name, hosts, methods } = entry;
  if (typeof name !== "string" || !Number.isInteger(hosts)) throw new TypeError("not a service");
  return { name, hosts, methods: methods ?? null, raw: entry };
}
