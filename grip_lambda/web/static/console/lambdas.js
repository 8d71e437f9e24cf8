// Which lambdas are open, and one of them.

import { CallForm } from "./call.js";
import { CallTable } from "./call-table.js";
import { client, clock, count, duration, methodNames, since } from "./format.js";
import { live } from "./live.js";
import { api, base, session } from "./server.js";
import { Code, Copy, Empty, ErrorNote, html, useMemo, useNow, useState, useStore } from "./ui.js";

const PART = 200;

/** Tell whether a lambda has all words of a filter in it. */
export function matches(lambda, words) {
  const text = [
    lambda.id,
    lambda.code,
    lambda.transport,
    ...(lambda.services ?? []),
    ...methodNames(lambda),
    ...Object.values(lambda.headers ?? {}).flat(),
  ].join(" ").toLowerCase();
  return words.every((word) => text.includes(word));
}

/** Return what people may know a lambda by: its services, or else what it can do. */
function title(lambda) {
  const methods = methodNames(lambda);
  if (lambda.services?.length) return lambda.services.join(", ");
  return methods.slice(0, 3).join(", ") || client(lambda) || lambda.code;
}

function subtitle(lambda) {
  const methods = methodNames(lambda);
  if (lambda.services?.length && methods.length) return methods.join(", ");
  if (!methods.length) return "any method";
  return methods.length > 3 ? `${methods.length} methods, ${client(lambda)}` : client(lambda);
}

function Item({ lambda, isChosen, now }) {
  const { stats } = lambda;
  return html`<li><a href=${`#/lambdas/${lambda.id}`} aria-current=${isChosen ? "true" : undefined}>
    <span class="line"><strong>${title(lambda)}</strong> <code>${lambda.id}</code></span>
    <small><span class="cut">${subtitle(lambda)}</span></small>
    <small class="figures"><span>${since(Date.parse(lambda.timestamp), now)}</span>
      <span>${count(stats.calls, "call")}</span>
      ${stats.errors > 0 && html`<span class="bad">${count(stats.errors, "error")}</span>`}
      ${stats.in_flight > 0 && html`<span class="busy">${stats.in_flight} in flight</span>`}</small>
  </a></li>`;
}

function List({ chosen }) {
  useStore(live);
  const now = useNow(5);
  const [filter, setFilter] = useState("");
  const [limit, setLimit] = useState(PART);
  const all = [...live.lambdas.values()];
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const found = all.filter((one) => matches(one, words))
    .sort((a, b) => (a.timestamp < b.timestamp ? 1 : a.timestamp > b.timestamp ? -1 : a.id < b.id ? -1 : 1));
  return html`<aside class="list" aria-label="Open lambdas">
    <input type="search" aria-label="Filter lambdas" placeholder="Filter: id, name, method, client" value=${filter}
      onInput=${(event) => { setFilter(event.target.value); setLimit(PART); }} />
    <p class="dim summary" role="status">${words.length ? `${found.length.toLocaleString("en")} of ` : ""}${count(all.length, "lambda")} open</p>
    <ul>${found.slice(0, limit).map((one) => html`<${Item} key=${one.id} lambda=${one} isChosen=${one.id === chosen} now=${now} />`)}</ul>
    ${found.length > limit && html`<button type="button" onClick=${() => setLimit(limit + PART)}>Show ${Math.min(PART, found.length - limit)} more</button>`}
    ${words.length > 0 && !found.length && html`<p class="dim">Nothing that is open matches.</p>`}
  </aside>`;
}

function Close({ lambda }) {
  const [asking, setAsking] = useState(false);
  const [error, setError] = useState("");
  const close = async () => {
    try {
      await api(`lambda/${lambda.id}`, { method: "DELETE" });
    } catch (failure) {
      setError(failure.message);
    }
  };
  if (!asking) return html`<button type="button" class="bad" onClick=${() => setAsking(true)}>Close …</button>`;
  return html`<span class="row">Its host is disconnected.
    <button type="button" class="danger" onClick=${close}>Close it</button>
    <button type="button" onClick=${() => setAsking(false)}>Keep it</button>
    <${ErrorNote} error=${error} /></span>`;
}

function About({ lambda }) {
  const now = useNow(1);
  const { stats } = lambda;
  const origin = lambda.headers?.Origin?.[0];
  const facts = [
    ["Open for", html`<time datetime=${lambda.timestamp} title=${lambda.timestamp}>${since(Date.parse(lambda.timestamp), now)}</time>`],
    ["Calls", stats.calls.toLocaleString("en")],
    ["Errors", html`<span class=${stats.errors ? "bad" : ""}>${stats.errors.toLocaleString("en")}</span>`],
    ["In flight", lambda.max_calls ? `${stats.in_flight} of ${lambda.max_calls}` : stats.in_flight],
    ["Mean", duration(stats.mean_ms)],
    ["Last call", stats.last_call ? clock(stats.last_call) : "–"],
  ];
  const more = [
    ["Client", lambda.headers?.["User-Agent"]?.[0]],
    ["Page", origin],
    ["Transport", lambda.transport],
    ["Codec", lambda.code],
    ["Services", lambda.services?.join(", ")],
    ["Methods", methodNames(lambda).join(", ") || "not named: any"],
    ["Opened", lambda.timestamp],
  ].filter(([, value]) => value);
  return html`<section class="card">
    <div class="row head"><h1>${title(lambda)}</h1><code>${lambda.id}</code>
      <${Copy} text=${`${base}lambda/${lambda.id}`} label="Copy address" />
      <span class="grow"></span>${session.may("host") && session.state !== "open" && html`<${Close} key=${lambda.id} lambda=${lambda} />`}</div>
    <dl class="facts">${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
    <details><summary>More about it</summary><dl class="more">${more.map(([name, value]) =>
      html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl></details>
  </section>`;
}

function Detail({ id }) {
  useStore(live);
  const lambda = live.lambdas.get(id);
  const calls = useMemo(() => [...live.calls.values()].filter((one) => one.lambda === id).slice(-20).reverse(), [live.calls, live.calls.size, Date.now()]);
  if (!lambda && live.known) {
    return html`<${Empty} first title="This lambda is not open"><p>Its host has gone, or was disconnected. If the host opens
      <code>${id}</code> again, it appears here by itself.</p><p><a href="#/lambdas">All lambdas</a></p></${Empty}>`;
  }
  if (!lambda) return null;
  return html`<a class="back" href="#/lambdas">All lambdas</a><${About} lambda=${lambda} />
    ${session.may("call") && html`<${CallForm} key=${id} fixed=${id} given=${{ method: methodNames(lambda)[0] ?? "" }} />`}
    <section class="card"><h2>Last calls</h2><${CallTable} calls=${calls} short /></section>`;
}

/** How one opens a lambda, for people who have none. */
function First() {
  return html`<${Empty} first title="No lambda is open">
    <p>A lambda is a function with an address: anything that can open a WebSocket can be one. It appears here as soon as it is open.</p>
    ${session.may("host") && html`<p><a class="button primary" href="#/tab">Make this tab a lambda</a></p>`}
    <p>Or open one from Python:</p>
    <${Code} label="A host in Python" text=${`from grip_lambda.client import Host

host = Host(${JSON.stringify(base.replace(/\/$/, ""))}, {"greet": lambda body: {"hello": body}})
host.start()
print(host.address("greet"))
host.wait()`} />
    <p class="dim">Commands of a machine can be lambdas as well: <code>grip-lambda host --help</code></p>
  </${Empty}>`;
}

export function Lambdas({ id }) {
  useStore(live);
  if (!live.known) return html`<main class="page"><p class="dim" role="status">Reading the list …</p></main>`;
  if (!live.lambdas.size && !id) return html`<main class="page narrow"><${First} /></main>`;
  return html`<main class=${id ? "split chosen" : "split"}><${List} chosen=${id} />
    <div class="detail">${id ? html`<${Detail} key=${id} id=${id} />` : html`<${Empty} first title="Choose a lambda"><p>Its figures, its last calls, and a form to call it.</p></${Empty}>`}</div>
  </main>`;
}
