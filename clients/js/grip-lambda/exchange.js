// What a caller does: requests and pauses out, replies in. No fetch and no timers here.

import { lambdaPath } from "./addresses.js";
import {
  BadRequest,
  DeadlineExceeded,
  Disconnected,
  ServerError,
  Unavailable,
  fromResponse,
} from "./errors.js";
import { isObject, readJson, toJson } from "./messages.js";

export const DEFAULT_WAIT_S = 60;
/** How much longer than its deadline a call waits for the server to tell it, in seconds. */
const MARGIN_S = 5;
/** How long other requests wait, in seconds. */
const REQUEST_S = 30;
/** What the server makes of a deadline, in seconds. */
const [SHORTEST_S, LONGEST_S] = [0.05, 3600];

/*
 * Each of these generators yields `{ request }` or `{ pauseS }`, is sent what came of it:
 * `{ status, text, contentType }` or `{ reason, sent, late }`, and returns what was asked for.
 */

export function* call(id, method, body, waitS, pauses) {
  if (!(Number.isFinite(waitS) && waitS > 0)) {
    throw new RangeError("wait is a number of seconds, more than 0");
  }
  let path, content;
  try {
    [path, content] = [lambdaPath(id, method), toJson(body)];
  } catch (error) {
    throw new BadRequest(`this can't be sent: ${error?.message ?? error}`);
  }
  waitS = Math.min(Math.max(waitS, SHORTEST_S), LONGEST_S);
  const headers = {
    "Prefer": `wait=${Number(waitS.toPrecision(6))}`,
    "Content-Type": "application/json",
  };
  const request = { method: "POST", path, headers, content, timeoutS: waitS + MARGIN_S };
  return decoded(yield* reply(request, pauses));
}

export function* listing(pauses) {
  const entries = decoded(yield* reply(get("/lambda"), pauses));
  return checked("listing is not one", () => {
    if (!isObject(entries)) throw new TypeError("not an object");
    return Object.values(entries).map(lambda);
  });
}

export function* entry(id, pauses) {
  const entry = decoded(yield* reply(get(lambdaPath(id)), pauses));
  return checked("answer is not a lambda", () => lambda(entry));
}

export function* deletion(id, token, pauses) {
  const path = `${lambdaPath(id)}?token=${encodeURIComponent(token)}`;
  yield* reply({ method: "DELETE", path, headers: {}, timeoutS: REQUEST_S }, pauses);
}

function get(path) {
  return { method: "GET", path, headers: {}, timeoutS: REQUEST_S };
}

/** Make a request, again if it certainly reached no host; return a reply without an error. */
function* reply(request, pauses) {
  for (const pauseS of [...pauses, null]) {
    const outcome = yield { request };
    const error = failed(request, outcome);
    if (error === null) return outcome;
    if (!(error instanceof Unavailable) || pauseS === null) throw error;
    yield { pauseS };
  }
}

/** Return the error that an outcome means; `Unavailable` if no host can have been asked. */
function failed(request, outcome) {
  const { status, text, contentType, reason: why, sent, late } = outcome;
  if (status === undefined) {
    if (!sent) return new Unavailable(`the server is out of reach: ${why}`);
    if (late) return new DeadlineExceeded(`no answer came within ${request.timeoutS} s`);
    return new Disconnected(`the server went away: ${why}`);
  }
  if (status < 400) return null;
  if (status === 502 && contentType.startsWith("text/plain")) {
    // Pushpin's own: it could not pass the request on.
    return new Unavailable("the proxy can't reach the backend", { status });
  }
  return fromResponse(status, text);
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
