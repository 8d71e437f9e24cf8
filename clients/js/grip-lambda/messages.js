// JSON-RPC as a host speaks it: text in, values out, and the other way round.

import { messageOf } from "./telling.js";

export const OPEN_ID = 0;
/** The id of the host's own request that shows, by its answer, that the server is there. */
export const READY_ID = "ready";
/** The server's request for a description of the methods. */
export const DISCOVER = "rpc.discover";
export const READY = JSON.stringify({ id: READY_ID, method: "rpc.ready", params: [] });

/** Read a message of the server; null if it is not one. */
export function parse(text) {
  const content = readJson(text);
  if (!isObject(content)) return null;
  return {
    id: content.id ?? null,
    method: typeof content.method === "string" ? content.method : null,
    params: Array.isArray(content.params) ? content.params : [],
  };
}

/** Return a value as JSON (RFC 8259), which has no NaN; undefined is null. */
export function toJson(value) {
  const text = JSON.stringify(value ?? null, (_, part) => {
    if (typeof part === "number" && !Number.isFinite(part)) {
      throw new TypeError(`${part} is not a number in JSON`);
    }
    return part;
  });
  if (text === undefined) throw new TypeError(`a ${typeof value} is not JSON`);
  return text;
}

/** Return the notification that reports the progress of a call; throws where it can't be sent. */
export function progress(callId, value, limit) {
  let text;
  try {
    text = `{"method":"progress","params":[${toJson(callId)},${toJson(value)}],"id":null}`;
  } catch (error) {
    throw new TypeError(`this can't be written as JSON: ${messageOf(error)}`);
  }
  const size = sizeOf(text);
  if (size > limit) {
    throw new RangeError(`this makes a message of ${size} bytes; the limit is ${limit}`);
  }
  return text;
}

/**
 * Return the answer to a call: `{ result }`, with a `shorter` one where that is too long, or
 * `{ error }`. What can't be sent becomes an error that says so.
 */
export function answer(callId, outcome, limit) {
  const key = Object.hasOwn(outcome, "error") ? "error" : "result";
  // An error that is null would be a result.
  const value = key === "error" ? outcome.error ?? "the host failed" : outcome.result;
  let text;
  try {
    text = `{"id":${toJson(callId)},"${key}":${toJson(value)}}`;
  } catch (error) {
    const why = messageOf(error).slice(0, 200);
    return told(callId, "NotJson", `the ${key} can't be written as JSON: ${why}`);
  }
  const size = sizeOf(text);
  if (size > limit) {
    if (outcome.shorter !== undefined) return answer(callId, { result: outcome.shorter }, limit);
    const why = `the ${key} makes a message of ${size} bytes; the limit is ${limit}`;
    return told(callId, "ResultTooLarge", why);
  }
  return text;
}

export function sizeOf(text) {
  return new TextEncoder().encode(text).length;
}

function told(callId, kind, message) {
  return toJson({ id: callId, error: described(kind, message) });
}

/** Return an error in the form that AWS Lambda gives to exceptions. */
export function described(errorType, errorMessage) {
  return { errorType, errorMessage };
}

export function readJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
