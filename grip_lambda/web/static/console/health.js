// How the server is: its parts, and the last quarter of an hour.

import { Chart } from "./charts.js";
import { count, duration, since } from "./format.js";
import { api } from "./server.js";
import { Empty, html, useEffect, useMemo, useNow, useState } from "./ui.js";

const EVERY_MS = 5000;

/** Ask for the state now and then, while the page is looked at. */
function useStatus() {
  const [told, setTold] = useState({ status: null, error: "" });
  useEffect(() => {
    let timer = null, gone = false;
    const ask = async () => {
      try {
        const status = document.hidden && told.status ? told.status : await api("status");
        if (!gone) setTold({ status, error: "" });
      } catch (error) {
        if (!gone) setTold((before) => ({ ...before, error: error.message || "no answer" }));
      }
      if (!gone) timer = setTimeout(ask, EVERY_MS);
    };
    ask();
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, []);
  return told;
}

function Part({ ok, name, about }) {
  return html`<li class="part"><span class=${`dot ${ok ? "ok" : "bad"}`}></span>
    <div><strong>${name}</strong> <span class=${ok ? "ok" : "bad"}>${ok ? "ok" : "out of reach"}</span><br /><span class="dim">${about}</span></div></li>`;
}

const rate = (number) => `${number < 10 ? number.toFixed(1) : Math.round(number).toLocaleString("en")}/s`;

function Charts({ series }) {
  const { step } = series;
  const data = useMemo(() => {
    const start = Date.parse(series.from) / 1000;
    const times = series.calls.map((_one, at) => start + at * step);
    const each = (list) => list.map((one) => one / step);
    return {
      calls: [times, each(series.calls), each(series.errors)],
      took: [times, series.p50_ms, series.p95_ms],
    };
  }, [series]);
  const sum = (list) => list.reduce((all, one) => all + one, 0);
  const [calls, errors] = [sum(series.calls), sum(series.errors)];
  const slowest = Math.max(0, ...series.p95_ms.filter((one) => one !== null));
  return html`<div class="charts">
    <${Chart} title="Calls" about=${`${count(calls, "call")}, ${count(errors, "error")} in the last 15 minutes`} data=${data.calls} value=${rate}
      series=${[{ label: "calls", kind: "acc" }, { label: "errors", kind: "bad" }]} />
    <${Chart} title="Latency" about=${calls ? `p95 at most ${duration(slowest)}` : "no calls in the last 15 minutes"} data=${data.took} value=${duration} dots
      series=${[{ label: "p50", kind: "acc" }, { label: "p95", kind: "warn" }]} />
  </div>`;
}

export function Health() {
  const { status, error } = useStatus();
  const now = useNow(5);
  if (!status) {
    return html`<main class="page"><h1>Health</h1>${error ? html`<${Empty} title="The server does not tell"><p>${error}</p></${Empty}>` : html`<p class="dim" role="status">Reading …</p>`}</main>`;
  }
  const { nodes, backends, store } = status;
  const good = store.ok && nodes.every((one) => one.ok) && !error;
  return html`<main class="page"><h1>Health</h1>
    <p class="lead" role="status"><span class=${`pill ${good ? "ok" : "bad"}`}>${error ? "no answer" : good ? "all is well" : "something is out of reach"}</span></p>
    <dl class="card facts">${[
    ["Open lambdas", status.open.toLocaleString("en")],
    ["Calls in flight", status.in_flight.toLocaleString("en")],
    ["grip-lambda", status.version],
    ["Python", status.python],
    ["Pushpin", status.pushpin ?? "–"],
    ["Bodies kept", status.inspect ? "yes" : "no"],
  ].map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
    <${Charts} series=${status.series} />
    <section class="card"><h2>Parts</h2><ul class="parts">
      <${Part} ok=${store.ok} name=${store.kind} about=${`store${store.version ? `, version ${store.version}` : ""}`} />
      ${nodes.map((one) => html`<${Part} key=${one.name} ok=${one.ok} name=${`Pushpin ${one.name}`} about=${count(one.lambdas, "lambda")} />`)}
      ${backends.map((one) => html`<${Part} key=${`${one.host} ${one.pid}`} ok=${true} name=${`Backend ${one.pid}`} about=${`${one.host}, version ${one.version}, for ${since(Number(one.since) ? one.since * 1000 : Date.parse(one.since), now)}`} />`)}
    </ul></section>
  </main>`;
}
