// Where the server is, and who asks.

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
  return environ("GRIP_LAMBDA_URL") || DEFAULT_URL;
}

/** Return an environment variable; empty if there is none, as in pages, or Deno denies it. */
function environ(name) {
  const { Deno, process } = globalThis;
  const asked = { name: "env", variable: name };
  if (Deno?.permissions && Deno.permissions.querySync(asked).state !== "granted") return "";
  return process?.env?.[name] ?? "";
}

/** Return the headers that present an API key: if it is missing, that of GRIP_LAMBDA_KEY. */
export function keyHeaders(key) {
  const given = key ?? environ("GRIP_LAMBDA_KEY");
  if (typeof given !== "string" || !/^[!-~]*$/.test(given)) {
    throw new TypeError("an API key has no spaces and only ASCII characters");
  }
  return given ? { authorization: `Bearer ${given}` } : {};
}

export function lambdaPath(id, method) {
  const path = `/lambda/${segment(id)}`;
  return method === undefined ? path : `${path}/${segment(method)}`;
}

export function openingPath(id, token, isPrivate = false) {
  const path = id ? `/lambda/new/${segment(id)}` : "/lambda/new";
  const query = token ? [`token=${encodeURIComponent(token)}`] : [];
  if (isPrivate) query.push("private");
  return query.length ? `${path}?${query.join("&")}` : path;
}

export function callPath(callId) {
  return `/calls/${segment(callId)}`;
}

function segment(text) {
  // URLs in JavaScript resolve these, whether they are escaped or not.
  if (text === "." || text === "..") throw new URIError(`'${text}' can't be part of an address`);
  return encodeURIComponent(text);
}
