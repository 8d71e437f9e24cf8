// The server that the page came from, and the key of this tab.

import { Store } from "./ui.js";

/** The address of the server, with a slash at its end: the page may be below a prefix. */
export const base = new URL(".", location.href.replace(/[?#].*/s, "")).href;

const KEY = "grip-lambda key";

export class ServerError extends Error {
  constructor(status, text) {
    let told;
    try {
      told = JSON.parse(text);
    } catch {
      told = null;
    }
    super(typeof told?.error === "string" ? told.error : `the server answered with ${status}`);
    this.status = status;
    this.code = told?.code ?? null;
  }
}

/** Whose console this is: `state` is `asking`, `open` (no keys here), `signed in` or `signed out`. */
class Session extends Store {
  state = "asking";
  key = sessionStorage.getItem(KEY) ?? "";
  about = null;
  error = "";

  /** Tell whether it may do something: `host`, `call`, `list` or `admin`. */
  may(right) {
    if (this.state === "open") return true;
    return this.state === "signed in" && this.about.may.includes(right);
  }

  async ask() {
    try {
      const about = await api("keys/self", { key: this.key });
      this.about = about;
      this.#become(about.keys ? "signed in" : "open", "");
      return true;
    } catch (error) {
      if (error.status === 401 || error.status === 403) {
        const why = this.key ? "This key is unknown here, or was revoked." : "";
        this.signOut(why);
        return true;
      }
      this.#become(this.state, "The server is out of reach.");
      return false;
    }
  }

  async signIn(key) {
    this.key = key.trim();
    if (!/^[!-~]+$/.test(this.key)) {
      this.signOut("A key has no spaces and only ASCII characters.");
      return;
    }
    sessionStorage.setItem(KEY, this.key);
    await this.ask();
  }

  signOut(error = "") {
    this.key = "";
    this.about = null;
    sessionStorage.removeItem(KEY);
    this.#become("signed out", error);
  }

  #become(state, error) {
    this.state = state;
    this.error = error;
    this.changed();
  }
}

export const session = new Session();

export function keyHeader(key = session.key) {
  return key ? { Authorization: `Bearer ${key}` } : {};
}

/** Ask the server for something; returns what its JSON says. Throws ServerError, or TypeError. */
export async function api(path, { method = "GET", body, key = session.key, signal } = {}) {
  const headers = { ...keyHeader(key) };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const response = await fetch(base + path, {
    method,
    headers,
    body: body === undefined ? undefined : JSON.stringify(body),
    cache: "no-store",
    credentials: "omit",
    signal: signal ?? AbortSignal.timeout(20_000),
  });
  const text = await response.text();
  if (!response.ok) {
    if (response.status === 401 && key && key === session.key && path !== "keys/self") {
      session.signOut("This key was revoked.");
    }
    throw new ServerError(response.status, text);
  }
  return text ? JSON.parse(text) : null;
}
