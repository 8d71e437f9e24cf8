// The lambda that this tab is. It lives as long as the page, whichever view is shown.

import { Host } from "../../grip-lambda.js";
import { base, session } from "./server.js";
import { Store } from "./ui.js";

const KEPT = "grip-lambda tab";
const CALLS_MAX = 100;
const TEXT_MAX = 100_000;
export const ANSWERS = { echo: "What it was sent", fixed: "Always the same", error: "An error" };

/** `state` is `closed`, `opening`, `open`, `down` or `ended`. */
class Tab extends Store {
  state = "closed";
  id = "";
  reason = "";
  nextTry = 0; // ms since 1970; 0 while it tries
  isOffline = !navigator.onLine;
  calls = [];
  count = 0;
  answer = { kind: "echo", json: '{"ok": true}', delay: "0" };
  #host = null;

  constructor() {
    super();
    const kept = read();
    if (kept?.answer) this.answer = { ...this.answer, ...kept.answer };
    globalThis.addEventListener("offline", () => this.#network(true));
    globalThis.addEventListener("online", () => this.#network(false));
  }

  /** Tell whether this tab was a lambda before it was loaded again. */
  get wasOpen() {
    return Boolean(read()?.id);
  }

  get address() {
    return this.id && this.#host ? this.#host.address("hello") : "";
  }

  /** Open it, under the address that the tab had before, unless a new one is wanted. */
  open(anew = false) {
    if (this.#host) return;
    const { id, token } = anew ? {} : read() ?? {};
    const options = { id, token, key: session.key, log: null };
    const host = new Host(base, null, options);
    host.fallback((method, body, call) => this.#called(method, body, call));
    host.onUp(() => {
      this.id = host.id;
      this.#become("open");
      this.#keep();
    });
    host.onDown((reason) => this.#become("down", reason));
    host.onRetry(({ afterS, reason }) => {
      this.nextTry = Date.now() + afterS * 1000;
      this.#become(this.state === "opening" ? "opening" : "down", reason);
    });
    this.#host = host;
    this.#become("opening");
    host.run().then(() => this.#over("closed", ""), (error) => this.#over("ended", error.message));
  }

  close() {
    sessionStorage.removeItem(KEPT);
    this.#host?.close(1);
  }

  retry() {
    this.nextTry = 0;
    this.#host?.retry();
    this.changed();
  }

  choose(answer) {
    this.answer = { ...this.answer, ...answer };
    this.#keep();
    this.changed();
  }

  #over(state, reason) {
    this.#host = null;
    if (state === "ended") sessionStorage.removeItem(KEPT);
    this.#become(state, reason);
  }

  #become(state, reason = "") {
    this.state = state;
    this.reason = reason;
    this.changed();
  }

  #network(isOffline) {
    this.isOffline = isOffline;
    this.changed();
  }

  #keep() {
    const { id, token } = this.#host ?? {};
    const kept = id ? { id, token, answer: this.answer } : { answer: this.answer };
    sessionStorage.setItem(KEPT, JSON.stringify(kept));
  }

  async #called(method, body, { signal }) {
    const call = { number: ++this.count, method, body: text(body), began: Date.now(), result: "" };
    this.calls = [call, ...this.calls.slice(0, CALLS_MAX - 1)];
    this.changed();
    const start = performance.now();
    try {
      const result = await this.#answered(body, signal);
      call.result = text(result);
      call.outcome = "ok";
      return result;
    } catch (error) {
      call.result = text({ errorType: error.name, errorMessage: error.message });
      call.outcome = signal.aborted ? "cancelled" : "error";
      throw error;
    } finally {
      call.ms = performance.now() - start;
      this.changed();
    }
  }

  async #answered(body, signal) {
    const { kind, json, delay } = this.answer;
    await rest(Math.min(Math.max(Number(delay) || 0, 0), 3600), signal);
    if (kind === "error") throw new Error("this tab was told to answer with an error");
    return kind === "fixed" ? JSON.parse(json || "null") : { echo: body };
  }
}

function rest(seconds, signal) {
  if (!seconds) return;
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, seconds * 1000);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(new Error("the call was cancelled"));
    });
  });
}

function text(value) {
  return JSON.stringify(value, null, 0).slice(0, TEXT_MAX);
}

function read() {
  try {
    return JSON.parse(sessionStorage.getItem(KEPT));
  } catch {
    return null;
  }
}

export const tab = new Tab();
