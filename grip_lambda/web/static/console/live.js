// What is open and what happens, as the server tells it.

import { Parser } from "../grip-lambda/sse.js";
import { api, base, keyHeader, session } from "./server.js";
import { Store } from "./ui.js";

const CALLS_MAX = 500;
/** The server sends a comment after 20 s without events. */
const SILENCE_MS = 45_000;
const RETRY_MS = [250, 500, 1000, 2000, 4000];

/** `state` is `connecting`, `live`, `offline`, `lost` or `unavailable`. */
class Live extends Store {
  state = "connecting";
  error = "";
  lambdas = new Map();
  calls = new Map(); // by name, oldest first
  inspect = false;
  known = false; // whether the lists were read
  #stop = null;
  #running = false;
  #tries = 0;
  #wake = null;
  #held = null; // events that come while the lists are read
  #unknown = new Set();
  #reading = null;

  start() {
    if (this.#running) return;
    this.#running = true;
    globalThis.addEventListener("offline", () => this.#cut("offline"));
    globalThis.addEventListener("online", () => this.retry());
    this.#run();
  }

  /** Forget all, and begin again with another key. */
  restart() {
    this.lambdas.clear();
    this.calls.clear();
    this.known = false;
    if (!this.#running) return this.start();
    this.#stop?.abort();
    this.retry();
  }

  retry() {
    this.#tries = 0;
    this.#wake?.();
  }

  async #run() {
    for (;;) {
      if (session.may("list")) await this.#watch();
      const pause = RETRY_MS[Math.min(this.#tries++, RETRY_MS.length - 1)];
      await new Promise((resolve) => {
        this.#wake = resolve;
        setTimeout(resolve, navigator.onLine ? pause : 30_000);
      });
    }
  }

  #become(state, error = "") {
    this.state = state;
    this.error = error;
    this.changed();
  }

  #cut(state) {
    this.#become(state);
    this.#stop?.abort();
  }

  async #watch() {
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    let timer = null;
    const heard = () => {
      clearTimeout(timer);
      timer = setTimeout(() => this.#stop.abort(), SILENCE_MS);
    };
    try {
      heard();
      const options = { headers: keyHeader(), cache: "no-store", credentials: "omit", signal };
      const response = await fetch(`${base}events`, options);
      if (response.status !== 200) return await this.#refused(response);
      this.#held = [];
      this.#read(signal);
      const parser = new Parser();
      const reader = response.body.getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        heard();
        for (const event of parser.feed(value)) this.#take(event);
      }
      this.#become("lost");
    } catch {
      this.#become(navigator.onLine ? "lost" : "offline");
    } finally {
      clearTimeout(timer);
    }
  }

  async #refused(response) {
    const text = await response.text();
    if (response.status === 401 && session.key) return session.signOut("This key was revoked.");
    // Events need a Pushpin with ZeroMQ; lists are there without it.
    this.#become(response.status === 503 ? "unavailable" : "lost", text.slice(0, 300));
    if (response.status === 503) await this.#read(this.#stop.signal);
  }

  /** Read the lists anew: nobody is told what happened while a watcher was away. */
  async #read(signal) {
    try {
      const [lambdas, calls] = await Promise.all([
        api("lambda?detail", { signal }),
        api("calls?limit=200", { signal }),
      ]);
      this.lambdas = new Map(Object.entries(lambdas));
      this.calls = new Map(calls.calls.reverse().map((one) => [one.call, one]));
      this.inspect = calls.inspect;
      this.known = true;
      const held = this.#held ?? [];
      this.#held = null;
      for (const event of held) this.#take(event);
      if (this.state !== "unavailable") {
        this.#tries = 0;
        this.#become("live");
      } else this.changed();
    } catch {
      if (!signal.aborted) this.#stop.abort();
    }
  }

  #take(event) {
    if (this.#held) {
      this.#held.push(event);
      return;
    }
    let data;
    try {
      data = JSON.parse(event.data);
    } catch {
      return;
    }
    if (event.name === "opened") this.#opened(data);
    else if (event.name === "closed") this.lambdas.delete(data.lambda);
    else if (event.name === "call") this.#called(data);
    else if (event.name === "ended") this.#ended(data);
    this.changed();
  }

  #opened({ lambda, time, transport, code, methods }) {
    const stats = { calls: 0, errors: 0, in_flight: 0, last_call: null, mean_ms: null };
    this.lambdas.set(lambda, {
      id: lambda,
      timestamp: time,
      transport,
      code,
      methods,
      headers: {},
      services: [],
      stats,
    });
    this.#unknown.add(lambda);
    this.#reading ??= setTimeout(() => this.#complete(), 400);
  }

  /** Read what an event does not tell: who the host is. */
  async #complete() {
    const ids = [...this.#unknown].filter((id) => this.lambdas.has(id));
    this.#unknown.clear();
    try {
      const found = ids.length > 5
        ? await api("lambda?detail")
        : Object.fromEntries(await Promise.all(ids.map(one)));
      for (const id of ids) {
        if (found[id] && this.lambdas.has(id)) this.lambdas.set(id, found[id]);
      }
    } catch {
      // The next reading of the lists tells.
    }
    this.#reading = this.#unknown.size ? setTimeout(() => this.#complete(), 1000) : null;
    this.changed();
  }

  #called(data) {
    this.calls.set(data.call, data);
    while (this.calls.size > CALLS_MAX) this.calls.delete(this.calls.keys().next().value);
    const stats = this.lambdas.get(data.lambda)?.stats;
    if (stats) stats.in_flight += 1;
  }

  #ended(data) {
    const began = this.calls.get(data.call);
    this.calls.set(data.call, {
      ...data,
      began: began?.began ?? began?.time,
      inspect: this.inspect,
    });
    while (this.calls.size > CALLS_MAX) this.calls.delete(this.calls.keys().next().value);
    const stats = this.lambdas.get(data.lambda)?.stats;
    if (!stats) return;
    if (began) stats.in_flight = Math.max(0, stats.in_flight - 1);
    stats.mean_ms = ((stats.mean_ms ?? 0) * stats.calls + data.ms) / (stats.calls + 1);
    stats.calls += 1;
    stats.errors += data.status === 200 ? 0 : 1;
    stats.last_call = data.time;
  }
}

async function one(id) {
  try {
    return [id, await api(`lambda/${id}`)];
  } catch (error) {
    if (error.status === 404) return [id, null];
    throw error;
  }
}

export const live = new Live();
