// One WebSocket of a host, from its handshake to its end.

import { READY } from "./messages.js";
import { inWords, request } from "./request.js";
import { OPENING_S } from "./session.js";
import { after, deferred } from "./timing.js";

/** How long the server has to answer the question whether it is still there, in seconds. */
const PROBE_S = 5;
const CLOSE_S = 3;
const OPEN = 1; // WebSocket.OPEN
const NO_FRAME = 1006;

export class Connection {
  #url;
  #session;
  #received;
  #socket;
  #over = deferred();
  #stop = new AbortController();
  #timer;
  #wasOpen = false;
  #words = "";

  /** Begin to connect; `received` is called with each message, a text. */
  constructor(WebSocket, url, session, received) {
    this.#url = url + session.path;
    this.#session = session;
    this.#received = received;
    try {
      this.#socket = new WebSocket(this.#url.replace(/^http/, "ws"));
    } catch (error) {
      this.#over.resolve({ text: inWords(error) });
      return;
    }
    this.#socket.binaryType = "arraybuffer";
    this.#socket.onopen = () => {
      this.#wasOpen = true;
    };
    this.#socket.onmessage = ({ data }) => this.#message(data);
    this.#socket.onerror = (error) => {
      this.#words ||= error.message ? inWords(error) : "";
    };
    this.#socket.onclose = ({ code, reason }) => {
      const hasFrame = this.#wasOpen && code !== NO_FRAME;
      this.#over.resolve(hasFrame ? { code, text: reason } : { text: this.#words });
    };
    this.#watch();
  }

  /** Wait for the end, and return how it came about, for `Session.lost`. */
  async ended() {
    const loss = await this.#over.promise;
    clearTimeout(this.#timer);
    const socket = this.#socket;
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      (socket.terminate ?? socket.close).call(socket); // one that is dead never tells
    }
    return this.#wasOpen || this.#stop.signal.aborted ? loss : this.#refusal(loss);
  }

  send(text) {
    if (this.#socket.readyState === OPEN) this.#socket.send(text);
  }

  /** End it; after a while also without the server. */
  close() {
    this.#stop.abort();
    if (this.#over.done) return;
    clearTimeout(this.#timer);
    this.#timer = after(CLOSE_S, () => this.#give("closed"));
    this.#socket?.close();
  }

  /** Ask whether the server is still there. */
  probe() {
    if (!this.#session.isUp || this.#stop.signal.aborted) return;
    clearTimeout(this.#timer);
    this.#timer = after(PROBE_S, () => this.#give("the server fell silent"));
    this.send(READY);
  }

  #message(data) {
    this.#received(typeof data === "string" ? data : new TextDecoder().decode(data));
    this.#watch();
  }

  #watch() {
    if (this.#stop.signal.aborted) return;
    clearTimeout(this.#timer);
    const { isUp, silenceS } = this.#session;
    // Pages do not see the server's pings: what has been silent for as long is asked.
    this.#timer = isUp
      ? after(silenceS - PROBE_S, () => this.probe())
      : after(silenceS, () => this.#give("the server did not answer"));
  }

  #give(text) {
    this.#over.resolve({ text });
  }

  /** Ask why there is no connection: pages are not told what a handshake is answered with. */
  async #refusal(loss) {
    const asked = { method: "GET" };
    const told = await request(globalThis.fetch, this.#url, asked, OPENING_S, this.#stop);
    if (told.status === undefined) return { text: told.reason };
    if (told.status === 426) return { text: loss.text || "the handshake was refused" };
    return { status: told.status, text: told.text };
  }
}
