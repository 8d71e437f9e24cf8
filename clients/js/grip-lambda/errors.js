// What a caller, or a host, can be told; the table is in grip-lambda.d.ts.

import { locationOf } from "./addresses.js";
import { isObject, readJson } from "./messages.js";
import { textOf } from "./telling.js";

export class LambdaError extends Error {
  static status = 500;
  static code = "internal_error";
  static mayHaveRun = false;
  host = "";

  constructor(message, { status, code } = {}) {
    super(message || new.target.name);
    this.name = new.target.name;
    this.status = status || new.target.status;
    this.code = code || new.target.code;
    this.mayHaveRun = new.target.mayHaveRun;
  }
}

export class RemoteError extends LambdaError {
  static status = 400;
  static code = null;
  static mayHaveRun = true;

  constructor(error, { status } = {}) {
    super(shown(error), { status });
    this.error = error;
  }
}

export class BadRequest extends LambdaError {
  static status = 400;
  static code = "bad_request";
}

export class Unauthorized extends LambdaError {
  static status = 401;
  static code = "unauthorized";
}

export class Forbidden extends LambdaError {
  static status = 403;
  static code = "forbidden";
}

export class NotFound extends LambdaError {
  static status = 404;
  static code = "not_found";
}

export class TakenOver extends LambdaError {
  static status = 409;
  static code = "taken_over";
}

export class Cancelled extends LambdaError {
  static status = 410;
  static code = "cancelled";
  static mayHaveRun = true;
}

export class Deleted extends LambdaError {
  static status = 410;
  static code = "deleted";
}

export class TooLarge extends LambdaError {
  static status = 413;
  static code = "too_large";
}

export class KeyReused extends LambdaError {
  static status = 422;
  static code = "key_reused";
}

export class Busy extends LambdaError {
  static status = 429;
  static code = "busy";
}

export class ServerError extends LambdaError {
  static mayHaveRun = true;
}

export class Disconnected extends LambdaError {
  static status = 502;
  static code = "disconnected";
  static mayHaveRun = true;
}

export class ResultTooLarge extends LambdaError {
  static status = 502;
  static code = "result_too_large";
  static mayHaveRun = true;
}

export class Unavailable extends LambdaError {
  static status = 503;
  static code = "unavailable";
}

export class DeadlineExceeded extends LambdaError {
  static status = 504;
  static code = "deadline_exceeded";
  static mayHaveRun = true;
}

const BY_CODE = new Map(
  [
    BadRequest,
    Unauthorized,
    Forbidden,
    NotFound,
    TakenOver,
    Cancelled,
    Deleted,
    TooLarge,
    KeyReused,
    Busy,
    ServerError,
    Disconnected,
    ResultTooLarge,
    Unavailable,
    DeadlineExceeded,
  ].map((kind) => [kind.code, kind]),
);
const BY_STATUS = new Map(
  [Unauthorized, Forbidden, NotFound, TooLarge, Busy, Unavailable, DeadlineExceeded].map(
    (kind) => [kind.status, kind],
  ),
);

/** Return the error that a response means which is no success; `location` is where it redirects. */
export function fromResponse(status, text, location) {
  if (status >= 300 && status < 400) {
    const target = locationOf(location) || "elsewhere";
    return new Unavailable(`this address redirects to ${target}; take that one`, { status });
  }
  const page = pageOf(status, text);
  if (status < 400) {
    return new ServerError(page || "the server's answer can't be read", { status });
  }
  let message = page || text.slice(0, 200).trim();
  let code;
  const body = errorIn(text);
  if (body) {
    if (!Object.hasOwn(body, "code") && status === 400) {
      return new RemoteError(body.error, { status });
    }
    message = typeof body.error === "string" ? body.error : JSON.stringify(body.error);
    code = typeof body.code === "string" ? body.code : undefined;
  }
  const fallback = status < 500 ? BadRequest : ServerError;
  const kind = BY_CODE.get(code) ?? BY_STATUS.get(status) ?? fallback;
  return new kind(message || `the server answered with ${status}`, { status, code });
}

/** Return what a page of HTML is told as; empty if the text is none. */
function pageOf(status, text) {
  const begin = text.slice(0, 2000).trim();
  if (!/^<(?:!doctype\s+html|html)\b/i.test(begin)) return "";
  const title = /<title>([^<]*)/i.exec(begin)?.[1].trim().replace(/\s+/g, " ").slice(0, 100);
  const shown = title ? `${status}, ${title}` : `${status}`;
  return `a page of HTML came (${shown}): another server, a proxy or a portal has answered`;
}

/** Return what a response of our server says of an error; null if this is none. */
export function errorIn(text) {
  const body = readJson(text);
  return isObject(body) && Object.hasOwn(body, "error") ? body : null;
}

/** Return a host's error in a line. A function may have made it of anything. */
function shown(error) {
  if (typeof error === "string") return error;
  try {
    if (isObject(error)) {
      const message = error.errorMessage ?? error.message;
      if (typeof message === "string") {
        return typeof error.errorType === "string" ? `${error.errorType}: ${message}` : message;
      }
    }
    return JSON.stringify(error) ?? textOf(error);
  } catch {
    return textOf(error);
  }
}
