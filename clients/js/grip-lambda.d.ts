/**
 * Hosts and callers of a grip-lambda server, for browsers, Node 20 and later, and Deno.
 *
 * Times are in seconds, sizes in bytes.
 */

/** What a function of a host gets as its last argument. */
export interface Call {
  /** Aborted when nobody waits for the answer any more, or the host gives up while it closes. */
  readonly signal: AbortSignal;
  /**
   * Report the progress of the call; of streamed calls only. What it returns may be awaited, and
   * should be where values come fast: it resolves when there is room for more.
   *
   * @param value Anything that can be written as JSON.
   * @throws {TypeError} It can't be.
   * @throws {RangeError} It makes too large a message.
   */
  progress(value: unknown): Promise<void>;
  /** What is known of the call, for a host with `context: true`; null for others. */
  readonly context: Context | null;
}

/** What a function is told of its call. The names are those of AWS Lambda's context. */
export class Context {
  private constructor();
  /** The id of the invocation. */
  readonly awsRequestId: string;
  /** What was called. */
  readonly invokedFunctionArn: string;
  /** What the caller said of itself, `{ client, custom, env }`, or null. */
  readonly clientContext: Readonly<Record<string, any>> | null;
  /** Who calls, `{ cognitoIdentityId, cognitoIdentityPoolId }`, or null. */
  readonly identity: Readonly<Record<string, any>> | null;
  /** The environment that the request brought along. */
  readonly env: Readonly<Record<string, any>>;
  /** When the caller stops waiting, in ms since 1970. */
  readonly deadline: number;
  /** All of it, as it came. */
  readonly raw: Readonly<Record<string, any>>;
  /** Return how many ms there are until the deadline, 0 at least. */
  getRemainingTimeInMillis(): number;
  /** Send a line along with the result; AWS's clients get the last of them. */
  log(line: unknown): void;
  /** Say what the invocation took: the memory that there was, in words, and the MB used. */
  bill(taken: { memory?: string | undefined; used?: number | undefined }): void;
}

/**
 * A function of a host. It gets the body, decoded from JSON (null if it was empty), and what it
 * returns, or its promise resolves to, is the result; undefined is null. One that is a generator,
 * `async` or not, reports what it yields as progress. What it throws is an error for its caller:
 * `{ errorType, errorMessage }`; a `RemoteError` is one of any form.
 */
export type Handler = (body: any, call: Call) => unknown;

/** A function that is called for all other methods. */
export type Fallback = (method: string, body: any, call: Call) => unknown;

/** What can be given to `new`, and is then used like the WebSocket of browsers. */
export type WebSocketConstructor = new (url: string) => {
  readonly readyState: number;
  send(text: string): void;
  close(): void;
};

/** What a method does, takes and returns, for who reads its description: people and agents. */
export interface MethodDescription {
  /** What it does, in words. */
  description?: string | undefined;
  /** A JSON Schema of the body. */
  params?: object | boolean | undefined;
  /** A JSON Schema of the result. */
  result?: object | boolean | undefined;
}

export interface HostOptions {
  /** The id to open, 16 characters; a new one if it is missing. */
  id?: string | undefined;
  /** What reopens `id` while it may be open. */
  token?: string | undefined;
  /** How many calls run at once; any number if it is missing. The server refuses more with 429. */
  maxCalls?: number | undefined;
  /**
   * An API key that may host; elsewhere than in pages that of the environment variable
   * GRIP_LAMBDA_KEY, if it is missing. It is shown for a ticket, before each connection.
   */
  key?: string | undefined;
  /** Whether it is to be callable with an API key only. */
  private?: boolean | undefined;
  /**
   * A name, or several, that it shares with other hosts: a call of the service reaches one of
   * them.
   */
  service?: string | readonly string[] | undefined;
  /** Whether functions get a `context`. */
  context?: boolean | undefined;
  /** The WebSocket to use where there is none, as in Node before 22: that of the package `ws`. */
  WebSocket?: WebSocketConstructor | undefined;
  /** Who is told of failed functions and lost connections: `console`, or null for nobody. */
  log?: { warn(...what: unknown[]): void } | null | undefined;
}

/**
 * A host: it opens a lambda and answers its calls.
 *
 * It connects again by itself, under the same id, whenever the connection is lost. It stops for
 * `close`, and when it has been taken over, deleted or refused. A host runs once.
 *
 *     const host = new Host("http://localhost:7999", { greet: (body) => ({ hello: body }) });
 *     await host.start();
 *     console.log(host.address("greet"));
 */
export class Host {
  /**
   * @param url The server. If it is missing: in a page the server that this module came from,
   *   elsewhere that of the environment variable GRIP_LAMBDA_URL, or http://localhost:7999.
   * @param functions What can be called: the methods of an object whose names do not begin with
   *   `_`, the functions that a module exports, or those in a plain object or a Map, by name.
   * @throws {TypeError} An address, a name, a function or the key is none, or there is no
   *   WebSocket here.
   * @throws {RangeError} `maxCalls` makes no sense.
   */
  constructor(url?: string | URL | null, functions?: object | null, options?: HostOptions);

  /** The server, `http://…` or `https://…`. */
  readonly url: string;
  /** The id under which it is called; empty before it was open for the first time. */
  readonly id: string;
  /** What reopens the id; to be kept secret. */
  readonly token: string;
  /** Whether it can be called now. */
  readonly isUp: boolean;

  /** Return the URL at which a method is called. */
  address(method: string): string;

  /** Register a function, under a name or under its own; before the host is started. */
  method<T extends Handler>(name: string, handler: T): T;
  method<T extends Handler>(handler: T): T;

  /** Register what is called for all other methods. */
  fallback<T extends Fallback>(handler: T): T;

  /**
   * Describe methods, by name; the server shows it at `/openrpc/<id>`, `/openapi/<id>` and to
   * agents. What is not described is shown with its name alone.
   *
   *     host.describe({
   *       square: {
   *         description: "Multiplies a number by itself.",
   *         params: { type: "object", properties: { n: { type: "number" } }, required: ["n"] },
   *         result: { type: "number" },
   *       },
   *     });
   *
   * @param about What the methods are together.
   * @throws {TypeError} A description has other members, or is no JSON.
   */
  describe(
    descriptions: Record<string, MethodDescription>,
    about?: { title?: string | undefined; description?: string | undefined },
  ): this;

  /** Have a function called with the id, each time that the lambda can be called. */
  onUp<T extends (id: string) => unknown>(listener: T): T;

  /** Have a function called with a reason in words, each time that this ends. */
  onDown<T extends (reason: string) => unknown>(listener: T): T;

  /**
   * Have a function called each time that there is no connection, with the seconds until the next
   * try, and why in words.
   */
  onRetry<T extends (next: { afterS: number; reason: string }) => unknown>(listener: T): T;

  /**
   * Try to connect now, if the host waits for its next try; if it is up, ask the server whether it
   * is still there.
   */
  retry(): void;

  /**
   * Be a host until `close` is called.
   *
   * Rejects with `TakenOver`, `Deleted` or `Forbidden` if somebody else has ended it, with
   * `Unauthorized` if its API key is missing or unknown, and with another `LambdaError` if the
   * server does not want it.
   */
  run(): Promise<void>;

  /**
   * Be a host in the background; resolves when it can be called.
   *
   * Rejects with `Unavailable` if it could not be opened within `timeoutS` seconds, 30 by
   * default, and as `run` does.
   */
  start(timeoutS?: number): Promise<void>;

  /** Wait until the host has ended; rejects as `run` does. */
  wait(): Promise<void>;

  /**
   * Finish the calls that run, and close; new calls get an error meanwhile.
   *
   * @param timeoutS What has not ended after so many seconds, 10 by default, is given up, and
   *   its `signal` aborted.
   */
  close(timeoutS?: number): Promise<void>;
}

/** A lambda that is open. */
export interface Lambda {
  /** The id that it is called with. */
  readonly id: string;
  /** Since when it is open. */
  readonly timestamp: Date;
  /** How its host speaks, like `json-rpc`. */
  readonly code: string;
  /** Those of its registration; credentials are redacted. */
  readonly headers: Readonly<Record<string, readonly string[]>>;
  /** What its host says it can do; null if it doesn't say, or was not asked. */
  readonly methods: readonly string[] | null;
  /** The whole entry of the listing. */
  readonly raw: Readonly<Record<string, unknown>>;
}

export interface ClientOptions {
  /**
   * An API key; elsewhere than in pages that of the environment variable GRIP_LAMBDA_KEY, if it is
   * missing.
   */
  key?: string | undefined;
  /** More headers for each request. */
  headers?: Record<string, string> | undefined;
  /**
   * How many times more a request is made that certainly reached no host, with pauses of 3 s in
   * all at most; 4 by default. What may have been delivered is not sent again, unless it has an
   * idempotency key.
   */
  retries?: number | undefined;
  /** What makes the requests; the global `fetch` if it is missing. */
  fetch?: typeof fetch | undefined;
}

export interface CallOptions {
  /** The deadline in seconds, from 0.05 to 3600; 60 by default. */
  wait?: number | undefined;
  /**
   * Of the calls of a method with the same key within ten minutes one is made, and all get its
   * answer. Such a call is made again by itself where the connection to the server was lost. 1 to
   * 255 ASCII characters.
   */
  idempotencyKey?: string | undefined;
}

/** A call that was submitted. */
export class PendingCall<Result = any> {
  private constructor();
  /** What it is asked for with; who knows it can read the result. */
  readonly id: string;
  /**
   * Tell whether it has ended, with a result or an error. Rejects with `NotFound` if it is not
   * known, or ended more than ten minutes ago.
   */
  done(): Promise<boolean>;
  /**
   * Wait for the result; resolves to it, decoded.
   *
   * Rejects with a DOMException whose name is `TimeoutError` if it has not ended by then (it goes
   * on), with `NotFound` as `done`, with `Cancelled`, or as `Client.call` does.
   *
   * @param timeout How long to wait in seconds; until the call ends, if it is missing.
   */
  result(timeout?: number | null): Promise<Result>;
  /** End it; its host is told, and its result is not kept. Rejects with `NotFound` as `done`. */
  cancel(): Promise<void>;
}

/**
 * A streamed call: iterate over what the host reports, then take the result.
 *
 *     const stream = client.stream(id, "count", 10);
 *     for await (const value of stream) console.log(value);
 *     console.log(await stream.result());
 *
 * Iterating throws what `Client.call` rejects with. Who leaves the loop early, or closes the
 * stream, cancels the call some seconds later.
 */
export class Stream<Result = any> implements AsyncIterable<any> {
  private constructor();
  [Symbol.asyncIterator](): AsyncIterator<any, void, void>;
  /**
   * Resolves to the result; what is reported before it, and was not read yet, is passed over.
   * Rejects as `Client.call` does.
   */
  result(): Promise<Result>;
  /** Read no more. */
  close(): Promise<void>;
}

/** A service that has a host. */
export interface ServiceEntry {
  /** What it is called with. */
  readonly name: string;
  /** How many hosts it has. */
  readonly hosts: number;
  /** What its hosts say they can do; null if none says. */
  readonly methods: readonly string[] | null;
  /** The whole entry of the listing. */
  readonly raw: Readonly<Record<string, unknown>>;
}

/** What one host of a service answered. */
export interface Answer<Result = any> {
  /** Its lambda. */
  readonly id: string;
  /** As of a call of it: 200 if it succeeded. */
  readonly status: number;
  /** How it failed, as `Client.call` would reject; null if it did not. */
  readonly error: LambdaError | null;
  /** The result, decoded; throws `error` if the host failed. */
  readonly result: Result;
}

/**
 * A lambda whose methods are called like those of an object. Each property that is not named here
 * is a method of the lambda; others are reached with `call`.
 *
 *     const weather = client.bind("inRwcfvee17P85B8");
 *     console.log(await weather.temperature({ city: "Oslo" }, { wait: 10 }));
 */
export interface Bound {
  /** The id of the lambda, or `service/<name>`. */
  readonly address: string;
  /** As `Client.call`. */
  call<Result = any>(method: string, body?: unknown, options?: CallOptions): Promise<Result>;
  /** As `Client.submit`. */
  submit<Result = any>(
    method: string,
    body?: unknown,
    options?: CallOptions,
  ): Promise<PendingCall<Result>>;
  /** As `Client.stream`. */
  stream<Result = any>(method: string, body?: unknown, options?: CallOptions): Stream<Result>;
  /** As `Client.describe`. */
  describe(): Promise<{ openrpc: string; info: any; methods: any[] }>;
  readonly [method: string]: any;
}

/**
 * A service: each call goes to one of its hosts.
 *
 *     const thumbnailer = client.service("thumbnailer");
 *     console.log(await thumbnailer.resize({ width: 120 }));
 *     for await (const { id, result } of thumbnailer.all("version")) console.log(id, result);
 */
export interface Service extends Bound {
  /** What it is called with. */
  readonly name: string;
  /**
   * Ask every host once; iterate over their answers as they come. Who leaves the loop early has
   * the calls of the other hosts cancelled. Iterating throws `NotFound` if no host is open,
   * `TooLarge` if more than 1,000 are, and as `Client.call` rejects; that a host fails is told in
   * its answer.
   */
  all<Result = any>(
    method: string,
    body?: unknown,
    options?: Pick<CallOptions, "wait">,
  ): AsyncIterableIterator<Answer<Result>>;
  /** Return the lambdas of its hosts. Rejects with `NotFound`. */
  hosts(): Promise<Lambda[]>;
}

/**
 * A caller.
 *
 *     const client = new Client("http://localhost:7999");
 *     console.log(await client.call("inRwcfvee17P85B8", "greet", { name: "world" }, { wait: 10 }));
 */
export class Client {
  /**
   * @param url The server; if it is missing, as for `Host`.
   * @throws {TypeError} The address, the key or a header is none.
   */
  constructor(url?: string | URL | null, options?: ClientOptions);

  /** The server, `http://…` or `https://…`. */
  readonly url: string;

  /**
   * Call a method of a lambda; resolves to its result, decoded.
   *
   * Rejects with `RemoteError` if the host answered with an error; with `NotFound`, `Busy`,
   * `TooLarge`, `BadRequest` or `Unavailable` if the host was not asked; with `Disconnected`,
   * `DeadlineExceeded`, `ResultTooLarge` or `ServerError` if it may have been. All are a
   * `LambdaError`. Rejects with a RangeError if `wait` makes no sense.
   *
   * @param body Anything that can be written as JSON, 100,000 bytes at most.
   */
  call<Result = any>(
    id: string,
    method: string,
    body?: unknown,
    options?: CallOptions,
  ): Promise<Result>;

  /**
   * Begin a call and do not wait for it; its result is kept for ten minutes. Rejects as `call`
   * does where the host was not asked.
   *
   * @param body As for `call`, but 6 MB at most.
   */
  submit<Result = any>(
    id: string,
    method: string,
    body?: unknown,
    options?: CallOptions,
  ): Promise<PendingCall<Result>>;

  /**
   * Call a method and have what its host reports meanwhile. It is called when the stream is read.
   *
   * @throws {BadRequest} As `call` rejects with.
   * @throws {RangeError} As `call` rejects with.
   */
  stream<Result = any>(
    id: string,
    method: string,
    body?: unknown,
    options?: CallOptions,
  ): Stream<Result>;

  /** Return a call that was submitted before, also by another program. */
  pending<Result = any>(callId: string): PendingCall<Result>;

  /** Return all lambdas that are open. */
  list(): Promise<Lambda[]>;

  /** Return one lambda, with its methods if its host told them. Rejects with `NotFound`. */
  get(id: string): Promise<Lambda>;

  /**
   * Return what is known of the methods of a lambda: an OpenRPC document. Rejects with `NotFound`.
   *
   * @param address Its id, or `service/<name>` for a service.
   */
  describe(address: string): Promise<{ openrpc: string; info: any; methods: any[] }>;

  /** Return a lambda, or with `service/<name>` a service, to be called like an object. */
  bind(address: string): Bound;

  /** Return a service, to be called like an object. */
  service(name: string): Service;

  /** Return all services that have a host. */
  services(): Promise<ServiceEntry[]>;

  /** Return the lambdas of a service's hosts. Rejects with `NotFound`. */
  hosts(name: string): Promise<Lambda[]>;

  /** Ask every host of a service once; see `Service.all`. */
  askAll<Result = any>(
    name: string,
    method: string,
    body?: unknown,
    options?: Pick<CallOptions, "wait">,
  ): AsyncIterableIterator<Answer<Result>>;

  /**
   * Close a lambda; its host is told and does not open it again. Rejects with `NotFound`, or with
   * `Forbidden` if the token is not the one that it was opened with.
   *
   * @param token Not needed with an API key that may host.
   */
  delete(id: string, token?: string): Promise<void>;
}

export interface ErrorOptions {
  status?: number | undefined;
  code?: string | null | undefined;
}

/**
 * Base of all errors of calls and hosts.
 *
 *     RemoteError        400                    the host answered with an error
 *     BadRequest         400 bad_request        and any other status of 4xx
 *     Unauthorized       401 unauthorized
 *     Forbidden          403 forbidden
 *     NotFound           404 not_found          no such lambda is open
 *     TakenOver          409 taken_over         another host has opened the id
 *     Cancelled          410 cancelled
 *     Deleted            410 deleted            somebody has closed the lambda
 *     TooLarge           413 too_large          the body of the call
 *     KeyReused          422 key_reused
 *     Busy               429 busy               the host runs as many calls as it takes
 *     ServerError        500 internal_error     and any other status of 5xx
 *     Disconnected       502 disconnected       the host, or the server, went away meanwhile
 *     ResultTooLarge     502 result_too_large
 *     Unavailable        503 unavailable        the server is out of reach
 *     DeadlineExceeded   504 deadline_exceeded
 */
export class LambdaError extends Error {
  constructor(message?: string, options?: ErrorOptions);
  /** The HTTP status; that of the table where there was no response. */
  readonly status: number;
  /** The machine-readable word beside it; null for a `RemoteError`. */
  readonly code: string | null;
  /** Whether the host may have done the work. If not, calling again is safe. */
  readonly mayHaveRun: boolean;
  /** The lambda that was chosen, if a service was called; else empty. */
  readonly host: string;
}

/** The host answered with an error. A function of a host may throw it, too. */
export class RemoteError extends LambdaError {
  constructor(error: unknown, options?: ErrorOptions);
  /** Any JSON value, as the host sent it. */
  readonly error: any;
  readonly code: null;
}

/** The call makes no sense: its body, the id, the name of the method or a header. */
export class BadRequest extends LambdaError {}
/** A key is missing, or is not known. */
export class Unauthorized extends LambdaError {}
/** The key or the token does not allow this. */
export class Forbidden extends LambdaError {}
/** No such lambda is open. */
export class NotFound extends LambdaError {}
/** Another host has opened the id, and answers its calls from now on. */
export class TakenOver extends LambdaError {}
/** The call was cancelled before it was answered. */
export class Cancelled extends LambdaError {}
/** Somebody who has the token has closed the lambda. */
export class Deleted extends LambdaError {}
/** The body is over the limit. */
export class TooLarge extends LambdaError {}
/** The idempotency key came with another body before. */
export class KeyReused extends LambdaError {}
/** The host has as many calls in flight as it takes; try again later. */
export class Busy extends LambdaError {}
/** The server, or a proxy before it, failed. */
export class ServerError extends LambdaError {}
/** The host, or the server, went away before there was an answer. */
export class Disconnected extends LambdaError {}
/** The host's answer was over the limit. */
export class ResultTooLarge extends LambdaError {}
/** The server, or what it needs, is out of reach; the host was not asked. */
export class Unavailable extends LambdaError {}
/** The deadline passed before there was an answer. */
export class DeadlineExceeded extends LambdaError {}
