// What a caller of a streamed call does: events in; progress, the end and further tries out. No
// fetch and no timers here.

import { fromResponse, ServerError } from "./errors.js";
import { errorOf, mayTryAgain } from "./exchange.js";
import { isObject, readJson } from "./messages.js";
import { CONTENT_TYPE, Parser } from "./sse.js";

/** A stream on which nothing comes for so long, not even a comment, is read anew; in seconds. */
const SILENCE_S = 40;
/** How a stream counts that ended without an end. */
export const CUT = { reason: "the stream ended too early", sent: true, late: false };

/** One streamed call over all its connections. */
export class StreamState {
  #request;
  #allPauses;
  #pauses;
  #parser = new Parser();
  #lastId = "";

  /** Begin with the request that makes the call. */
  constructor(request, pauses) {
    const headers = { ...request.headers, Accept: CONTENT_TYPE };
    this.#request = { ...request, headers, timeoutS: SILENCE_S };
    this.#allPauses = pauses;
    this.#pauses = [...pauses];
  }

  /** Return the request to make now; it goes on after the last event that came. */
  request() {
    this.#parser = new Parser();
    if (!this.#lastId) return this.#request;
    const headers = { ...this.#request.headers, "Last-Event-ID": this.#lastId };
    return { ...this.#request, headers, isSafe: true };
  }

  /** Take bytes of the stream; return what they tell: `{ progress }`, `{ result }`, `{ error }`. */
  feed(piece) {
    const events = this.#parser.feed(piece);
    if (this.#parser.lastId) {
      this.#lastId = this.#parser.lastId;
      this.#pauses = [...this.#allPauses];
    }
    return events.map(told);
  }

  /** Take a response that is no stream; return the seconds to wait before the next try. */
  refused(reply) {
    const { status } = reply;
    if (status < 300) throw new ServerError("the server's answer is no stream", { status });
    return this.#again(reply);
  }

  /** Take that there was no response, or not all of it; return as `refused`. */
  lost(failure) {
    // One that has begun and fell silent goes on elsewhere.
    return this.#again(this.#lastId ? { ...failure, late: false } : failure);
  }

  #again(outcome) {
    const request = this.request();
    const error = errorOf(request, outcome);
    if (!this.#pauses.length || !mayTryAgain(request, outcome, error)) throw error;
    return this.#pauses.shift();
  }
}

function told({ name, data }) {
  const value = readJson(data);
  if (value === undefined) return { error: new ServerError("the server's answer can't be read") };
  if (name === "progress" || name === "result") return { [name]: value };
  if (name === "error" && isObject(value)) {
    return { error: fromResponse(Number.isInteger(value.status) ? value.status : 500, data) };
  }
  const what = `the server sent an event that is not known: ${name.slice(0, 50)}`;
  return { error: new ServerError(what) };
}
