// What a function is told of its call, and what it says beside its result.

import { isObject } from "./messages.js";
import { memberOf } from "./telling.js";

export class Context {
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
    if (memory !== undefined) this.#billing.memory = memory;
    if (used !== undefined) this.#billing.used = used;
  }

  /** Return the end of a function as an InvokeReply: no object of its own is taken for one. */
  reply(outcome) {
    const bare = { errortype: "", invokeid: this.awsRequestId };
    if (Object.hasOwn(outcome, "error")) {
      bare.errortype = memberOf(outcome.error, "errorType") || "Error";
      bare.errors = true;
      bare.result = outcome.error ?? "the host failed";
    } else {
      bare.result = outcome.result ?? null;
    }
    const said = { ...bare };
    if (this.#logs.length) said.logs = [...this.#logs];
    if (Object.keys(this.#billing).length) said.billing = { ...this.#billing };
    return { result: said, shorter: bare };
  }
}

function text(value) {
  return typeof value === "string" ? value : "";
}
