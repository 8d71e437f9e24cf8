// Streamed calls.

import { CUT } from "./stream-state.js";
import { pause } from "./timing.js";

export class Stream {
  #open;
  #state;
  #events = this.#read();
  #stop = null;
  #closed = false;
  #end = null;

  /** `open` takes a request and an AbortController, and gives what `pieces` of request.js does. */
  constructor(open, state) {
    this.#open = open;
    this.#state = state;
  }

  [Symbol.asyncIterator]() {
    return this.#events;
  }

  async result() {
    for await (const _ of this.#events);
    if (!this.#end) throw new Error("the call has not ended; read the stream to its end");
    if (this.#end.error) throw this.#end.error;
    return this.#end.result;
  }

  async close() {
    this.#closed = true;
    this.#stop?.abort();
    await this.#events.return();
  }

  async *#read() {
    try {
      while (!this.#closed) {
        const pauseS = yield* this.#once();
        if (this.#end || this.#closed) return;
        this.#stop = new AbortController();
        await pause(pauseS, this.#stop.signal);
      }
    } catch (error) {
      this.#end = { error };
      throw error;
    }
  }

  /** Read one response; return how long to wait before the next, unless this was the end. */
  async *#once() {
    this.#stop = new AbortController();
    const response = this.#open(this.#state.request(), this.#stop);
    try {
      for (;;) {
        const { done, value } = await response.next();
        if (this.#closed) return 0;
        if (done) {
          const outcome = value ?? CUT;
          return outcome.status ? this.#state.refused(outcome) : this.#state.lost(outcome);
        }
        for (const event of this.#state.feed(value)) {
          if ("error" in event) throw event.error;
          if ("result" in event) {
            this.#end = event;
            return 0;
          }
          yield event.progress;
        }
      }
    } finally {
      this.#stop.abort();
      await response.return();
    }
  }
}
