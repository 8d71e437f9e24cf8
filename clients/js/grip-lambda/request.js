// Requests with fetch, and what became of them.

import { after } from "./timing.js";

/** Codes of errors of Node that mean that there was no connection. */
const NO_CONNECTION =
  /^E(CONNREFUSED|NOTFOUND|AI_AGAIN|HOSTUNREACH|NETUNREACH)$|^UND_ERR_CONNECT|^ERR_TLS|CERT/;
const DENO_NO_CONNECTION = /client error \(Connect\)/;
const TIMEOUT = /^UND_ERR_(HEADERS|BODY)_TIMEOUT$/;

/**
 * Make a request; return `{ status, text, contentType, location }`, or `{ reason, sent, late }` if
 * nothing came back: `sent` is whether some of it may have reached the server, `late` whether the
 * time was over. `stop` is an AbortController.
 */
export async function request(fetch, url, options, timeoutS, stop = new AbortController()) {
  const watch = new Watch(timeoutS, stop);
  try {
    return await whole(await begun(fetch, url, options, stop));
  } catch (error) {
    return failure(error, options, watch);
  } finally {
    watch.end();
  }
}

/**
 * Make a request, and yield the body of a 200 as it comes, in pieces. Returns, at last, nothing,
 * or as `request`: any other response, or why there was none, or not all of it. `silenceS` is how
 * long nothing may come.
 */
export async function* pieces(fetch, url, options, silenceS, stop) {
  const watch = new Watch(silenceS, stop);
  try {
    const response = await begun(fetch, url, options, stop);
    if (response.status !== 200) return await whole(response);
    const reader = response.body.getReader();
    for (;;) {
      watch.reset();
      const { done, value } = await reader.read();
      if (done) return undefined;
      watch.end(); // who reads slowly is not to blame the server
      yield value;
    }
  } catch (error) {
    return failure(error, options, watch);
  } finally {
    watch.end();
  }
}

function begun(fetch, url, options, { signal }) {
  return fetch(url, { ...options, cache: "no-store", credentials: "omit", signal });
}

async function whole(response) {
  const { status, headers } = response;
  const contentType = headers.get("Content-Type") ?? "";
  return { status, text: await response.text(), contentType, location: headers.get("Location") };
}

function failure(error, { method }, watch) {
  const code = error?.cause?.code ?? "";
  const reason = inWords(error);
  const late = watch.isLate || TIMEOUT.test(code);
  // Pages are not told; there, only a request that changes nothing counts as not sent.
  const never = NO_CONNECTION.test(code) || DENO_NO_CONNECTION.test(reason);
  return { reason, sent: late || !(never || method === "GET"), late };
}

/** Aborts what takes too long. */
class Watch {
  isLate = false;
  #timeoutS;
  #stop;
  #timer;

  constructor(timeoutS, stop) {
    this.#timeoutS = timeoutS;
    this.#stop = stop;
    this.reset();
  }

  reset() {
    this.end();
    this.#timer = after(this.#timeoutS, () => {
      this.isLate = true;
      this.#stop.abort();
    });
  }

  end() {
    clearTimeout(this.#timer);
  }
}

/** Return what an error says, without the secrets that may be in an address. */
export function inWords(error) {
  const cause = error?.cause;
  const words = cause?.message || cause?.code || error?.message || error;
  return String(words)
    .replace(/ for url \(\S*\)/, "")
    .replace(/(token|ticket)=[^\s&)'"]*/g, "$1=…");
}
