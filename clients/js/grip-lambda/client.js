// Callers.

import { baseUrl } from "./addresses.js";
import { Backoff } from "./backoff.js";
import * as exchange from "./exchange.js";
import { request } from "./request.js";
import { after } from "./timing.js";

export class Client {
  #headers;
  #retries;
  #fetch;

  constructor(url, { headers = {}, retries = 4, fetch } = {}) {
    this.url = baseUrl(url);
    this.#headers = Object.fromEntries(new Headers(headers));
    this.#retries = retries;
    this.#fetch = fetch;
  }

  call(id, method, body, { wait = exchange.DEFAULT_WAIT_S } = {}) {
    return this.#do(exchange.call(id, method, body, wait, this.#pauses()));
  }

  list() {
    return this.#do(exchange.listing(this.#pauses()));
  }

  get(id) {
    return this.#do(exchange.entry(id, this.#pauses()));
  }

  delete(id, token) {
    return this.#do(exchange.deletion(id, token, this.#pauses()));
  }

  #pauses() {
    const backoff = new Backoff(0.2, 1.6);
    return Array.from({ length: this.#retries }, () => backoff.next());
  }

  async #do(flow) {
    let step = flow.next();
    while (!step.done) {
      const { request: wanted, pauseS } = step.value;
      let outcome;
      if (wanted) outcome = await this.#request(wanted);
      else await new Promise((resolve) => after(pauseS, resolve));
      step = flow.next(outcome);
    }
    return step.value;
  }

  #request({ method, path, headers, content, timeoutS }) {
    const options = { method, headers: { ...this.#headers, ...headers }, body: content };
    return request(this.#fetch ?? globalThis.fetch, this.url + path, options, timeoutS);
  }
}
