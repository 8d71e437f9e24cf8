// Hosts: what carries a session out, with WebSockets and promises.

import { baseUrl, keyHeaders, lambdaPath, presented } from "./addresses.js";
import { Connection } from "./connection.js";
import { Context } from "./context.js";
import { Unavailable } from "./errors.js";
import { failure, isRemote, Methods } from "./methods.js";
import { post } from "./posting.js";
import { ended } from "./progress.js";
import { Session } from "./session.js";
import { after, deferred } from "./timing.js";

const NO_WEBSOCKET = "there is no WebSocket here, as in Node before 22: `npm install ws`, then" +
  ' `import { WebSocket } from "ws"` and `new Host(url, functions, { WebSocket })`';

export class Host {
  #methods;
  #session;
  #WebSocket;
  #headers;
  #log;
  #listeners = { up: [], down: [], retry: [] };
  #calls = new Map();
  #stop = new AbortController(); // of what is posted when it is over
  #firstUp = deferred();
  #ended = deferred();
  #running = null;
  #error = null;
  #connection = null;
  #pause = null;
  #retry = { afterS: 0, reason: "it did not answer" };

  constructor(url, functions, options = {}) {
    const { id, token, maxCalls, key, private: isPrivate, service, context } = options;
    const { WebSocket = globalThis.WebSocket, log = console } = options;
    if (maxCalls !== undefined && !(Number.isInteger(maxCalls) && maxCalls >= 1)) {
      throw new RangeError("maxCalls is a whole number, at least 1");
    }
    this.url = baseUrl(url);
    this.#methods = new Methods(functions);
    this.#headers = keyHeaders(key);
    const services = [service ?? []].flat();
    this.#session = new Session({ maxCalls, id, token, isPrivate, services, context });
    this.#log = log;
    this.#WebSocket = WebSocket;
    if (!this.#WebSocket) throw new TypeError(NO_WEBSOCKET);
  }

  get id() {
    return this.#session.id;
  }

  get token() {
    return this.#session.token;
  }

  get isUp() {
    return this.#session.isUp;
  }

  address(method) {
    if (!this.id) throw new Error("the host has no address before it is open; see start and onUp");
    return this.url + lambdaPath(this.id, method);
  }

  method(name, handler) {
    return typeof name === "function"
      ? this.#methods.add(name.name, name)
      : this.#methods.add(name, handler);
  }

  fallback(handler) {
    this.#methods.fallback = handler;
    return handler;
  }

  describe(descriptions, about) {
    this.#methods.describe(descriptions, about);
    return this;
  }

  onUp(listener) {
    this.#listeners.up.push(listener);
    return listener;
  }

  onDown(listener) {
    this.#listeners.down.push(listener);
    return listener;
  }

  onRetry(listener) {
    this.#listeners.retry.push(listener);
    return listener;
  }

  retry() {
    this.#pause?.resolve();
    this.#connection?.probe();
  }

  async run() {
    if (this.#running) throw new Error("a host runs once; make another one");
    this.#running = this.#run();
    await this.#running;
  }

  async start(timeoutS = 30) {
    const running = this.run();
    running.catch(() => {}); // `wait` tells
    const late = deferred();
    const timer = after(timeoutS, late.resolve);
    await Promise.race([this.#firstUp.promise, late.promise, running]).finally(() =>
      clearTimeout(timer)
    );
    if (!this.#firstUp.done && !this.#ended.done) {
      await this.close(0);
      throw new Unavailable(`no lambda could be opened at ${this.url}: ${this.#retry.reason}`);
    }
  }

  async wait() {
    if (!this.#running) throw new Error("the host was not started");
    await this.#running;
  }

  async close(timeoutS = 10) {
    if (!this.#running) return;
    this.#perform(this.#session.stop());
    const timer = after(timeoutS, () => this.#end());
    await this.#running.catch(() => {});
    clearTimeout(timer);
  }

  async #run() {
    this.#session.methods = this.#methods.names();
    const forget = whenBack(() => this.retry());
    while (!this.#ended.done) {
      this.#connection = new Connection(
        this.#WebSocket,
        this.url,
        this.#headers,
        this.#session,
        (text) => this.#perform(this.#session.received(text)),
      );
      const loss = await this.#connection.ended();
      this.#connection = null;
      this.#perform(this.#session.lost(loss));
      await this.#rest();
    }
    forget();
    this.#stop.abort();
    for (const stop of this.#calls.values()) stop.abort();
    if (this.#error) throw this.#error;
  }

  /** Wait before the next try: not longer than until the network is back, or until the end. */
  async #rest() {
    if (this.#ended.done) return;
    this.#pause = deferred();
    const timer = after(this.#retry.afterS, this.#pause.resolve);
    await this.#pause.promise;
    clearTimeout(timer);
    this.#pause = null;
  }

  #end(error = null) {
    this.#error ??= error;
    this.#ended.resolve();
    this.#pause?.resolve();
    this.#connection?.close();
  }

  #perform(actions) {
    for (const action of actions) {
      switch (action.type) {
        case "send":
          this.#connection?.send(action.text);
          break;
        case "post":
          this.#post(action);
          break;
        case "invoke":
          this.#invoke(action);
          break;
        case "cancel":
          this.#calls.get(action.key)?.abort();
          break;
        case "up":
          this.#firstUp.resolve();
          this.#tell("up", this.id);
          break;
        case "down":
          this.#tell("down", action.reason);
          break;
        case "close":
          this.#connection?.close();
          break;
        case "retry":
          this.#retry = action;
          this.#warn(`${action.reason}; connecting again in ${action.afterS.toFixed(1)} s`);
          this.#tell("retry", { afterS: action.afterS, reason: action.reason });
          break;
        case "end":
          this.#end(action.error);
      }
    }
  }

  async #post({ key, text }) {
    const { path, headers } = presented(this.#session.path, this.#headers);
    const why = await post(this.url + path, headers, text, this.#stop);
    if (why !== null) this.#warn("a result was not sent:", why);
    this.#perform(this.#session.posted(key, why));
  }

  async #invoke({ key, method, params }) {
    const stop = new AbortController();
    this.#calls.set(key, stop);
    // A server that knows no contexts sends none.
    const context = this.#session.context && params.length === 2 ? new Context(params[1]) : null;
    const outcome = await this.#outcome(method, context ? params.slice(0, 1) : params, {
      signal: stop.signal,
      context,
      progress: (value) => {
        this.#perform(this.#session.progressed(key, value));
        return this.#connection?.drained() ?? Promise.resolve();
      },
    });
    this.#calls.delete(key);
    this.#perform(this.#session.finished(key, context ? context.reply(outcome) : outcome));
  }

  async #outcome(method, params, call) {
    try {
      const run = this.#methods.find(method, params);
      return { result: await ended(run(call), call) };
    } catch (error) {
      const isMeant = call.signal.aborted || isRemote(error);
      if (!isMeant) this.#warn(`${method} failed:`, error);
      return failure(error);
    }
  }

  #tell(what, about) {
    for (const listener of this.#listeners[what]) {
      new Promise((resolve) => resolve(listener(about))).catch((error) =>
        this.#warn("a listener failed:", error)
      );
    }
  }

  #warn(...what) {
    try {
      this.#log?.warn("grip-lambda:", ...what);
    } catch {
      // what was thrown can't be shown
    }
  }
}

/** Have something called when a page has its network again, or is looked at again. */
function whenBack(callback) {
  const { document } = globalThis;
  const seen = () => document.visibilityState === "visible" && callback();
  globalThis.addEventListener?.("online", callback);
  document?.addEventListener("visibilitychange", seen);
  return () => {
    globalThis.removeEventListener?.("online", callback);
    document?.removeEventListener("visibilitychange", seen);
  };
}
