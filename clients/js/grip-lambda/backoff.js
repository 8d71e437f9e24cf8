// How long to wait before the next try.

/** Waits that grow, each drawn between 0 and the next limit, so that nobody is in step. */
export class Backoff {
  #firstS;
  #longestS;
  #draw;
  #limitS;

  constructor(firstS = 1, longestS = 30, draw = Math.random) {
    this.#firstS = this.#limitS = firstS;
    this.#longestS = longestS;
    this.#draw = draw;
  }

  next() {
    const limitS = this.#limitS;
    this.#limitS = Math.min(limitS * 2, this.#longestS);
    return this.#draw() * limitS;
  }

  reset() {
    this.#limitS = this.#firstS;
  }
}
