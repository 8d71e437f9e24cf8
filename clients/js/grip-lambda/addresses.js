// Where the server is.

const DEFAULT_URL = "http://localhost:7999";
const HTTP = { "http:": "http:", "ws:": "http:", "https:": "https:", "wss:": "https:" };

/** Return the address of a server as `http://…` or `https://…`, without a slash behind. */
export function baseUrl(url) {
  const given = String(url ?? defaultUrl());
  const parts = URL.canParse(given) ? new URL(given) : {};
  const scheme = HTTP[parts.protocol];
  if (!scheme || parts.username || parts.password || parts.search || parts.hash) {
    throw new TypeError(`the address of a server is like ${DEFAULT_URL}, not ${given}`);
  }
  return `${scheme}//${parts.host}${parts.pathname.replace(/\/+$/, "")}`;
}

/** In a page this is where the module came from, as a server serves it. */
function defaultUrl() {
  if (/^https?:/.test(import.meta.url)) return new URL("..", import.meta.url);
  try {
    return globalThis.process?.env?.GRIP_LAMBDA_URL || DEFAULT_URL;
  } catch {
    return DEFAULT_URL; // Deno asks for a permission
  }
}

export function lambdaPath(id, method) {
  const path = `/lambda/${segment(id)}`;
  return method === undefined ? path : `${path}/${segment(method)}`;
}

export function openingPath(id, token) {
  const path = id ? `/lambda/new/${segment(id)}` : "/lambda/new";
  return token ? `${path}?token=${encodeURIComponent(token)}` : path;
}

function segment(text) {
  // URLs in JavaScript resolve these, whether they are escaped or not.
  if (text === "." || text === "..") throw new URIError(`'${text}' can't be part of an address`);
  return encodeURIComponent(text);
}
