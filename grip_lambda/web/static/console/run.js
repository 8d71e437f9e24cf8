// One call, as the form makes it. The library's Client decodes what it gets; here status, size and
// text are shown as they came.

import { Parser } from "../grip-lambda/sse.js";
import { base, keyHeader } from "./server.js";
import { address } from "./snippets.js";
import { Store } from "./ui.js";

const PROGRESS_MAX = 200;

/** `state` is `running`, `pending` (asynchronous) or `ended`. */
export class Run extends Store {
  state = "running";
  status = null;
  text = "";
  error = "";
  progress = [];
  reported = 0;
  host = "";
  began = Date.now();
  ms = null;
  bytes = 0;
  pending = "";
  #began = performance.now();
  #stop = new AbortController();

  constructor(call) {
    super();
    this.call = call;
    this.#make().catch((error) => {
      this.error = error?.name === "AbortError"
        ? "You have stopped waiting. The work may have been done."
        : `No answer came: ${error?.message ?? error}. The work may have been done.`;
    }).finally(() => this.#end());
  }

  /** Stop waiting; an asynchronous call is cancelled at the server. */
  async cancel() {
    if (this.pending) {
      await fetch(this.pending, { method: "DELETE", headers: keyHeader(), credentials: "omit" })
        .catch(() => {});
    }
    if (!this.pending) this.#stop.abort();
  }

  #end() {
    this.ms ??= performance.now() - this.#began;
    this.state = "ended";
    this.changed();
  }

  async #make() {
    const { mode, wait, once, body } = this.call;
    const prefer = [mode === "async" ? "respond-async" : "", wait ? `wait=${wait}` : ""];
    const headers = { "Content-Type": "application/json", ...keyHeader() };
    if (prefer.some(Boolean)) headers.Prefer = prefer.filter(Boolean).join(", ");
    if (mode === "stream") headers.Accept = "text/event-stream";
    if (once) headers["Idempotency-Key"] = once;
    const response = await this.#fetch(address(this.call), { method: "POST", headers, body });
    this.host = response.headers.get("Lambda-Id") ?? "";
    const isStream = response.headers.get("Content-Type")?.startsWith("text/event-stream");
    if (isStream) return await this.#stream(response);
    const location = response.headers.get("Location");
    if (response.status === 202 && location) return await this.#poll(location);
    return await this.#take(response);
  }

  #fetch(url, options) {
    const { signal } = this.#stop;
    return fetch(url, { cache: "no-store", credentials: "omit", ...options, signal });
  }

  async #take(response) {
    this.text = await response.text();
    this.status = response.status;
    this.bytes = new TextEncoder().encode(this.text).length;
  }

  async #stream(response) {
    const parser = new Parser();
    const reader = response.body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      for (const event of parser.feed(value)) this.#event(event);
      this.changed();
    }
    if (this.status === null) this.error = "The stream was cut. The work may have been done.";
  }

  #event({ name, data }) {
    if (name === "progress") {
      this.reported += 1;
      this.progress.push(data);
      if (this.progress.length > PROGRESS_MAX) this.progress.shift();
      return;
    }
    this.text = data;
    this.bytes = new TextEncoder().encode(data).length;
    this.status = name === "result" ? 200 : statusIn(data);
  }

  async #poll(location) {
    // It names its path: a proxy may have put a prefix before it.
    this.pending = base + location.replace(/^.*\/(calls\/)/, "$1");
    this.state = "pending";
    this.changed();
    for (;;) {
      const headers = { Prefer: "wait=20", ...keyHeader() };
      const response = await this.#fetch(this.pending, { headers });
      if (response.status !== 202) return await this.#take(response);
      await response.text();
    }
  }
}

function statusIn(data) {
  try {
    return JSON.parse(data).status ?? 500;
  } catch {
    return 500;
  }
}

/** Return how far a call is, from 0 to 1, by what it reported last; null if that does not say. */
export function fraction(data) {
  let value;
  try {
    value = JSON.parse(data);
  } catch {
    return null;
  }
  if (typeof value === "number" && value >= 0 && value <= 1) return value;
  const { progress, done, total, of } = value ?? {};
  const [part, whole] = [progress ?? done, total ?? of ?? (progress <= 1 ? 1 : undefined)];
  const both = typeof part === "number" && typeof whole === "number" && whole > 0;
  return both ? Math.min(1, Math.max(0, part / whole)) : null;
}
