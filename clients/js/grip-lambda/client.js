// Callers.

import { baseUrl, keyHeaders, presented } from "./addresses.js";
import { allRequest, answers } from "./answers.js";
import { Backoff } from "./backoff.js";
import { bound, boundService } from "./bound.js";
import * as exchange from "./exchange.js";
import { PendingCall } from "./pending.js";
import { pieces, request } from "./request.js";
import { StreamState } from "./stream-state.js";
import { Stream } from "./streams.js";
import { pause } from "./timing.js";

export class Client {
  #keys;
  #headers;
  #retries;
  #fetch;

  constructor(url, { key, headers = {}, retries = 4, fetch } = {}) {
    this.url = baseUrl(url);
    this.#keys = keyHeaders(key);
    this.#headers = Object.fromEntries(new Headers(headers));
    this.#retries = retries;
    this.#fetch = fetch;
  }

  call(id, method, body, terms = {}) {
    return this.#run((pauses) => exchange.call(id, method, body, terms, pauses));
  }

  async submit(id, method, body, terms = {}) {
    const flow = (pauses) => exchange.submission(id, method, body, terms, pauses);
    return this.pending(await this.#run(flow));
  }

  stream(id, method, body, terms = {}) {
    const wanted = exchange.callRequest(id, method, body, terms);
    const open = (request, stop) => pieces(...this.#asked(request), stop);
    return new Stream(open, new StreamState(wanted, this.#pauses()));
  }

  pending(callId) {
    return new PendingCall(callId, (flow) => this.#run(flow));
  }

  list() {
    return this.#run((pauses) => exchange.listing(pauses));
  }

  get(id) {
    return this.#run((pauses) => exchange.entry(id, pauses));
  }

  describe(address) {
    return this.#run((pauses) => exchange.description(address, pauses));
  }

  bind(address) {
    return bound(this, address);
  }

  service(name) {
    return boundService(this, name);
  }

  services() {
    return this.#run((pauses) => exchange.services(pauses));
  }

  hosts(name) {
    return this.#run((pauses) => exchange.hosts(name, pauses));
  }

  askAll(name, method, body, terms = {}) {
    const wanted = allRequest(name, method, body, terms);
    const open = (request, stop) => pieces(...this.#asked(request), stop);
    return answers(open, wanted, this.#pauses());
  }

  delete(id, token) {
    return this.#run((pauses) => exchange.deletion(id, token, pauses));
  }

  #pauses() {
    const backoff = new Backoff(0.2, 1.6);
    return Array.from({ length: this.#retries }, () => backoff.next());
  }

  /** Do what a flow of exchange.js wants, and return what it returns. */
  async #run(begin) {
    const flow = begin(this.#pauses());
    let step = flow.next();
    while (!step.done) {
      const { request: wanted, pauseS } = step.value;
      const outcome = await (wanted ? request(...this.#asked(wanted)) : pause(pauseS));
      step = flow.next(outcome);
    }
    return step.value;
  }

  /** Return what is asked of fetch for a request. */
  #asked({ method, path, headers, content, timeoutS }) {
    const shown = presented(path, this.#keys, this.#headers);
    const options = { method, headers: { ...shown.headers, ...headers }, body: content };
    return [this.#fetch ?? globalThis.fetch, this.url + shown.path, options, timeoutS];
  }
}
