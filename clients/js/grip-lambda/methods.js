// The functions of a host, by name.

import { RemoteError } from "./errors.js";
import { described, DISCOVER, toJson } from "./messages.js";
import { messageOf, typeOf } from "./telling.js";

const OPENRPC = "1.3.2";
/** What can be said of a method. */
const SAID = ["description", "params", "result"];

export class Methods {
  #functions = new Map();
  #descriptions = new Map();
  #about = { title: "Functions", description: "" };
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
      if (unknown !== undefined) {
        throw new TypeError(`'${name}' is described by ${SAID.join(", ")}, not by ${unknown}`);
      }
      toJson(one);
      this.#descriptions.set(name, one);
    }
    this.#about = { ...this.#about, ...about };
  }

  /** Return an OpenRPC document of the methods: the answer to `rpc.discover`. */
  document() {
    const { title, description } = this.#about;
    const names = new Set([...this.#functions.keys(), ...this.#descriptions.keys()]);
    return {
      openrpc: OPENRPC,
      info: { title, version: "1.0.0", ...(description && { description }) },
      methods: [...names].map((name) => method(name, this.#descriptions.get(name) ?? {})),
    };
  }

  /** Return the names of all methods; null if there is a fallback, which takes any. */
  names() {
    return this.fallback ? null : [...this.#functions.keys()];
  }

  /** Return what a call is to run. */
  find(name, params) {
    if (name === DISCOVER) return () => this.document();
    const one = this.#functions.get(name);
    if (one) return (call) => one(...params, call);
    const { fallback } = this;
    if (fallback) return (call) => fallback(name, ...(params.length ? params : [null]), call);
    throw new RemoteError(described("NoSuchMethod", `the host has no method '${name}'`));
  }
}

/** Return a method in an OpenRPC document: its one parameter is the body. */
function method(name, { description, params, result }) {
  const isNeeded = params !== undefined && params?.type !== "null";
  return {
    name,
    ...(description && { description }),
    paramStructure: "by-position",
    params: [{ name: "body", required: isNeeded, schema: params ?? {} }],
    result: { name: "result", schema: result ?? {} },
  };
}

/** Return the functions of an object, a module or a mapping, by name. */
function publicFunctions(functions) {
  if (functions === undefined || functions === null) return [];
  if (functions instanceof Map) return [...functions];
  if (typeof functions !== "object") throw new TypeError("functions are those of an object");
  const prototype = Object.getPrototypeOf(functions);
  const isModule = functions[Symbol.toStringTag] === "Module";
  if (!isModule && (prototype === Object.prototype || prototype === null)) {
    return Object.entries(functions);
  }
  const found = new Map();
  for (let one = functions; one && one !== Object.prototype; one = Object.getPrototypeOf(one)) {
    for (const name of Object.getOwnPropertyNames(one)) {
      const { value } = Object.getOwnPropertyDescriptor(one, name); // getters are not read
      const isPublic = !name.startsWith("_") && name !== "constructor" && !found.has(name);
      if (isPublic && typeof value === "function") {
        found.set(name, isModule ? value : value.bind(functions));
      }
    }
  }
  return [...found];
}

export function isRemote(error) {
  try {
    return error instanceof RemoteError;
  } catch {
    return false; // a proxy that does not say what it is
  }
}

/** Return what a caller is told of an exception: its type and its message, no stack. */
export function failure(error) {
  if (isRemote(error)) return { error: error.error };
  return { error: described(typeOf(error), messageOf(error)) };
}
