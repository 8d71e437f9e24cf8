// One WebSocket of a host, from its handshake to its end.

import { READY } from "./messages.js";
import { inWords, request } from "./request.js";
import { OPENING_S } from "./session.js";
import { newTicket } from "./tickets.js";
import { after, deferred, pause } from "./timing.js";

/** How long the server has to answer the question whether it is still there, in seconds. */
const PROBE_S = 5;
const CLOSE_S = 3;
/** Of what was sent, this many bytes may be on their way before somebody waits. */
const BUFFERED = 2 ** 20;
const LOOK_S = 0.01;
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
  #isRefused = false; // before there was a handshake
  #words = "";

  /**
   * Begin to connect. `headers` present an API key, if there is one, for a ticket; `received` is
   * called with each message, a text.
   */
  constructor(WebSocket, url, headers, session, received) {
    this.#url = url + session.path;
    this.#session = session;
    this.#received = received;
    if ("authorization" in headers) this.#openWithTicket(WebSocket, url, headers);
    else this.#open(WebSocket);
  }

  async #openWithTicket(WebSocket, url, headers) {
    const { ticket, ...loss } = await newTicket(url, headers, this.#stop);
    if (this.#stop.signal.aborted) return this.#give("closed");
    if (!ticket) {
      this.#isRefused = true;
      return this.#over.resolve(loss);
    }
    this.#url += `${this.#url.includes("?") ? "&" : "?"}ticket=${encodeURIComponent(ticket)}`;
    this.#open(WebSocket);
  }

  #open(WebSocket) {
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
    this.#socket.onerror = (event) => {
      this.#words ||= event.message ? inWords(event) : "";
      // Node's own WebSocket tells nothing more then.
      if (!this.#wasOpen) this.#over.resolve({ text: this.#words });
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
    const isKnown = this.#wasOpen || this.#isRefused || this.#stop.signal.aborted;
    return isKnown ? loss : this.#refusal(loss);
  }

  /** Wait until not much of what was sent is on its way any more. */
  async drained() {
    while (this.#socket?.readyState === OPEN && this.#socket.bufferedAmount > BUFFERED) {
      await pause(LOOK_S);
    }
  }

  send(text) {
    if (this.#socket?.readyState === OPEN) this.#socket.send(text);
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
    if (told.status === undefined) return { text: told.reason, lasting: told.lasting };
    if (told.status === 426) return { text: loss.text || "the handshake was refused" };
    return { status: told.status, text: told.text, location: told.location };
  }
}
