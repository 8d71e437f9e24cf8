// Lambdas and services whose methods are called like those of an object.

/**
 * Return an object of which each property that is not among `own` is a method of the lambda.
 */
export function bound(client, address, own = {}) {
  const here = {
    address,
    call: (method, body, terms) => client.call(address, method, body, terms),
    submit: (method, body, terms) => client.submit(address, method, body, terms),
    stream: (method, body, terms) => client.stream(address, method, body, terms),
    describe: () => client.describe(address),
    ...own,
  };
  return new Proxy(Object.freeze(here), {
    get(target, name) {
      // A promise that resolves to this object asks for `then`.
      if (name in target || typeof name !== "string" || name === "then") return target[name];
      return (body, terms) => client.call(address, name, body, terms);
    },
  });
}

/** Return the same of a service. */
export function boundService(client, name) {
  return bound(client, `service/${name}`, {
    name,
    all: (method, body, terms) => client.askAll(name, method, body, terms),
    hosts: () => client.hosts(name),
  });
}
