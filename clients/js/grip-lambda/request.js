// One request with fetch, and what became of it.

import { after } from "./timing.js";

/** Codes of errors of Node that mean that there was no connection. */
const NO_CONNECTION =
  /^E(CONNREFUSED|NOTFOUND|AI_AGAIN|HOSTUNREACH|NETUNREACH)$|^UND_ERR_CONNECT|^ERR_TLS|CERT/;
const DENO_NO_CONNECTION = /client error \(Connect\)/;
const TIMEOUT = /^UND_ERR_(HEADERS|BODY)_TIMEOUT$/;

/**
 * Make a request; return `{ status, text, contentType }`, or `{ reason, sent, late }` if nothing
 * came back: `sent` is whether some of it may have reached the server, `late` whether the time
 * was over. `stop` is an AbortController.
 */
export async function request(fetch, url, options, timeoutS, stop = new AbortController()) {
  let late = false;
  const timer = after(timeoutS, () => {
    late = true;
    stop.abort();
  });
  const common = { cache: "no-store", credentials: "omit", signal: stop.signal };
  try {
    const response = await fetch(url, { ...options, ...common });
    const text = await response.text();
    const contentType = response.headers.get("Content-Type") ?? "";
    return { status: response.status, text, contentType };
  } catch (error) {
    const code = error?.cause?.code ?? "";
    const reason = inWords(error);
    late ||= TIMEOUT.test(code);
    // Pages are not told; there, only a request that changes nothing counts as not sent.
    const never = NO_CONNECTION.test(code) || DENO_NO_CONNECTION.test(reason);
    return { reason, sent: late || !(never || options.method === "GET"), late };
  } finally {
    clearTimeout(timer);
  }
}

/** Return what an error says, without the token that may be in an address. */
export function inWords(error) {
  const cause = error?.cause;
  const words = cause?.message || cause?.code || error?.message || error;
  return String(words)
    .replace(/ for url \(\S*\)/, "")
    .replace(/token=[^\s&)'"]*/g, "token=…");
}
