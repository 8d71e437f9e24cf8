// The functions of a host, by name.

import { RemoteError } from "./errors.js";
import { described } from "./messages.js";

export class Methods {
  #functions = new Map();
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

  /** Return the names of all methods; null if there is a fallback, which takes any. */
  names() {
    return this.fallback ? null : [...this.#functions.keys()];
  }

  /** Return what a call is to run. */
  find(name, params) {
    const one = this.#functions.get(name);
    if (one) return (call) => one(...params, call);
    const { fallback } = this;
    if (fallback) return (call) => fallback(name, ...(params.length ? params : [null]), call);
    throw new RemoteError(described("NoSuchMethod", `the host has no method '${name}'`));
  }
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

/** Return what a caller is told of an exception: its type and its message, no stack. */
export function failure(error) {
  if (error instanceof RemoteError) return { error: error.error };
  if (!(error instanceof Error)) return { error: described("Error", String(error)) };
  const kind = error.name === "Error" ? error.constructor.name : error.name;
  return { error: described(String(kind || "Error"), String(error.message)) };
}
