// Where the server is, and who asks.

const DEFAULT_URL = "http://localhost:7999";
const HTTP = { "http:": "http:", "ws:": "http:", "https:": "https:", "wss:": "https:" };

/** Return the address of a server as `http://…` or `https://…`, without a slash behind. */
export function baseUrl(url) {
  const given = String(url ?? defaultUrl());
  const parts = URL.canParse(given) ? new URL(given) : {};
  const scheme = HTTP[parts.protocol];
  if (!scheme || parts.username || parts.password || parts.search || parts.hash) {
    const shown = withoutSecrets(given.includes("//") ? given : given.replace(/^.*@/s, ""));
    throw new TypeError(`the address of a server is like ${DEFAULT_URL}, not '${shown}'`);
  }
  return `${scheme}//${parts.host}${parts.pathname.replace(/\/+$/, "")}`;
}

/** Return a text without the passwords, tokens and ids of calls that addresses in it hold. */
export function withoutSecrets(text) {
  return text
    .replace(/\/\/\S*@/g, "//")
    .replace(/\b(token|ticket)=[^\s&)'"]*/g, "$1=…")
    .replace(/\/calls\/[\w%-]+/g, "/calls/…");
}

/** Return where a response redirects to, for people: no user, no query. */
export function locationOf(address) {
  return withoutSecrets((address ?? "").replace(/[?#].*/s, "")).slice(0, 200);
}

/** Return a path without the reopen token in its query, and that token, if there is one. */
export function takeToken(path) {
  const [bare, query] = path.split("?", 2);
  const parts = new URLSearchParams(query ?? "");
  const token = parts.get("token") ?? "";
  parts.delete("token");
  const rest = String(parts).replace(/=(?=&|$)/g, "");
  return { path: rest ? `${bare}?${rest}` : bare, token };
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

/**
 * Return the headers that present an API key: if it is missing, that of GRIP_LAMBDA_KEY. The names
 * of headers are in lower case here.
 */
export function keyHeaders(key) {
  const given = key ?? environ("GRIP_LAMBDA_KEY");
  if (typeof given !== "string" || !/^[!-~]*$/.test(given)) {
    throw new TypeError("an API key has no spaces and only ASCII characters");
  }
  return given ? { authorization: `Bearer ${given}` } : {};
}

/**
 * Return a path without the reopen token in its query, and headers that present that: they are
 * logged less. `Authorization` has room for one: the token, else the key. If the user has given
 * something else for it, the token stays in the query.
 */
export function presented(path, keys, given = {}) {
  const { path: bare, token } = takeToken(path);
  const theirs = given.authorization;
  if (!token || theirs) return { path, headers: { ...withoutClash(keys, theirs), ...given } };
  return { path: bare, headers: { ...asApiKey(keys), authorization: `Bearer ${token}`, ...given } };
}

function withoutClash(keys, theirs) {
  if (!theirs) return keys;
  return /^bearer /i.test(theirs) ? {} : asApiKey(keys);
}

function asApiKey({ authorization }) {
  return authorization ? { "x-api-key": authorization.replace(/^Bearer /, "") } : {};
}

export function lambdaPath(id, method) {
  const path = `/lambda/${segment(id)}`;
  return method === undefined ? path : `${path}/${segment(method)}`;
}

/** Return the path of a method of a lambda, by its id, or of a service, by `service/<name>`. */
export function calleePath(address, method) {
  const name = /^service\/(.*)$/s.exec(address)?.[1];
  return name === undefined
    ? lambdaPath(address, method)
    : `${servicePath(name)}/${segment(method)}`;
}

export function servicePath(name) {
  return `/service/${segment(name)}`;
}

/** Return the path at which all hosts of a service are asked. */
export function allPath(name, method) {
  return `${servicePath(name)}/all/${segment(method)}`;
}

/** Return where a lambda is described, by its id, or a service, by `service/<name>`. */
export function describedPath(address) {
  const [first, ...rest] = address.split("/");
  const parts = rest.length ? [first, rest.join("/")] : [first];
  return `/openrpc/${parts.map(segment).join("/")}`;
}

export function openingPath(id, token, isPrivate = false, services = []) {
  const path = id ? `/lambda/new/${segment(id)}` : "/lambda/new";
  const query = token ? [`token=${encodeURIComponent(token)}`] : [];
  if (isPrivate) query.push("private");
  query.push(...services.map((name) => `service=${encodeURIComponent(name)}`));
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
