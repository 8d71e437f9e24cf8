// How times, sizes and clients are told. Pure functions.

const UNITS = [[86_400, "d"], [3600, "h"], [60, "min"], [1, "s"]];

/** Return how long ago a time was, in ms since 1970 both. */
export function since(then, now) {
  const seconds = Math.max(0, (now - then) / 1000);
  for (const [length, name] of UNITS) {
    if (seconds >= length) return `${Math.floor(seconds / length)} ${name}`;
  }
  return "now";
}

export function duration(ms) {
  if (ms === null || ms === undefined) return "–";
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(2)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round(ms / 1000) % 60} s`;
}

export function bytes(count) {
  if (count === null || count === undefined) return "–";
  if (count < 1000) return `${count} B`;
  if (count < 1_000_000) return `${(count / 1000).toFixed(1)} kB`;
  return `${(count / 1_000_000).toFixed(1)} MB`;
}

export function clock(time, withMs = false) {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return "–";
  const text = date.toLocaleTimeString([], { hour12: false });
  return withMs ? `${text}.${String(date.getMilliseconds()).padStart(3, "0")}` : text;
}

export function count(number, one, many = `${one}s`) {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}

const BROWSERS = [["Edg/", "Edge"], ["Firefox/", "Firefox"], ["Chrome/", "Chrome"], [
  "Safari/",
  "Safari",
]];

/** Return what the client of a lambda is, short: a browser, or the first product. */
export function client({ client, headers }) {
  const agent = String(client ?? headers?.["User-Agent"]?.[0] ?? "");
  if (agent.startsWith("Mozilla/")) {
    const found = BROWSERS.find(([mark]) => agent.includes(mark));
    return found ? `${found[1]} tab` : "browser";
  }
  return agent.split(" ")[0].slice(0, 40);
}

/** Return what methods a lambda names, as strings. */
export function methodNames(lambda) {
  const methods = Array.isArray(lambda?.methods) ? lambda.methods : [];
  return methods
    .map((one) => (typeof one === "string" ? one : one?.name))
    .filter((one) => typeof one === "string");
}
