// Hosts and callers of a grip-lambda server, for browsers, Node 20 and later, and Deno.
//
// What everything means is in grip-lambda.d.ts. The files are those of the Python library
// (grip_lambda/client), and both are held to tests/vectors/client.json.

export { Client } from "./grip-lambda/client.js";
export { Context } from "./grip-lambda/context.js";
export {
  BadRequest,
  Busy,
  Cancelled,
  DeadlineExceeded,
  Deleted,
  Disconnected,
  Forbidden,
  KeyReused,
  LambdaError,
  NotFound,
  RemoteError,
  ResultTooLarge,
  ServerError,
  TakenOver,
  TooLarge,
  Unauthorized,
  Unavailable,
} from "./grip-lambda/errors.js";
export { Host } from "./grip-lambda/host.js";
export { PendingCall } from "./grip-lambda/pending.js";
export { Stream } from "./grip-lambda/streams.js";
