// Requests with fetch, and what became of them.

import { withoutSecrets } from "./addresses.js";
import { CONTENT_TYPE } from "./sse.js";
import { messageOf } from "./telling.js";
import { after } from "./timing.js";

/** What Node and Deno say where there was no connection: none to the port, or no TLS on it. */
const NO_CONNECTION =
  /^E(CONNREFUSED|NOTFOUND|AI_AGAIN|HOSTUNREACH|NETUNREACH)$|^UND_ERR_CONNECT|^ERR_TLS/;
const NO_TLS =
  /wrong version number|packet length too long|(unknown|unsupported) protocol|http request|handshake failure|protocol version|before secure TLS connection|^bad port$/i;
const DENO_NO_CONNECTION = /client error \(Connect\)|^Fetch failed: Requests to port/;
/** What they say of a certificate that they do not trust. */
const UNTRUSTED = /CERT|^UNABLE_TO_VERIFY|^HOSTNAME_MISMATCH/;
const DENO_UNTRUSTED = /invalid peer certificate/;
/** What Node does before there is a connection. */
const CONNECTING = ["connect", "getaddrinfo"];
/** How OpenSSL writes an error; the reason is in the middle. */
const OPENSSL = /^[^\n]*:SSL routines:[^:]*:([^:]+):.*$/s;
const FOUND = 302;
const NOWHERE = { status: FOUND, text: "", contentType: "", location: null };
const TIMEOUT = /^UND_ERR_(HEADERS|BODY)_TIMEOUT$/;

/**
 * Make a request; return `{ status, text, contentType, location, host }`, or
 * `{ reason, sent, late, lasting }` if nothing came back: `sent` is whether some of it may have
 * reached the server, `late` whether the time was over, `lasting` whether trying again is of no
 * use. `stop` is an AbortController.
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
    const isStream = response.headers.get("Content-Type")?.startsWith(CONTENT_TYPE);
    if (response.status !== 200 || !isStream) return await whole(response);
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

/** Nothing is followed: on the way elsewhere a body gets lost, and secrets reach others. */
async function begun(fetch, url, options, { signal }) {
  const all = { ...options, cache: "no-store", credentials: "omit", redirect: "manual", signal };
  const response = await fetch(url, all);
  if (!response.redirected) return response;
  await response.body?.cancel();
  return new Response(null, { status: FOUND, headers: { location: response.url } });
}

async function whole(response) {
  const { status, headers, type } = response;
  if (type === "opaqueredirect") return { ...NOWHERE }; // pages are not told where
  const contentType = headers.get("Content-Type") ?? "";
  const [location, host] = [headers.get("Location"), headers.get("Lambda-Id") ?? ""];
  return { status, text: await response.text(), contentType, location, host };
}

function failure(error, { method }, watch) {
  const cause = error?.cause;
  const code = cause?.code ?? "";
  const reason = inWords(error);
  const lasting = isUntrusted(error);
  const late = watch.isLate || TIMEOUT.test(code);
  // Pages are not told; there, only a request that changes nothing counts as not sent.
  const never = lasting ||
    CONNECTING.includes(cause?.syscall ?? cause?.errors?.[0]?.syscall) ||
    NO_CONNECTION.test(code) ||
    NO_TLS.test(cause?.message ?? "") ||
    DENO_NO_CONNECTION.test(reason);
  return { reason, sent: late || !(never || method === "GET"), late, lasting };
}

/** Tell whether there was no connection because of a certificate. */
export function isUntrusted(error) {
  const code = error?.cause?.code ?? error?.code ?? "";
  return UNTRUSTED.test(code) || DENO_UNTRUSTED.test(inWords(error));
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
  const words = cause?.message || cause?.code || messageOf(error);
  const plain = String(words).replace(OPENSSL, "$1").replace(/ for url \(\S*\)/, "");
  return withoutSecrets(plain);
}
