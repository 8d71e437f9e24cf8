// A host's lambda over all its connections: messages and events in, actions out. Nothing here
// knows sockets or timers.

import { openingPath } from "./addresses.js";
import { Backoff } from "./backoff.js";
import { Deleted, Forbidden, fromResponse, TakenOver, Unavailable } from "./errors.js";
import {
  answer,
  described,
  DISCOVER,
  isObject,
  OPEN_ID,
  parse,
  progress,
  READY,
  READY_ID,
  sizeOf,
  toJson,
} from "./messages.js";

const DEFAULT_MESSAGE_BYTES = 100_000;
/** How long the server may be silent while a lambda is being opened, in seconds. */
export const OPENING_S = 10;
const NEVER_AGAIN = new Map([
  [4403, [Forbidden, "somebody else has opened the id, or its API key was revoked"]],
  [4409, [TakenOver, "another host has taken the id over"]],
  [4410, [Deleted, "the lambda was deleted"]],
]);

/**
 * Messages and events in, actions out: each method takes what has happened, and returns what
 * is to be done, in order: `send`, `post` (what is too long to send, to the connection's path),
 * `invoke`, `cancel`, `up`, `down`, `close`, `retry`, `end`.
 */
export class Session {
  isUp = false;
  methods = null;
  silenceS = OPENING_S;
  #backoff;
  #isPrivate;
  #services;
  #connected = false;
  #wasUp = false;
  #stopping = false;
  #ended = false;
  #limit = DEFAULT_MESSAGE_BYTES;
  #resultLimit = 0;
  #pingS = null;
  #nextKey = 0;
  #running = new Set();
  #calls = new Map(); // of this connection only
  #posting = new Map(); // likewise
  #waiting = [];

  constructor(options = {}) {
    const { maxCalls, id, token, isPrivate, services, context, backoff = new Backoff() } = options;
    this.id = id ?? "";
    this.token = token ?? "";
    this.maxCalls = maxCalls ?? null;
    this.context = Boolean(context);
    this.#isPrivate = Boolean(isPrivate);
    this.#services = services ?? [];
    this.#backoff = backoff;
  }

  /** The path and query to connect to. */
  get path() {
    return openingPath(this.id, this.token, this.#isPrivate, this.#services);
  }

  /** Take a message of the server. What it should not have sent is passed over. */
  received(text) {
    const message = parse(text);
    if (message === null || this.#ended) return [];
    if (message.method === null) {
      return message.id === READY_ID && this.#connected ? this.#up() : [];
    }
    if (message.id === null) {
      return message.method === "rpc.cancel" ? this.#cancel(message.params[0]) : [];
    }
    if (message.method === "open" && message.id === OPEN_ID) return this.#open(message.params);
    return this.#connected ? [...this.#up(), ...this.#call(message)] : [];
  }

  /** Take what a method reports; its caller may have gone. Throws where it can't be sent. */
  progressed(key, value) {
    if (!this.#calls.has(key)) return [];
    return [send(progress(this.#calls.get(key), value, this.#limit))];
  }

  /** Take the end of a method: `{ result }` or `{ error }`. */
  finished(key, outcome) {
    const actions = [];
    this.#running.delete(key);
    if (this.#calls.has(key)) {
      const callId = this.#calls.get(key);
      const most = Math.max(this.#limit, this.#resultLimit);
      const text = answer(callId, outcome, most);
      const size = sizeOf(text);
      const isLong = size > this.#limit && size <= this.#resultLimit;
      if (isLong) this.#posting.set(key, callId);
      actions.push(isLong ? { type: "post", text, key } : send(text));
      this.#calls.delete(key);
    }
    actions.push(...this.#begin());
    return this.#stopping ? [...actions, ...this.#close()] : actions;
  }

  /** Take the end of a post: why it was not taken, or null. Its call fails then. */
  posted(key, why) {
    const actions = [];
    if (this.#posting.has(key) && why !== null) {
      const error = described("NotSent", `the result was not sent: ${why}`);
      actions.push(send(answer(this.#posting.get(key), { error }, this.#limit)));
    }
    this.#posting.delete(key);
    return this.#stopping ? [...actions, ...this.#close()] : actions;
  }

  /**
   * Take the end of a connection: `{ code, text }`, or `{ status, text, location }` if it was
   * refused, or `{ text, lasting }` if there was none, and may never be.
   */
  lost(loss) {
    const why = reason(loss);
    const fatal = this.#fatal(loss);
    const actions = this.isUp ? [{ type: "down", reason: why }] : [];
    this.#connected = this.isUp = false;
    this.silenceS = OPENING_S;
    this.#calls.clear();
    this.#posting.clear();
    this.#waiting = [];
    if (this.#ended) return actions;
    if (this.#stopping || fatal !== null) {
      this.#ended = true;
      return [...actions, { type: "end", error: this.#stopping ? null : fatal }];
    }
    return [...actions, { type: "retry", afterS: this.#backoff.next(), reason: why }];
  }

  /** Finish what runs, then close; calls that come meanwhile get an error. */
  stop() {
    if (this.#stopping || this.#ended) return [];
    this.#stopping = true;
    if (!this.#connected) {
      this.#ended = true;
      return [{ type: "end", error: null }];
    }
    return this.#close();
  }

  /** Close, if nothing runs any more. */
  #close() {
    const isBusy = !this.#connected || this.#running.size || this.#posting.size;
    return isBusy ? [] : [{ type: "close" }];
  }

  #open([id, details]) {
    if (typeof id !== "string") return [];
    if (!isObject(details)) details = {};
    this.id = id;
    if (typeof details.token === "string") this.token = details.token;
    this.#limit = Math.trunc(number(details.limits?.message) ?? DEFAULT_MESSAGE_BYTES);
    this.#resultLimit = Math.trunc(number(details.limits?.result) ?? 0);
    this.#pingS = number(details.ping);
    this.#connected = true;
    const said = { ok: true };
    if (this.methods !== null) said.methods = this.methods;
    if (this.maxCalls !== null) said.max_calls = this.maxCalls;
    if (this.context) said.context = true;
    return [send(toJson({ id: OPEN_ID, result: said })), send(READY)];
  }

  #up() {
    if (this.isUp) return [];
    this.isUp = this.#wasUp = true;
    // The server takes two pings without an answer for the end, too.
    this.silenceS = this.#pingS === null ? Infinity : 2 * this.#pingS + 5;
    this.#backoff.reset();
    return [{ type: "up" }];
  }

  #call(message) {
    if (this.#stopping) {
      const why = "the host is closing and has not begun this";
      return [send(answer(message.id, { error: described("Closing", why) }, this.#limit))];
    }
    const key = ++this.#nextKey;
    if (message.method === DISCOVER) { // beside the calls, however many there are
      this.#calls.set(key, message.id);
      return [{ type: "invoke", key, method: DISCOVER, params: [] }];
    }
    this.#waiting.push([key, message]);
    return this.#begin();
  }

  #begin() {
    const actions = [];
    while (this.#waiting.length && this.#running.size < (this.maxCalls ?? Infinity)) {
      const [key, { id, method, params }] = this.#waiting.shift();
      this.#running.add(key);
      this.#calls.set(key, id);
      actions.push({ type: "invoke", key, method, params });
    }
    return actions;
  }

  #cancel(callId) {
    this.#waiting = this.#waiting.filter(([, message]) => message.id !== callId);
    return [...this.#calls]
      .filter(([, id]) => id === callId)
      .map(([key]) => ({ type: "cancel", key }));
  }

  /** Return the error for which connecting again is of no use; null if it may be. */
  #fatal({ code, status, text, location, lasting }) {
    if (NEVER_AGAIN.has(code)) {
      const [kind, words] = NEVER_AGAIN.get(code);
      return new kind(text || words);
    }
    if (status === undefined && lasting && !this.#wasUp) {
      return new Unavailable(`the server is out of reach: ${text}`);
    }
    if (status === undefined || status >= 500 || [408, 425, 429].includes(status)) return null;
    // Something else may stand there for a while.
    if (this.#wasUp && (status < 400 || status === 404)) return null;
    if (status < 300) return fromResponse(426, "there is no WebSocket at this address");
    return fromResponse(status, text ?? "", location);
  }
}

function send(text) {
  return { type: "send", text };
}

/** Return a number of seconds or bytes, if it is one. */
function number(value) {
  return Number.isFinite(value) && value >= 1 ? value : null;
}

function reason({ code, status, text, location }) {
  if (code !== undefined) return `${text || "the connection was closed"} (${code})`;
  if (status !== undefined) {
    return fromResponse(location ? status : Math.max(status, 400), text ?? "", location).message;
  }
  return text || "the connection was lost";
}
