/*! grip-lambda 0.1.0, MIT; made by `make bundle` of 094480dc20e9b9cfd7b99ef4279b90050fe11a0ac96128581da076b2e5c67e8e */
// deno-lint-ignore-file
// deno-fmt-ignore-file
// clients/js/grip-lambda/addresses.js
var DEFAULT_URL = "http://localhost:7999";
var HTTP = {
  "http:": "http:",
  "ws:": "http:",
  "https:": "https:",
  "wss:": "https:"
};
function baseUrl(url) {
  const given = String(url ?? defaultUrl());
  const parts = URL.canParse(given) ? new URL(given) : {};
  const scheme = HTTP[parts.protocol];
  if (!scheme || parts.username || parts.password || parts.search || parts.hash) {
    const shown2 = withoutSecrets(given.includes("//") ? given : given.replace(/^.*@/s, ""));
    throw new TypeError(`the address of a server is like ${DEFAULT_URL}, not '${shown2}'`);
  }
  return `${scheme}//${parts.host}${parts.pathname.replace(/\/+$/, "")}`;
}
function withoutSecrets(text2) {
  return text2.replace(/\/\/\S*@/g, "//").replace(/\b(token|ticket)=[^\s&)'"]*/g, "$1=\u2026").replace(/\/calls\/[\w%-]+/g, "/calls/\u2026");
}
function locationOf(address) {
  return withoutSecrets((address ?? "").replace(/[?#].*/s, "")).slice(0, 200);
}
function takeToken(path) {
  const [bare, query] = path.split("?", 2);
  const parts = new URLSearchParams(query ?? "");
  const token = parts.get("token") ?? "";
  parts.delete("token");
  const rest = String(parts).replace(/=(?=&|$)/g, "");
  return {
    path: rest ? `${bare}?${rest}` : bare,
    token
  };
}
function defaultUrl() {
  if (/^https?:/.test(import.meta.url)) return new URL("..", import.meta.url);
  return environ("GRIP_LAMBDA_URL") || DEFAULT_URL;
}
function environ(name) {
  const { Deno, process } = globalThis;
  const asked = {
    name: "env",
    variable: name
  };
  if (Deno?.permissions && Deno.permissions.querySync(asked).state !== "granted") return "";
  return process?.env?.[name] ?? "";
}
function keyHeaders(key) {
  const given = key ?? environ("GRIP_LAMBDA_KEY");
  if (typeof given !== "string" || !/^[!-~]*$/.test(given)) {
    throw new TypeError("an API key has no spaces and only ASCII characters");
  }
  return given ? {
    authorization: `Bearer ${given}`
  } : {};
}
function presented(path, keys, given = {}) {
  const { path: bare, token } = takeToken(path);
  const theirs = given.authorization;
  if (!token || theirs) return {
    path,
    headers: {
      ...withoutClash(keys, theirs),
      ...given
    }
  };
  return {
    path: bare,
    headers: {
      ...asApiKey(keys),
      authorization: `Bearer ${token}`,
      ...given
    }
  };
}
function withoutClash(keys, theirs) {
  if (!theirs) return keys;
  return /^bearer /i.test(theirs) ? {} : asApiKey(keys);
}
function asApiKey({ authorization }) {
  return authorization ? {
    "x-api-key": authorization.replace(/^Bearer /, "")
  } : {};
}
function lambdaPath(id, method2) {
  const path = `/lambda/${segment(id)}`;
  return method2 === void 0 ? path : `${path}/${segment(method2)}`;
}
function calleePath(address, method2) {
  const name = /^service\/(.*)$/s.exec(address)?.[1];
  return name === void 0 ? lambdaPath(address, method2) : `${servicePath(name)}/${segment(method2)}`;
}
function servicePath(name) {
  return `/service/${segment(name)}`;
}
function allPath(name, method2) {
  return `${servicePath(name)}/all/${segment(method2)}`;
}
function describedPath(address) {
  const [first, ...rest] = address.split("/");
  const parts = rest.length ? [
    first,
    rest.join("/")
  ] : [
    first
  ];
  return `/openrpc/${parts.map(segment).join("/")}`;
}
function openingPath(id, token, isPrivate = false, services2 = []) {
  const path = id ? `/lambda/new/${segment(id)}` : "/lambda/new";
  const query = token ? [
    `token=${encodeURIComponent(token)}`
  ] : [];
  if (isPrivate) query.push("private");
  query.push(...services2.map((name) => `service=${encodeURIComponent(name)}`));
  return query.length ? `${path}?${query.join("&")}` : path;
}
function callPath(callId) {
  return `/calls/${segment(callId)}`;
}
function segment(text2) {
  if (text2 === "." || text2 === "..") throw new URIError(`'${text2}' can't be part of an address`);
  return encodeURIComponent(text2);
}

// clients/js/grip-lambda/telling.js
function textOf(value) {
  try {
    return String(value);
  } catch {
    return "an error without a text";
  }
}
function memberOf(error, name) {
  try {
    const value = error?.[name];
    return typeof value === "string" ? value : "";
  } catch {
    return "";
  }
}
function messageOf(error) {
  if (error === null || typeof error !== "object" && typeof error !== "function") {
    return textOf(error);
  }
  const message = memberOf(error, "message");
  if (message || isError(error)) return message;
  try {
    const text2 = JSON.stringify(error);
    return text2 && text2 !== "{}" ? text2 : textOf(error);
  } catch {
    return textOf(error);
  }
}
function typeOf(error) {
  const name = memberOf(error, "name");
  if (name && name !== "Error") return name;
  try {
    return isError(error) && memberOf(error.constructor, "name") || "Error";
  } catch {
    return "Error";
  }
}
function isError(value) {
  try {
    return value instanceof Error;
  } catch {
    return false;
  }
}

// clients/js/grip-lambda/messages.js
var OPEN_ID = 0;
var READY_ID = "ready";
var DISCOVER = "rpc.discover";
var READY = JSON.stringify({
  id: READY_ID,
  method: "rpc.ready",
  params: []
});
function parse(text2) {
  const content = readJson(text2);
  if (!isObject(content)) return null;
  return {
    id: content.id ?? null,
    method: typeof content.method === "string" ? content.method : null,
    params: Array.isArray(content.params) ? content.params : []
  };
}
function toJson(value) {
  const text2 = JSON.stringify(value ?? null, (_, part) => {
    if (typeof part === "number" && !Number.isFinite(part)) {
      throw new TypeError(`${part} is not a number in JSON`);
    }
    return part;
  });
  if (text2 === void 0) throw new TypeError(`a ${typeof value} is not JSON`);
  return text2;
}
function progress(callId, value, limit) {
  let text2;
  try {
    text2 = `{"method":"progress","params":[${toJson(callId)},${toJson(value)}],"id":null}`;
  } catch (error) {
    throw new TypeError(`this can't be written as JSON: ${messageOf(error)}`);
  }
  const size = sizeOf(text2);
  if (size > limit) {
    throw new RangeError(`this makes a message of ${size} bytes; the limit is ${limit}`);
  }
  return text2;
}
function answer(callId, outcome, limit) {
  const key = Object.hasOwn(outcome, "error") ? "error" : "result";
  const value = key === "error" ? outcome.error ?? "the host failed" : outcome.result;
  let text2;
  try {
    text2 = `{"id":${toJson(callId)},"${key}":${toJson(value)}}`;
  } catch (error) {
    const why = messageOf(error).slice(0, 200);
    return told(callId, "NotJson", `the ${key} can't be written as JSON: ${why}`);
  }
  const size = sizeOf(text2);
  if (size > limit) {
    if (outcome.shorter !== void 0) return answer(callId, {
      result: outcome.shorter
    }, limit);
    const why = `the ${key} makes a message of ${size} bytes; the limit is ${limit}`;
    return told(callId, "ResultTooLarge", why);
  }
  return text2;
}
function sizeOf(text2) {
  return new TextEncoder().encode(text2).length;
}
function told(callId, kind, message) {
  return toJson({
    id: callId,
    error: described(kind, message)
  });
}
function described(errorType, errorMessage) {
  return {
    errorType,
    errorMessage
  };
}
function readJson(text2) {
  try {
    return JSON.parse(text2);
  } catch {
    return void 0;
  }
}
function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

// clients/js/grip-lambda/errors.js
var LambdaError = class extends Error {
  static status = 500;
  static code = "internal_error";
  static mayHaveRun = false;
  host = "";
  constructor(message, { status, code } = {}) {
    super(message || new.target.name);
    this.name = new.target.name;
    this.status = status || new.target.status;
    this.code = code || new.target.code;
    this.mayHaveRun = new.target.mayHaveRun;
  }
};
var RemoteError = class extends LambdaError {
  static status = 400;
  static code = null;
  static mayHaveRun = true;
  constructor(error, { status } = {}) {
    super(shown(error), {
      status
    });
    this.error = error;
  }
};
var BadRequest = class extends LambdaError {
  static status = 400;
  static code = "bad_request";
};
var Unauthorized = class extends LambdaError {
  static status = 401;
  static code = "unauthorized";
};
var Forbidden = class extends LambdaError {
  static status = 403;
  static code = "forbidden";
};
var NotFound = class extends LambdaError {
  static status = 404;
  static code = "not_found";
};
var TakenOver = class extends LambdaError {
  static status = 409;
  static code = "taken_over";
};
var Cancelled = class extends LambdaError {
  static status = 410;
  static code = "cancelled";
  static mayHaveRun = true;
};
var Deleted = class extends LambdaError {
  static status = 410;
  static code = "deleted";
};
var TooLarge = class extends LambdaError {
  static status = 413;
  static code = "too_large";
};
var KeyReused = class extends LambdaError {
  static status = 422;
  static code = "key_reused";
};
var Busy = class extends LambdaError {
  static status = 429;
  static code = "busy";
};
var ServerError = class extends LambdaError {
  static mayHaveRun = true;
};
var Disconnected = class extends LambdaError {
  static status = 502;
  static code = "disconnected";
  static mayHaveRun = true;
};
var ResultTooLarge = class extends LambdaError {
  static status = 502;
  static code = "result_too_large";
  static mayHaveRun = true;
};
var Unavailable = class extends LambdaError {
  static status = 503;
  static code = "unavailable";
};
var DeadlineExceeded = class extends LambdaError {
  static status = 504;
  static code = "deadline_exceeded";
  static mayHaveRun = true;
};
var BY_CODE = new Map([
  BadRequest,
  Unauthorized,
  Forbidden,
  NotFound,
  TakenOver,
  Cancelled,
  Deleted,
  TooLarge,
  KeyReused,
  Busy,
  ServerError,
  Disconnected,
  ResultTooLarge,
  Unavailable,
  DeadlineExceeded
].map((kind) => [
  kind.code,
  kind
]));
var BY_STATUS = new Map([
  Unauthorized,
  Forbidden,
  NotFound,
  TooLarge,
  Busy,
  Unavailable,
  DeadlineExceeded
].map((kind) => [
  kind.status,
  kind
]));
function fromResponse(status, text2, location) {
  if (status >= 300 && status < 400) {
    const target = locationOf(location) || "elsewhere";
    return new Unavailable(`this address redirects to ${target}; take that one`, {
      status
    });
  }
  const page = pageOf(status, text2);
  if (status < 400) {
    return new ServerError(page || "the server's answer can't be read", {
      status
    });
  }
  let message = page || text2.slice(0, 200).trim();
  let code;
  const body = errorIn(text2);
  if (body) {
    if (!Object.hasOwn(body, "code") && status === 400) {
      return new RemoteError(body.error, {
        status
      });
    }
    message = typeof body.error === "string" ? body.error : JSON.stringify(body.error);
    code = typeof body.code === "string" ? body.code : void 0;
  }
  const fallback = status < 500 ? BadRequest : ServerError;
  const kind = BY_CODE.get(code) ?? BY_STATUS.get(status) ?? fallback;
  return new kind(message || `the server answered with ${status}`, {
    status,
    code
  });
}
function pageOf(status, text2) {
  const begin = text2.slice(0, 2e3).trim();
  if (!/^<(?:!doctype\s+html|html)\b/i.test(begin)) return "";
  const title = /<title>([^<]*)/i.exec(begin)?.[1].trim().replace(/\s+/g, " ").slice(0, 100);
  const shown2 = title ? `${status}, ${title}` : `${status}`;
  return `a page of HTML came (${shown2}): another server, a proxy or a portal has answered`;
}
function errorIn(text2) {
  const body = readJson(text2);
  return isObject(body) && Object.hasOwn(body, "error") ? body : null;
}
function shown(error) {
  if (typeof error === "string") return error;
  try {
    if (isObject(error)) {
      const message = error.errorMessage ?? error.message;
      if (typeof message === "string") {
        return typeof error.errorType === "string" ? `${error.errorType}: ${message}` : message;
      }
    }
    return JSON.stringify(error) ?? textOf(error);
  } catch {
    return textOf(error);
  }
}

// clients/js/grip-lambda/exchange.js
var DEFAULT_WAIT_S = 60;
var MARGIN_S = 5;
var REQUEST_S = 30;
var [SHORTEST_S, LONGEST_S] = [
  0.05,
  3600
];
var CALL = /(?:^|\/)calls\/([^/?#]+)$/;
var IDEMPOTENCY_KEY = /^[ -~]{1,255}$/;
function callRequest(id, method2, body, { wait = DEFAULT_WAIT_S, idempotencyKey }, ...prefer) {
  if (!(Number.isFinite(wait) && wait > 0)) {
    throw new RangeError("wait is a number of seconds, more than 0");
  }
  const headers = {
    "Content-Type": "application/json"
  };
  if (idempotencyKey !== void 0 && idempotencyKey !== null) {
    if (!IDEMPOTENCY_KEY.test(idempotencyKey)) {
      throw new BadRequest("an idempotency key has 1 to 255 characters, all of ASCII");
    }
    headers["Idempotency-Key"] = idempotencyKey;
  }
  let path, content;
  try {
    [path, content] = [
      calleePath(id, method2),
      toJson(body)
    ];
  } catch (error) {
    throw new BadRequest(`this can't be sent: ${messageOf(error)}`);
  }
  const waitS = Math.min(Math.max(wait, SHORTEST_S), LONGEST_S);
  headers.Prefer = [
    ...prefer,
    `wait=${Number(waitS.toPrecision(6))}`
  ].join(", ");
  const isSafe = "Idempotency-Key" in headers;
  return {
    method: "POST",
    path,
    headers,
    content,
    timeoutS: waitS + MARGIN_S,
    isSafe
  };
}
function* call(id, method2, body, terms, pauses) {
  return decoded(yield* reply(callRequest(id, method2, body, terms), pauses));
}
function* submission(id, method2, body, terms, pauses) {
  const request2 = callRequest(id, method2, body, terms, "respond-async");
  const wanted = {
    ...request2,
    timeoutS: REQUEST_S
  };
  const { status, location } = yield* reply(wanted, pauses, is(200, 202));
  const callId = CALL.exec(location ?? "")?.[1];
  if (status !== 202 || !callId) {
    throw new ServerError("the server does not take calls without waiting", {
      status
    });
  }
  return callId;
}
function* result(callId, waitS, pauses) {
  const headers = waitS ? {
    Prefer: `wait=${Number(waitS.toPrecision(6))}`
  } : {};
  const request2 = {
    ...get(callPath(callId)),
    headers,
    timeoutS: waitS + REQUEST_S
  };
  const told4 = yield* reply(request2, pauses, is(200, 202));
  return told4.status === 202 ? null : {
    value: decoded(told4)
  };
}
function* hasEnded(callId, pauses) {
  return (yield* reply(get(callPath(callId)), pauses, tellsTheEnd)).status !== 202;
}
function* cancellation(callId, pauses) {
  const path = callPath(callId);
  const request2 = {
    method: "DELETE",
    path,
    headers: {},
    timeoutS: REQUEST_S,
    isSafe: true
  };
  yield* reply(request2, pauses, is(204));
}
function* listing(pauses) {
  return yield* listed("/lambda", lambda, pauses);
}
function* hosts(name, pauses) {
  return yield* listed(servicePath(name), lambda, pauses);
}
function* services(pauses) {
  return yield* listed("/service", service, pauses);
}
function* listed(path, read, pauses) {
  const entries = decoded(yield* reply(get(path), pauses));
  return checked("listing is not one", () => {
    if (!isObject(entries)) throw new TypeError("not an object");
    return Object.values(entries).map(read);
  });
}
function* entry(id, pauses) {
  const entry2 = decoded(yield* reply(get(lambdaPath(id)), pauses));
  return checked("answer is not a lambda", () => lambda(entry2));
}
function* description(address, pauses) {
  const found = decoded(yield* reply(get(describedPath(address)), pauses));
  return checked("answer is not a description", () => {
    if (!Array.isArray(found?.methods)) throw new TypeError("no methods");
    return found;
  });
}
function* deletion(id, token, pauses) {
  const path = lambdaPath(id) + (token ? `?token=${encodeURIComponent(token)}` : "");
  yield* reply({
    method: "DELETE",
    path,
    headers: {},
    timeoutS: REQUEST_S
  }, pauses, is(204));
}
function get(path) {
  return {
    method: "GET",
    path,
    headers: {},
    timeoutS: REQUEST_S,
    isSafe: true
  };
}
function is(...statuses) {
  return (reply2) => statuses.includes(reply2.status) && (reply2.status === 204 || isJson(reply2));
}
function isJson({ contentType }) {
  return !contentType || contentType.toLowerCase().includes("json");
}
function tellsTheEnd(reply2) {
  const { status, text: text2 } = reply2;
  if (status < 400) return is(200, 202)(reply2);
  const asking = [
    401,
    403,
    404,
    429,
    503
  ].includes(status);
  return !asking && isJson(reply2) && errorIn(text2) !== null;
}
function* reply(request2, pauses, isWanted = is(200)) {
  for (const pauseS of [
    ...pauses,
    null
  ]) {
    const outcome = yield {
      request: request2
    };
    if (outcome.status !== void 0 && isWanted(outcome)) return outcome;
    const error = errorOf(request2, outcome);
    if (pauseS === null || !mayTryAgain(request2, outcome, error)) throw error;
    yield {
      pauseS
    };
  }
}
function mayTryAgain(request2, { status, late, lasting }, error) {
  if (status !== void 0) return error instanceof Unavailable && status >= 400;
  if (lasting) return false;
  return error instanceof Unavailable || !late && Boolean(request2.isSafe);
}
function errorOf(request2, outcome) {
  const { status, text: text2, contentType, location, host, reason: why, sent, late } = outcome;
  if (status === void 0) {
    if (!sent) return new Unavailable(`the server is out of reach: ${why}`);
    if (late) return new DeadlineExceeded(`no answer came within ${request2.timeoutS} s`);
    return new Disconnected(`the server went away: ${why}`);
  }
  if (status === 502 && contentType.startsWith("text/plain")) {
    return new Unavailable("the proxy can't reach the backend", {
      status
    });
  }
  return Object.assign(fromResponse(status, text2, location), {
    host: host ?? ""
  });
}
function decoded({ status, text: text2 }) {
  const value = readJson(text2);
  if (value === void 0) throw new ServerError("the server's answer can't be read", {
    status
  });
  return value;
}
function checked(what, read) {
  try {
    return read();
  } catch {
    throw new ServerError(`the server's ${what}`);
  }
}
function lambda(entry2) {
  const timestamp = new Date(entry2.timestamp);
  const strings = [
    entry2.id,
    entry2.timestamp,
    entry2.code
  ];
  if (strings.some((one) => typeof one !== "string") || Number.isNaN(timestamp.getTime())) {
    throw new TypeError("not a lambda");
  }
  if (!isObject(entry2.headers)) throw new TypeError("not a lambda");
  const { id, code, headers } = entry2;
  return {
    id,
    timestamp,
    code,
    headers,
    methods: entry2.methods ?? null,
    raw: entry2
  };
}
function service(entry2) {
  const { name, hosts: hosts2, methods } = entry2;
  if (typeof name !== "string" || !Number.isInteger(hosts2)) throw new TypeError("not a service");
  return {
    name,
    hosts: hosts2,
    methods: methods ?? null,
    raw: entry2
  };
}

// clients/js/grip-lambda/sse.js
var CONTENT_TYPE = "text/event-stream";
var LINE_END = /\r\n|\n|\r/;
var Parser = class {
  /** The last event id so far; a reader that comes back says it. */
  lastId = "";
  #decoder = new TextDecoder();
  #held = "";
  #line = [];
  #data = [];
  #name = "";
  #id = "";
  /** Take bytes that have arrived, and return the events `{ data, id, name }` whole by now. */
  feed(piece) {
    let text2 = this.#held + this.#decoder.decode(piece, {
      stream: true
    });
    this.#held = text2.endsWith("\r") ? "\r" : "";
    text2 = text2.slice(0, text2.length - this.#held.length);
    const lines = text2.split(LINE_END);
    this.#line.push(lines[0]);
    if (lines.length === 1) return [];
    lines[0] = this.#line.join("");
    this.#line = [
      lines.pop()
    ];
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
    const [data, name] = [
      this.#data,
      this.#name
    ];
    this.#data = [];
    this.#name = "";
    this.lastId = this.#id;
    return data.length ? {
      data: data.join("\n"),
      id: this.#id,
      name: name || "message"
    } : null;
  }
};

// clients/js/grip-lambda/stream-state.js
var SILENCE_S = 40;
var CUT = {
  reason: "the stream ended too early",
  sent: true,
  late: false
};
var StreamState = class {
  #request;
  #allPauses;
  #pauses;
  #parser = new Parser();
  #lastId = "";
  /** Begin with the request that makes the call. */
  constructor(request2, pauses) {
    const headers = {
      ...request2.headers,
      Accept: CONTENT_TYPE
    };
    this.#request = {
      ...request2,
      headers,
      timeoutS: SILENCE_S
    };
    this.#allPauses = pauses;
    this.#pauses = [
      ...pauses
    ];
  }
  /** Return the request to make now; it goes on after the last event that came. */
  request() {
    this.#parser = new Parser();
    if (!this.#lastId) return this.#request;
    const headers = {
      ...this.#request.headers,
      "Last-Event-ID": this.#lastId
    };
    return {
      ...this.#request,
      headers,
      isSafe: true
    };
  }
  /** Take bytes of the stream; return what they tell: `{ progress }`, `{ result }`, `{ error }`. */
  feed(piece) {
    const events = this.#parser.feed(piece);
    if (this.#parser.lastId) {
      this.#lastId = this.#parser.lastId;
      this.#pauses = [
        ...this.#allPauses
      ];
    }
    return events.map(told2);
  }
  /** Take a response that is no stream; return the seconds to wait before the next try. */
  refused(reply2) {
    const { status } = reply2;
    if (status < 300) throw new ServerError("the server's answer is no stream", {
      status
    });
    return this.#again(reply2);
  }
  /** Take that there was no response, or not all of it; return as `refused`. */
  lost(failure3) {
    return this.#again(this.#lastId ? {
      ...failure3,
      late: false
    } : failure3);
  }
  #again(outcome) {
    const request2 = this.request();
    const error = errorOf(request2, outcome);
    if (!this.#pauses.length || !mayTryAgain(request2, outcome, error)) throw error;
    return this.#pauses.shift();
  }
};
function told2({ name, data }) {
  const value = readJson(data);
  if (value === void 0) return {
    error: new ServerError("the server's answer can't be read")
  };
  if (name === "progress" || name === "result") return {
    [name]: value
  };
  if (name === "error" && isObject(value)) {
    return {
      error: fromResponse(Number.isInteger(value.status) ? value.status : 500, data)
    };
  }
  const what = `the server sent an event that is not known: ${name.slice(0, 50)}`;
  return {
    error: new ServerError(what)
  };
}

// clients/js/grip-lambda/timing.js
function deferred() {
  const one = {
    done: false
  };
  one.promise = new Promise((resolve) => {
    one.resolve = (value) => {
      one.done = true;
      resolve(value);
    };
  });
  return one;
}
function after(seconds, callback) {
  if (seconds === Infinity) return void 0;
  return setTimeout(callback, Math.min(Math.max(seconds, 0) * 1e3, 2 ** 31 - 1));
}
async function pause(seconds, signal) {
  const over = deferred();
  const timer = after(seconds, over.resolve);
  signal?.addEventListener("abort", over.resolve, {
    once: true
  });
  if (!signal?.aborted) await over.promise;
  clearTimeout(timer);
}

// clients/js/grip-lambda/answers.js
var Answer = class {
  #value;
  constructor(id, status, error, value) {
    Object.assign(this, {
      id,
      status,
      error
    });
    this.#value = value;
  }
  get result() {
    if (this.error) throw this.error;
    return this.#value;
  }
};
function allRequest(name, method2, body, terms) {
  const wanted = callRequest("", method2, body, terms);
  const headers = {
    ...wanted.headers,
    Accept: CONTENT_TYPE
  };
  return {
    ...wanted,
    path: allPath(name, method2),
    headers
  };
}
async function* answers(open, request2, pauses) {
  const left = [
    ...pauses
  ];
  for (; ; ) {
    const stop = new AbortController();
    const response = open(request2, stop);
    const parser = new Parser();
    let outcome;
    try {
      for (; ; ) {
        const { done, value } = await response.next();
        if (done) {
          outcome = value ?? CUT;
          break;
        }
        for (const event of parser.feed(value)) {
          const answer2 = told3(event);
          if (answer2 === null) return;
          yield answer2;
        }
      }
    } finally {
      stop.abort();
      await response.return();
    }
    const error = errorOf(request2, outcome);
    if (!left.length || !mayTryAgain(request2, outcome, error)) throw error;
    await pause(left.shift());
  }
}
function told3({ name, data }) {
  const said = readJson(data);
  if (!isObject(said)) throw new ServerError("the server's answer can't be read");
  if (name === "end") return null;
  if (name === "error") throw fromResponse(Number(said.status) || 500, data);
  if (name !== "answer") {
    throw new ServerError(`the server sent an event that is not known: ${name.slice(0, 50)}`);
  }
  const { id, status, result: result2, error, code } = said;
  if (status === 200) return new Answer(id, status, null, result2);
  return new Answer(id, status, fromResponse(status, JSON.stringify({
    error,
    code
  })));
}

// clients/js/grip-lambda/backoff.js
var Backoff = class {
  #firstS;
  #longestS;
  #draw;
  #limitS;
  constructor(firstS = 1, longestS = 30, draw = Math.random) {
    this.#firstS = this.#limitS = firstS;
    this.#longestS = longestS;
    this.#draw = draw;
  }
  next() {
    const limitS = this.#limitS;
    this.#limitS = Math.min(limitS * 2, this.#longestS);
    return this.#draw() * limitS;
  }
  reset() {
    this.#limitS = this.#firstS;
  }
};

// clients/js/grip-lambda/bound.js
function bound(client, address, own = {}) {
  const here = {
    address,
    call: (method2, body, terms) => client.call(address, method2, body, terms),
    submit: (method2, body, terms) => client.submit(address, method2, body, terms),
    stream: (method2, body, terms) => client.stream(address, method2, body, terms),
    describe: () => client.describe(address),
    ...own
  };
  return new Proxy(Object.freeze(here), {
    get(target, name) {
      if (name in target || typeof name !== "string" || name === "then") return target[name];
      return (body, terms) => client.call(address, name, body, terms);
    }
  });
}
function boundService(client, name) {
  return bound(client, `service/${name}`, {
    name,
    all: (method2, body, terms) => client.askAll(name, method2, body, terms),
    hosts: () => client.hosts(name)
  });
}

// clients/js/grip-lambda/pending.js
var POLL_S = 30;
var PendingCall = class {
  #run;
  /** `run` carries out a flow of exchange.js, given what makes it of the pauses. */
  constructor(id, run) {
    this.id = id;
    this.#run = run;
  }
  done() {
    return this.#run((pauses) => hasEnded(this.id, pauses));
  }
  async result(timeout) {
    timeout ??= Infinity;
    const end = performance.now() + timeout * 1e3;
    for (; ; ) {
      const waitS = Math.max(0, Math.min(POLL_S, (end - performance.now()) / 1e3));
      const ended2 = await this.#run((pauses) => result(this.id, waitS, pauses));
      if (ended2) return ended2.value;
      if (!waitS) {
        throw new DOMException(`the call has not ended within ${timeout} s`, "TimeoutError");
      }
    }
  }
  cancel() {
    return this.#run((pauses) => cancellation(this.id, pauses));
  }
};

// clients/js/grip-lambda/request.js
var NO_CONNECTION = /^E(CONNREFUSED|NOTFOUND|AI_AGAIN|HOSTUNREACH|NETUNREACH)$|^UND_ERR_CONNECT|^ERR_TLS/;
var NO_TLS = /wrong version number|packet length too long|(unknown|unsupported) protocol|http request|handshake failure|protocol version|before secure TLS connection|^bad port$/i;
var DENO_NO_CONNECTION = /client error \(Connect\)|^Fetch failed: Requests to port/;
var UNTRUSTED = /CERT|^UNABLE_TO_VERIFY|^HOSTNAME_MISMATCH/;
var DENO_UNTRUSTED = /invalid peer certificate/;
var CONNECTING = [
  "connect",
  "getaddrinfo"
];
var OPENSSL = /^[^\n]*:SSL routines:[^:]*:([^:]+):.*$/s;
var FOUND = 302;
var NOWHERE = {
  status: FOUND,
  text: "",
  contentType: "",
  location: null
};
var TIMEOUT = /^UND_ERR_(HEADERS|BODY)_TIMEOUT$/;
async function request(fetch, url, options, timeoutS, stop = new AbortController()) {
  const watch = new Watch(timeoutS, stop);
  try {
    return await whole(await begun(fetch, url, options, stop));
  } catch (error) {
    return failure(error, options, watch);
  } finally {
    watch.end();
  }
}
async function* pieces(fetch, url, options, silenceS, stop) {
  const watch = new Watch(silenceS, stop);
  try {
    const response = await begun(fetch, url, options, stop);
    const isStream = response.headers.get("Content-Type")?.startsWith(CONTENT_TYPE);
    if (response.status !== 200 || !isStream) return await whole(response);
    const reader = response.body.getReader();
    for (; ; ) {
      watch.reset();
      const { done, value } = await reader.read();
      if (done) return void 0;
      watch.end();
      yield value;
    }
  } catch (error) {
    return failure(error, options, watch);
  } finally {
    watch.end();
  }
}
async function begun(fetch, url, options, { signal }) {
  const all = {
    ...options,
    cache: "no-store",
    credentials: "omit",
    redirect: "manual",
    signal
  };
  const response = await fetch(url, all);
  if (!response.redirected) return response;
  await response.body?.cancel();
  return new Response(null, {
    status: FOUND,
    headers: {
      location: response.url
    }
  });
}
async function whole(response) {
  const { status, headers, type } = response;
  if (type === "opaqueredirect") return {
    ...NOWHERE
  };
  const contentType = headers.get("Content-Type") ?? "";
  const [location, host] = [
    headers.get("Location"),
    headers.get("Lambda-Id") ?? ""
  ];
  return {
    status,
    text: await response.text(),
    contentType,
    location,
    host
  };
}
function failure(error, { method: method2 }, watch) {
  const cause = error?.cause;
  const code = cause?.code ?? "";
  const reason2 = inWords(error);
  const lasting = isUntrusted(error);
  const late = watch.isLate || TIMEOUT.test(code);
  const never = lasting || CONNECTING.includes(cause?.syscall ?? cause?.errors?.[0]?.syscall) || NO_CONNECTION.test(code) || NO_TLS.test(cause?.message ?? "") || DENO_NO_CONNECTION.test(reason2);
  return {
    reason: reason2,
    sent: late || !(never || method2 === "GET"),
    late,
    lasting
  };
}
function isUntrusted(error) {
  const code = error?.cause?.code ?? error?.code ?? "";
  return UNTRUSTED.test(code) || DENO_UNTRUSTED.test(inWords(error));
}
var Watch = class {
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
};
function inWords(error) {
  const cause = error?.cause;
  const words = cause?.message || cause?.code || messageOf(error);
  const plain = String(words).replace(OPENSSL, "$1").replace(/ for url \(\S*\)/, "");
  return withoutSecrets(plain);
}

// clients/js/grip-lambda/streams.js
var Stream = class {
  #open;
  #state;
  #events = this.#read();
  #stop = null;
  #closed = false;
  #end = null;
  /** `open` takes a request and an AbortController, and gives what `pieces` of request.js does. */
  constructor(open, state) {
    this.#open = open;
    this.#state = state;
  }
  [Symbol.asyncIterator]() {
    return this.#events;
  }
  async result() {
    for await (const _ of this.#events) ;
    if (!this.#end) throw new Error("the call has not ended; read the stream to its end");
    if (this.#end.error) throw this.#end.error;
    return this.#end.result;
  }
  async close() {
    this.#closed = true;
    this.#stop?.abort();
    await this.#events.return();
  }
  async *#read() {
    try {
      while (!this.#closed) {
        const pauseS = yield* this.#once();
        if (this.#end || this.#closed) return;
        this.#stop = new AbortController();
        await pause(pauseS, this.#stop.signal);
      }
    } catch (error) {
      this.#end = {
        error
      };
      throw error;
    }
  }
  /** Read one response; return how long to wait before the next, unless this was the end. */
  async *#once() {
    this.#stop = new AbortController();
    const response = this.#open(this.#state.request(), this.#stop);
    try {
      for (; ; ) {
        const { done, value } = await response.next();
        if (this.#closed) return 0;
        if (done) {
          const outcome = value ?? CUT;
          return outcome.status ? this.#state.refused(outcome) : this.#state.lost(outcome);
        }
        for (const event of this.#state.feed(value)) {
          if ("error" in event) throw event.error;
          if ("result" in event) {
            this.#end = event;
            return 0;
          }
          yield event.progress;
        }
      }
    } finally {
      this.#stop.abort();
      await response.return();
    }
  }
};

// clients/js/grip-lambda/client.js
var Client = class {
  #keys;
  #headers;
  #retries;
  #fetch;
  constructor(url, { key, headers = {}, retries = 4, fetch } = {}) {
    this.url = baseUrl(url);
    this.#keys = keyHeaders(key);
    this.#headers = Object.fromEntries(new Headers(headers));
    this.#retries = retries;
    this.#fetch = fetch;
  }
  call(id, method2, body, terms = {}) {
    return this.#run((pauses) => call(id, method2, body, terms, pauses));
  }
  async submit(id, method2, body, terms = {}) {
    const flow = (pauses) => submission(id, method2, body, terms, pauses);
    return this.pending(await this.#run(flow));
  }
  stream(id, method2, body, terms = {}) {
    const wanted = callRequest(id, method2, body, terms);
    const open = (request2, stop) => pieces(...this.#asked(request2), stop);
    return new Stream(open, new StreamState(wanted, this.#pauses()));
  }
  pending(callId) {
    return new PendingCall(callId, (flow) => this.#run(flow));
  }
  list() {
    return this.#run((pauses) => listing(pauses));
  }
  get(id) {
    return this.#run((pauses) => entry(id, pauses));
  }
  describe(address) {
    return this.#run((pauses) => description(address, pauses));
  }
  bind(address) {
    return bound(this, address);
  }
  service(name) {
    return boundService(this, name);
  }
  services() {
    return this.#run((pauses) => services(pauses));
  }
  hosts(name) {
    return this.#run((pauses) => hosts(name, pauses));
  }
  askAll(name, method2, body, terms = {}) {
    const wanted = allRequest(name, method2, body, terms);
    const open = (request2, stop) => pieces(...this.#asked(request2), stop);
    return answers(open, wanted, this.#pauses());
  }
  delete(id, token) {
    return this.#run((pauses) => deletion(id, token, pauses));
  }
  #pauses() {
    const backoff = new Backoff(0.2, 1.6);
    return Array.from({
      length: this.#retries
    }, () => backoff.next());
  }
  /** Do what a flow of exchange.js wants, and return what it returns. */
  async #run(begin) {
    const flow = begin(this.#pauses());
    let step = flow.next();
    while (!step.done) {
      const { request: wanted, pauseS } = step.value;
      const outcome = await (wanted ? request(...this.#asked(wanted)) : pause(pauseS));
      step = flow.next(outcome);
    }
    return step.value;
  }
  /** Return what is asked of fetch for a request. */
  #asked({ method: method2, path, headers, content, timeoutS }) {
    const shown2 = presented(path, this.#keys, this.#headers);
    const options = {
      method: method2,
      headers: {
        ...shown2.headers,
        ...headers
      },
      body: content
    };
    return [
      this.#fetch ?? globalThis.fetch,
      this.url + shown2.path,
      options,
      timeoutS
    ];
  }
};

// clients/js/grip-lambda/context.js
var Context = class {
  #logs = [];
  #billing = {};
  constructor(raw) {
    this.raw = isObject(raw) ? raw : {};
    const { aws_request_id, invoked_function_arn, client_context, identity, env } = this.raw;
    this.awsRequestId = text(aws_request_id);
    this.invokedFunctionArn = text(invoked_function_arn);
    this.clientContext = isObject(client_context) ? client_context : null;
    this.identity = isObject(identity) ? identity : null;
    this.env = isObject(env) ? env : {};
    this.deadline = Number.isInteger(this.raw.deadline) ? this.raw.deadline : 0;
  }
  getRemainingTimeInMillis() {
    return Math.max(0, this.deadline - Date.now());
  }
  log(line) {
    this.#logs.push(String(line));
  }
  bill({ memory, used }) {
    if (memory !== void 0) this.#billing.memory = memory;
    if (used !== void 0) this.#billing.used = used;
  }
  /** Return the end of a function as an InvokeReply: no object of its own is taken for one. */
  reply(outcome) {
    const bare = {
      errortype: "",
      invokeid: this.awsRequestId
    };
    if (Object.hasOwn(outcome, "error")) {
      bare.errortype = memberOf(outcome.error, "errorType") || "Error";
      bare.errors = true;
      bare.result = outcome.error ?? "the host failed";
    } else {
      bare.result = outcome.result ?? null;
    }
    const said = {
      ...bare
    };
    if (this.#logs.length) said.logs = [
      ...this.#logs
    ];
    if (Object.keys(this.#billing).length) said.billing = {
      ...this.#billing
    };
    return {
      result: said,
      shorter: bare
    };
  }
};
function text(value) {
  return typeof value === "string" ? value : "";
}

// clients/js/grip-lambda/session.js
var DEFAULT_MESSAGE_BYTES = 1e5;
var OPENING_S = 10;
var NEVER_AGAIN = /* @__PURE__ */ new Map([
  [
    4403,
    [
      Forbidden,
      "somebody else has opened the id, or its API key was revoked"
    ]
  ],
  [
    4409,
    [
      TakenOver,
      "another host has taken the id over"
    ]
  ],
  [
    4410,
    [
      Deleted,
      "the lambda was deleted"
    ]
  ]
]);
var Session = class {
  isUp = false;
  methods = null;
  silenceS = OPENING_S;
  #backoff;
  #isPrivate;
  #services;
  #connected = false;
  #wasUp = false;
  #stopping = false;
  #ended = false;
  #limit = DEFAULT_MESSAGE_BYTES;
  #resultLimit = 0;
  #pingS = null;
  #nextKey = 0;
  #running = /* @__PURE__ */ new Set();
  #calls = /* @__PURE__ */ new Map();
  #posting = /* @__PURE__ */ new Map();
  #waiting = [];
  constructor(options = {}) {
    const { maxCalls, id, token, isPrivate, services: services2, context, backoff = new Backoff() } = options;
    this.id = id ?? "";
    this.token = token ?? "";
    this.maxCalls = maxCalls ?? null;
    this.context = Boolean(context);
    this.#isPrivate = Boolean(isPrivate);
    this.#services = services2 ?? [];
    this.#backoff = backoff;
  }
  /** The path and query to connect to. */
  get path() {
    return openingPath(this.id, this.token, this.#isPrivate, this.#services);
  }
  /** Take a message of the server. What it should not have sent is passed over. */
  received(text2) {
    const message = parse(text2);
    if (message === null || this.#ended) return [];
    if (message.method === null) {
      return message.id === READY_ID && this.#connected ? this.#up() : [];
    }
    if (message.id === null) {
      return message.method === "rpc.cancel" ? this.#cancel(message.params[0]) : [];
    }
    if (message.method === "open" && message.id === OPEN_ID) return this.#open(message.params);
    return this.#connected ? [
      ...this.#up(),
      ...this.#call(message)
    ] : [];
  }
  /** Take what a method reports; its caller may have gone. Throws where it can't be sent. */
  progressed(key, value) {
    if (!this.#calls.has(key)) return [];
    return [
      send(progress(this.#calls.get(key), value, this.#limit))
    ];
  }
  /** Take the end of a method: `{ result }` or `{ error }`. */
  finished(key, outcome) {
    const actions = [];
    this.#running.delete(key);
    if (this.#calls.has(key)) {
      const callId = this.#calls.get(key);
      const most = Math.max(this.#limit, this.#resultLimit);
      const text2 = answer(callId, outcome, most);
      const size = sizeOf(text2);
      const isLong = size > this.#limit && size <= this.#resultLimit;
      if (isLong) this.#posting.set(key, callId);
      actions.push(isLong ? {
        type: "post",
        text: text2,
        key
      } : send(text2));
      this.#calls.delete(key);
    }
    actions.push(...this.#begin());
    return this.#stopping ? [
      ...actions,
      ...this.#close()
    ] : actions;
  }
  /** Take the end of a post: why it was not taken, or null. Its call fails then. */
  posted(key, why) {
    const actions = [];
    if (this.#posting.has(key) && why !== null) {
      const error = described("NotSent", `the result was not sent: ${why}`);
      actions.push(send(answer(this.#posting.get(key), {
        error
      }, this.#limit)));
    }
    this.#posting.delete(key);
    return this.#stopping ? [
      ...actions,
      ...this.#close()
    ] : actions;
  }
  /**
   * Take the end of a connection: `{ code, text }`, or `{ status, text, location }` if it was
   * refused, or `{ text, lasting }` if there was none, and may never be.
   */
  lost(loss) {
    const why = reason(loss);
    const fatal = this.#fatal(loss);
    const actions = this.isUp ? [
      {
        type: "down",
        reason: why
      }
    ] : [];
    this.#connected = this.isUp = false;
    this.silenceS = OPENING_S;
    this.#calls.clear();
    this.#posting.clear();
    this.#waiting = [];
    if (this.#ended) return actions;
    if (this.#stopping || fatal !== null) {
      this.#ended = true;
      return [
        ...actions,
        {
          type: "end",
          error: this.#stopping ? null : fatal
        }
      ];
    }
    return [
      ...actions,
      {
        type: "retry",
        afterS: this.#backoff.next(),
        reason: why
      }
    ];
  }
  /** Finish what runs, then close; calls that come meanwhile get an error. */
  stop() {
    if (this.#stopping || this.#ended) return [];
    this.#stopping = true;
    if (!this.#connected) {
      this.#ended = true;
      return [
        {
          type: "end",
          error: null
        }
      ];
    }
    return this.#close();
  }
  /** Close, if nothing runs any more. */
  #close() {
    const isBusy = !this.#connected || this.#running.size || this.#posting.size;
    return isBusy ? [] : [
      {
        type: "close"
      }
    ];
  }
  #open([id, details]) {
    if (typeof id !== "string") return [];
    if (!isObject(details)) details = {};
    this.id = id;
    if (typeof details.token === "string") this.token = details.token;
    this.#limit = Math.trunc(number(details.limits?.message) ?? DEFAULT_MESSAGE_BYTES);
    this.#resultLimit = Math.trunc(number(details.limits?.result) ?? 0);
    this.#pingS = number(details.ping);
    this.#connected = true;
    const said = {
      ok: true
    };
    if (this.methods !== null) said.methods = this.methods;
    if (this.maxCalls !== null) said.max_calls = this.maxCalls;
    if (this.context) said.context = true;
    return [
      send(toJson({
        id: OPEN_ID,
        result: said
      })),
      send(READY)
    ];
  }
  #up() {
    if (this.isUp) return [];
    this.isUp = this.#wasUp = true;
    this.silenceS = this.#pingS === null ? Infinity : 2 * this.#pingS + 5;
    this.#backoff.reset();
    return [
      {
        type: "up"
      }
    ];
  }
  #call(message) {
    if (this.#stopping) {
      const why = "the host is closing and has not begun this";
      return [
        send(answer(message.id, {
          error: described("Closing", why)
        }, this.#limit))
      ];
    }
    const key = ++this.#nextKey;
    if (message.method === DISCOVER) {
      this.#calls.set(key, message.id);
      return [
        {
          type: "invoke",
          key,
          method: DISCOVER,
          params: []
        }
      ];
    }
    this.#waiting.push([
      key,
      message
    ]);
    return this.#begin();
  }
  #begin() {
    const actions = [];
    while (this.#waiting.length && this.#running.size < (this.maxCalls ?? Infinity)) {
      const [key, { id, method: method2, params }] = this.#waiting.shift();
      this.#running.add(key);
      this.#calls.set(key, id);
      actions.push({
        type: "invoke",
        key,
        method: method2,
        params
      });
    }
    return actions;
  }
  #cancel(callId) {
    this.#waiting = this.#waiting.filter(([, message]) => message.id !== callId);
    return [
      ...this.#calls
    ].filter(([, id]) => id === callId).map(([key]) => ({
      type: "cancel",
      key
    }));
  }
  /** Return the error for which connecting again is of no use; null if it may be. */
  #fatal({ code, status, text: text2, location, lasting }) {
    if (NEVER_AGAIN.has(code)) {
      const [kind, words] = NEVER_AGAIN.get(code);
      return new kind(text2 || words);
    }
    if (status === void 0 && lasting && !this.#wasUp) {
      return new Unavailable(`the server is out of reach: ${text2}`);
    }
    if (status === void 0 || status >= 500 || [
      408,
      425,
      429
    ].includes(status)) return null;
    if (this.#wasUp && (status < 400 || status === 404)) return null;
    if (status < 300) return fromResponse(426, "there is no WebSocket at this address");
    return fromResponse(status, text2 ?? "", location);
  }
};
function send(text2) {
  return {
    type: "send",
    text: text2
  };
}
function number(value) {
  return Number.isFinite(value) && value >= 1 ? value : null;
}
function reason({ code, status, text: text2, location }) {
  if (code !== void 0) return `${text2 || "the connection was closed"} (${code})`;
  if (status !== void 0) {
    return fromResponse(location ? status : Math.max(status, 400), text2 ?? "", location).message;
  }
  return text2 || "the connection was lost";
}

// clients/js/grip-lambda/tickets.js
var TICKET_S = 10;
async function newTicket(url, headers, stop) {
  const asked = {
    method: "POST",
    headers
  };
  const told4 = await request(globalThis.fetch, `${url}/tickets`, asked, TICKET_S, stop);
  if (told4.status === void 0) return {
    text: told4.reason,
    lasting: told4.lasting
  };
  const ticket = readJson(told4.text)?.ticket;
  if (told4.status === 200 && typeof ticket === "string") return {
    ticket
  };
  return {
    status: told4.status,
    text: told4.text,
    location: told4.location
  };
}

// clients/js/grip-lambda/connection.js
var PROBE_S = 5;
var CLOSE_S = 3;
var BUFFERED = 2 ** 20;
var LOOK_S = 0.01;
var OPEN = 1;
var NO_FRAME = 1006;
var Connection = class {
  #url;
  #session;
  #received;
  #socket;
  #over = deferred();
  #stop = new AbortController();
  #timer;
  #wasOpen = false;
  #isRefused = false;
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
      this.#over.resolve({
        text: inWords(error)
      });
      return;
    }
    this.#socket.binaryType = "arraybuffer";
    this.#socket.onopen = () => {
      this.#wasOpen = true;
    };
    this.#socket.onmessage = ({ data }) => this.#message(data);
    this.#socket.onerror = (event) => {
      this.#words ||= event.message ? inWords(event) : "";
      if (!this.#wasOpen) this.#over.resolve({
        text: this.#words
      });
    };
    this.#socket.onclose = ({ code, reason: reason2 }) => {
      const hasFrame = this.#wasOpen && code !== NO_FRAME;
      this.#over.resolve(hasFrame ? {
        code,
        text: reason2
      } : {
        text: this.#words
      });
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
      (socket.terminate ?? socket.close).call(socket);
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
  send(text2) {
    if (this.#socket?.readyState === OPEN) this.#socket.send(text2);
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
    this.#timer = isUp ? after(silenceS - PROBE_S, () => this.probe()) : after(silenceS, () => this.#give("the server did not answer"));
  }
  #give(text2) {
    this.#over.resolve({
      text: text2
    });
  }
  /** Ask why there is no connection: pages are not told what a handshake is answered with. */
  async #refusal(loss) {
    const asked = {
      method: "GET"
    };
    const told4 = await request(globalThis.fetch, this.#url, asked, OPENING_S, this.#stop);
    if (told4.status === void 0) return {
      text: told4.reason,
      lasting: told4.lasting
    };
    if (told4.status === 426) return {
      text: loss.text || "the handshake was refused"
    };
    return {
      status: told4.status,
      text: told4.text,
      location: told4.location
    };
  }
};

// clients/js/grip-lambda/methods.js
var OPENRPC = "1.3.2";
var SAID = [
  "description",
  "params",
  "result"
];
var Methods = class {
  #functions = /* @__PURE__ */ new Map();
  #descriptions = /* @__PURE__ */ new Map();
  #about = {
    title: "Functions",
    description: ""
  };
  fallback = null;
  constructor(functions) {
    for (const [name, one] of publicFunctions(functions)) this.add(name, one);
  }
  add(name, one) {
    if (!name || name === "open" || name.startsWith("rpc.") || /[/\0]/.test(name)) {
      throw new TypeError(`'${name}' can't be the name of a method`);
    }
    if (typeof one !== "function") throw new TypeError(`the method '${name}' is not a function`);
    this.#functions.set(name, one);
    return one;
  }
  /** Note what methods do, take and return; `about` says what they are together. */
  describe(descriptions, about = {}) {
    for (const [name, one] of Object.entries(descriptions)) {
      if (!one || typeof one !== "object") {
        throw new TypeError(`the description of '${name}' is no object`);
      }
      const unknown = Object.keys(one).find((key) => !SAID.includes(key));
      if (unknown !== void 0) {
        throw new TypeError(`'${name}' is described by ${SAID.join(", ")}, not by ${unknown}`);
      }
      toJson(one);
      this.#descriptions.set(name, one);
    }
    this.#about = {
      ...this.#about,
      ...about
    };
  }
  /** Return an OpenRPC document of the methods: the answer to `rpc.discover`. */
  document() {
    const { title, description: description2 } = this.#about;
    const names = /* @__PURE__ */ new Set([
      ...this.#functions.keys(),
      ...this.#descriptions.keys()
    ]);
    return {
      openrpc: OPENRPC,
      info: {
        title,
        version: "1.0.0",
        ...description2 && {
          description: description2
        }
      },
      methods: [
        ...names
      ].map((name) => method(name, this.#descriptions.get(name) ?? {}))
    };
  }
  /** Return the names of all methods; null if there is a fallback, which takes any. */
  names() {
    return this.fallback ? null : [
      ...this.#functions.keys()
    ];
  }
  /** Return what a call is to run. */
  find(name, params) {
    if (name === DISCOVER) return () => this.document();
    const one = this.#functions.get(name);
    if (one) return (call2) => one(...params, call2);
    const { fallback } = this;
    if (fallback) return (call2) => fallback(name, ...params.length ? params : [
      null
    ], call2);
    throw new RemoteError(described("NoSuchMethod", `the host has no method '${name}'`));
  }
};
function method(name, { description: description2, params, result: result2 }) {
  const isNeeded = params !== void 0 && params?.type !== "null";
  return {
    name,
    ...description2 && {
      description: description2
    },
    paramStructure: "by-position",
    params: [
      {
        name: "body",
        required: isNeeded,
        schema: params ?? {}
      }
    ],
    result: {
      name: "result",
      schema: result2 ?? {}
    }
  };
}
function publicFunctions(functions) {
  if (functions === void 0 || functions === null) return [];
  if (functions instanceof Map) return [
    ...functions
  ];
  if (typeof functions !== "object") throw new TypeError("functions are those of an object");
  const prototype = Object.getPrototypeOf(functions);
  const isModule = functions[Symbol.toStringTag] === "Module";
  if (!isModule && (prototype === Object.prototype || prototype === null)) {
    return Object.entries(functions);
  }
  const found = /* @__PURE__ */ new Map();
  for (let one = functions; one && one !== Object.prototype; one = Object.getPrototypeOf(one)) {
    for (const name of Object.getOwnPropertyNames(one)) {
      const { value } = Object.getOwnPropertyDescriptor(one, name);
      const isPublic = !name.startsWith("_") && name !== "constructor" && !found.has(name);
      if (isPublic && typeof value === "function") {
        found.set(name, isModule ? value : value.bind(functions));
      }
    }
  }
  return [
    ...found
  ];
}
function isRemote(error) {
  try {
    return error instanceof RemoteError;
  } catch {
    return false;
  }
}
function failure2(error) {
  if (isRemote(error)) return {
    error: error.error
  };
  return {
    error: described(typeOf(error), messageOf(error))
  };
}

// clients/js/grip-lambda/posting.js
var POST_S = 30;
var AGAIN_S = [
  0.1,
  0.5,
  2
];
async function post(url, headers, text2, stop) {
  const options = {
    method: "POST",
    headers,
    body: text2
  };
  for (const pauseS of [
    ...AGAIN_S,
    null
  ]) {
    const told4 = await request(globalThis.fetch, url, options, POST_S, stop);
    if (told4.status === 204) return null;
    const isOver = told4.status < 500 || told4.lasting || pauseS === null || stop.signal.aborted;
    if (isOver) return refusal(told4);
    await pause(pauseS, stop.signal);
  }
}
function refusal({ status, text: text2, reason: reason2, location }) {
  if (status === void 0) return reason2;
  if (status < 300 || status >= 400) return `${status} ${text2.slice(0, 200)}`;
  return `this address redirects to ${locationOf(location) || "elsewhere"}`;
}

// clients/js/grip-lambda/progress.js
var GENERATORS = [
  "Generator",
  "AsyncGenerator"
];
async function ended(returned, { signal, progress: progress2 }) {
  const steps = await returned;
  if (!GENERATORS.includes(steps?.[Symbol.toStringTag])) return steps;
  try {
    for (; ; ) {
      const { done, value } = await steps.next();
      if (done) return value;
      signal.throwIfAborted();
      await progress2(value);
    }
  } finally {
    await steps.return();
  }
}

// clients/js/grip-lambda/host.js
var NO_WEBSOCKET = 'there is no WebSocket here, as in Node before 22: `npm install ws`, then `import { WebSocket } from "ws"` and `new Host(url, functions, { WebSocket })`';
var Host = class {
  #methods;
  #session;
  #WebSocket;
  #headers;
  #log;
  #listeners = {
    up: [],
    down: [],
    retry: []
  };
  #calls = /* @__PURE__ */ new Map();
  #stop = new AbortController();
  #firstUp = deferred();
  #ended = deferred();
  #running = null;
  #error = null;
  #connection = null;
  #pause = null;
  #retry = {
    afterS: 0,
    reason: "it did not answer"
  };
  constructor(url, functions, options = {}) {
    const { id, token, maxCalls, key, private: isPrivate, service: service2, context } = options;
    const { WebSocket = globalThis.WebSocket, log = console } = options;
    if (maxCalls !== void 0 && !(Number.isInteger(maxCalls) && maxCalls >= 1)) {
      throw new RangeError("maxCalls is a whole number, at least 1");
    }
    this.url = baseUrl(url);
    this.#methods = new Methods(functions);
    this.#headers = keyHeaders(key);
    const services2 = [
      service2 ?? []
    ].flat();
    this.#session = new Session({
      maxCalls,
      id,
      token,
      isPrivate,
      services: services2,
      context
    });
    this.#log = log;
    this.#WebSocket = WebSocket;
    if (!this.#WebSocket) throw new TypeError(NO_WEBSOCKET);
  }
  get id() {
    return this.#session.id;
  }
  get token() {
    return this.#session.token;
  }
  get isUp() {
    return this.#session.isUp;
  }
  address(method2) {
    if (!this.id) throw new Error("the host has no address before it is open; see start and onUp");
    return this.url + lambdaPath(this.id, method2);
  }
  method(name, handler) {
    return typeof name === "function" ? this.#methods.add(name.name, name) : this.#methods.add(name, handler);
  }
  fallback(handler) {
    this.#methods.fallback = handler;
    return handler;
  }
  describe(descriptions, about) {
    this.#methods.describe(descriptions, about);
    return this;
  }
  onUp(listener) {
    this.#listeners.up.push(listener);
    return listener;
  }
  onDown(listener) {
    this.#listeners.down.push(listener);
    return listener;
  }
  onRetry(listener) {
    this.#listeners.retry.push(listener);
    return listener;
  }
  retry() {
    this.#pause?.resolve();
    this.#connection?.probe();
  }
  async run() {
    if (this.#running) throw new Error("a host runs once; make another one");
    this.#running = this.#run();
    await this.#running;
  }
  async start(timeoutS = 30) {
    const running = this.run();
    running.catch(() => {
    });
    const late = deferred();
    const timer = after(timeoutS, late.resolve);
    await Promise.race([
      this.#firstUp.promise,
      late.promise,
      running
    ]).finally(() => clearTimeout(timer));
    if (!this.#firstUp.done && !this.#ended.done) {
      await this.close(0);
      throw new Unavailable(`no lambda could be opened at ${this.url}: ${this.#retry.reason}`);
    }
  }
  async wait() {
    if (!this.#running) throw new Error("the host was not started");
    await this.#running;
  }
  async close(timeoutS = 10) {
    if (!this.#running) return;
    this.#perform(this.#session.stop());
    const timer = after(timeoutS, () => this.#end());
    await this.#running.catch(() => {
    });
    clearTimeout(timer);
  }
  async #run() {
    this.#session.methods = this.#methods.names();
    const forget = whenBack(() => this.retry());
    while (!this.#ended.done) {
      this.#connection = new Connection(this.#WebSocket, this.url, this.#headers, this.#session, (text2) => this.#perform(this.#session.received(text2)));
      const loss = await this.#connection.ended();
      this.#connection = null;
      this.#perform(this.#session.lost(loss));
      await this.#rest();
    }
    forget();
    this.#stop.abort();
    for (const stop of this.#calls.values()) stop.abort();
    if (this.#error) throw this.#error;
  }
  /** Wait before the next try: not longer than until the network is back, or until the end. */
  async #rest() {
    if (this.#ended.done) return;
    this.#pause = deferred();
    const timer = after(this.#retry.afterS, this.#pause.resolve);
    await this.#pause.promise;
    clearTimeout(timer);
    this.#pause = null;
  }
  #end(error = null) {
    this.#error ??= error;
    this.#ended.resolve();
    this.#pause?.resolve();
    this.#connection?.close();
  }
  #perform(actions) {
    for (const action of actions) {
      switch (action.type) {
        case "send":
          this.#connection?.send(action.text);
          break;
        case "post":
          this.#post(action);
          break;
        case "invoke":
          this.#invoke(action);
          break;
        case "cancel":
          this.#calls.get(action.key)?.abort();
          break;
        case "up":
          this.#firstUp.resolve();
          this.#tell("up", this.id);
          break;
        case "down":
          this.#tell("down", action.reason);
          break;
        case "close":
          this.#connection?.close();
          break;
        case "retry":
          this.#retry = action;
          this.#warn(`${action.reason}; connecting again in ${action.afterS.toFixed(1)} s`);
          this.#tell("retry", {
            afterS: action.afterS,
            reason: action.reason
          });
          break;
        case "end":
          this.#end(action.error);
      }
    }
  }
  async #post({ key, text: text2 }) {
    const { path, headers } = presented(this.#session.path, this.#headers);
    const why = await post(this.url + path, headers, text2, this.#stop);
    if (why !== null) this.#warn("a result was not sent:", why);
    this.#perform(this.#session.posted(key, why));
  }
  async #invoke({ key, method: method2, params }) {
    const stop = new AbortController();
    this.#calls.set(key, stop);
    const context = this.#session.context && params.length === 2 ? new Context(params[1]) : null;
    const outcome = await this.#outcome(method2, context ? params.slice(0, 1) : params, {
      signal: stop.signal,
      context,
      progress: (value) => {
        this.#perform(this.#session.progressed(key, value));
        return this.#connection?.drained() ?? Promise.resolve();
      }
    });
    this.#calls.delete(key);
    this.#perform(this.#session.finished(key, context ? context.reply(outcome) : outcome));
  }
  async #outcome(method2, params, call2) {
    try {
      const run = this.#methods.find(method2, params);
      return {
        result: await ended(run(call2), call2)
      };
    } catch (error) {
      const isMeant = call2.signal.aborted || isRemote(error);
      if (!isMeant) this.#warn(`${method2} failed:`, error);
      return failure2(error);
    }
  }
  #tell(what, about) {
    for (const listener of this.#listeners[what]) {
      new Promise((resolve) => resolve(listener(about))).catch((error) => this.#warn("a listener failed:", error));
    }
  }
  #warn(...what) {
    try {
      this.#log?.warn("grip-lambda:", ...what);
    } catch {
    }
  }
};
function whenBack(callback) {
  const { document } = globalThis;
  const seen = () => document.visibilityState === "visible" && callback();
  globalThis.addEventListener?.("online", callback);
  document?.addEventListener("visibilitychange", seen);
  return () => {
    globalThis.removeEventListener?.("online", callback);
    document?.removeEventListener("visibilitychange", seen);
  };
}
export {
  BadRequest,
  Busy,
  Cancelled,
  Client,
  Context,
  DeadlineExceeded,
  Deleted,
  Disconnected,
  Forbidden,
  Host,
  KeyReused,
  LambdaError,
  NotFound,
  PendingCall,
  RemoteError,
  ResultTooLarge,
  ServerError,
  Stream,
  TakenOver,
  TooLarge,
  Unauthorized,
  Unavailable
};
