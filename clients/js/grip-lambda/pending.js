// Calls that were submitted: their results, asked for whenever that suits.

import * as exchange from "./exchange.js";

/** How long one request waits for a result, in seconds; then there is another. */
const POLL_S = 30;

export class PendingCall {
  #run;

  /** `run` carries out a flow of exchange.js, given what makes it of the pauses. */
  constructor(id, run) {
    this.id = id;
    this.#run = run;
  }

  done() {
    return this.#run((pauses) => exchange.hasEnded(this.id, pauses));
  }

  async result(timeout) {
    timeout ??= Infinity;
    const end = performance.now() + timeout * 1000;
    for (;;) {
      const waitS = Math.max(0, Math.min(POLL_S, (end - performance.now()) / 1000));
      const ended = await this.#run((pauses) => exchange.result(this.id, waitS, pauses));
      if (ended) return ended.value;
      if (!waitS) {
        throw new DOMException(`the call has not ended within ${timeout} s`, "TimeoutError");
      }
    }
  }

  cancel() {
    return this.#run((pauses) => exchange.cancellation(this.id, pauses));
  }
}
