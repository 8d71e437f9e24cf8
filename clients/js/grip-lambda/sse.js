// Server-sent events (HTML standard), read from a response.

export const CONTENT_TYPE = "text/event-stream";

const LINE_END = /\r\n|\n|\r/;

/** Reads a stream as it comes, in pieces of any size. */
export class Parser {
  /** The last event id so far; a reader that comes back says it. */
  lastId = "";
  #decoder = new TextDecoder(); // which also leaves a byte order mark out
  #held = "";
  #line = []; // the one that is not ended yet, in the pieces it came in
  #data = [];
  #name = "";
  #id = "";

  /** Take bytes that have arrived, and return the events `{ data, id, name }` whole by now. */
  feed(piece) {
    let text = this.#held + this.#decoder.decode(piece, { stream: true });
    this.#held = text.endsWith("\r") ? "\r" : ""; // which may be half of a line end
    text = text.slice(0, text.length - this.#held.length);
    const lines = text.split(LINE_END);
    this.#line.push(lines[0]);
    if (lines.length === 1) return [];
    lines[0] = this.#line.join("");
    this.#line = [lines.pop()];
    return lines.map((line) => this.#take(line)).filter(Boolean);
  }

  #take(line) {
    if (!line) return this.#dispatch();
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") this.#data.push(value);
    else if (field === "event") this.#name = value;
    else if (field === "id" && !value.includes("\0")) this.#id = value;
    return null;
  }

  #dispatch() {
    const [data, name] = [this.#data, this.#name];
    this.#data = [];
    this.#name = "";
    this.lastId = this.#id;
    return data.length ? { data: data.join("\n"), id: this.#id, name: name || "message" } : null;
  }
}
