// All hosts of a service asked at once: a request out, answers in as they come.

import { allPath } from "./addresses.js";
import { fromResponse, ServerError } from "./errors.js";
import { callRequest, errorOf, mayTryAgain } from "./exchange.js";
import { isObject, readJson } from "./messages.js";
import { CONTENT_TYPE, Parser } from "./sse.js";
import { CUT } from "./stream-state.js";
import { pause } from "./timing.js";

/** What one host answered. */
class Answer {
  #value;

  constructor(id, status, error, value) {
    Object.assign(this, { id, status, error });
    this.#value = value;
  }

  get result() {
    if (this.error) throw this.error;
    return this.#value;
  }
}

/** Return the request that asks all hosts. */
export function allRequest(name, method, body, terms) {
  const wanted = callRequest("", method, body, terms);
  const headers = { ...wanted.headers, Accept: CONTENT_TYPE };
  return { ...wanted, path: allPath(name, method), headers };
}

/** Yield the answers; `open` is as for `Stream`. */
export async function* answers(open, request, pauses) {
  const left = [...pauses];
  for (;;) {
    const stop = new AbortController();
    const response = open(request, stop);
    const parser = new Parser();
    let outcome;
    try {
      for (;;) {
        const { done, value } = await response.next();
        if (done) {
          outcome = value ?? CUT;
          break;
        }
        for (const event of parser.feed(value)) {
          const answer = told(event);
          if (answer === null) return;
          yield answer;
        }
      }
    } finally {
      stop.abort();
      await response.return();
    }
    const error = errorOf(request, outcome);
    if (!left.length || !mayTryAgain(request, outcome, error)) throw error;
    await pause(left.shift());
  }
}

/** Return what an event tells; null at the end. */
function told({ name, data }) {
  const said = readJson(data);
  if (!isObject(said)) throw new ServerError("the server's answer can't be read");
  if (name === "end") return null;
  if (name === "error") throw fromResponse(Number(said.status) || 500, data);
  if (name !== "answer") {
    throw new ServerError(`the server sent an event that is not known: ${name.slice(0, 50)}`);
  }
  const { id, status, result, error, code } = said;
  if (status === 200) return new Answer(id, status, null, result);
  return new Answer(id, status, fromResponse(status, JSON.stringify({ error, code })));
}
