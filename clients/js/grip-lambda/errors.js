// What a caller, or a host, can be told; the table is in grip-lambda.d.ts.

import { isObject, readJson } from "./messages.js";

export class LambdaError extends Error {
  static status = 500;
  static code = "internal_error";
  static mayHaveRun = false;

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
    BadRequest, Unauthorized, Forbidden, NotFound, TakenOver, Cancelled, Deleted, TooLarge,
    KeyReused, Busy, ServerError, Disconnected, ResultTooLarge, Unavailable, DeadlineExceeded,
  ].map((kind) => [kind.code, kind]),
);
const BY_STATUS = new Map(
  [Unauthorized, Forbidden, NotFound, TooLarge, Busy, Unavailable, DeadlineExceeded].map(
    (kind) => [kind.status, kind],
  ),
);

/** Return the error that a response with a status of 400 or more tells of. */
export function fromResponse(status, text) {
  let message = text.slice(0, 200).trim();
  let code;
  const body = readJson(text);
  if (isObject(body) && Object.hasOwn(body, "error")) {
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

/** Return a host's error in a line. */
function shown(error) {
  if (typeof error === "string") return error;
  if (isObject(error)) {
    const message = error.errorMessage ?? error.message;
    if (typeof message === "string") {
      return typeof error.errorType === "string" ? `${error.errorType}: ${message}` : message;
    }
  }
  try {
    return JSON.stringify(error) ?? String(error);
  } catch {
    return String(error);
  }
}
