// What is called, as it happens, and what was called before.

import { CallTable } from "./call-table.js";
import { bodies, Outcome } from "./call.js";
import { bytes, clock, count, duration } from "./format.js";
import { live } from "./live.js";
import { Run } from "./run.js";
import { base, session } from "./server.js";
import { Result } from "./tree.js";
import { Empty, ErrorNote, html, Status, useEffect, useRef, useState, useStore } from "./ui.js";

const SHOWN = 100;
const KINDS = {
  all: ["All", () => true],
  ok: ["Results", (one) => one.status === 200],
  bad: ["Errors", (one) => one.status !== undefined && one.status !== 200],
  running: ["Running", (one) => one.status === undefined],
};

function Detail({ call, onClose }) {
  const [told, setTold] = useState(null);
  const [run, setRun] = useState(null);
  useEffect(() => {
    let gone = false;
    if (live.inspect) bodies(call.call).then((found) => gone || setTold(found));
    return () => {
      gone = true;
    };
  }, [call.call, call.status]);
  const to = call.service ? `service/${call.service}` : call.lambda;
  const isWhole = told && !told.error && !told.body_truncated && told.body !== null;
  const again = { base, to, method: call.method, body: told?.body ?? "", mode: "wait", wait: "", once: "" };
  const part = (title, text, cut) => html`<h3>${title} ${cut && html`<span class="dim">the first 16 kB</span>`}</h3>${
    text === null || text === undefined ? html`<p class="dim">Not known.</p>` : html`<${Result} text=${text} label=${title} />`
  }`;
  return html`<section class="card" aria-label="The call">
    <div class="row head"><h2><code>${call.method}</code></h2><${Status} call=${call} /><span>${duration(call.ms)}</span>
      <span class="dim">${clock(call.time, true)} · ${bytes(call.bytes_in)} in, ${bytes(call.bytes_out)} out${call.from && ` · from ${call.from}`}${call.key && ` · key ${call.key}`}</span>
      <span class="grow"></span>
      ${session.may("call") && isWhole && html`<button type="button" class="primary" onClick=${() => setRun(new Run(again))}>Replay</button>`}
      ${session.may("call") && html`<a class="button" href=${`#/call?${new URLSearchParams({ to, method: call.method, ...(isWhole && { call: call.call }) })}`}>Edit and call</a>`}
      <button type="button" onClick=${onClose}>Close</button></div>
    ${run && html`<${Outcome} key=${run.began} run=${run} />`}
    ${!live.inspect && html`<p class="dim">This server keeps no bodies. <code>GRIP_LAMBDA_INSPECT=1</code> has it keep them for ten minutes.</p>`}
    ${live.inspect && !told && html`<p class="dim">Reading …</p>`}
    <${ErrorNote} error=${told?.error} />
    ${told && !told.error && html`<div class="bodies"><div>${part("Body", told.body, told.body_truncated)}</div><div>${part("Result", told.result, told.result_truncated)}</div></div>`}
  </section>`;
}

export function Calls() {
  useStore(live);
  const [filter, setFilter] = useState({ lambda: "", method: "", kind: "all" });
  const [chosen, setChosen] = useState(null);
  const frozen = useRef(null);
  const [isLive, setIsLive] = useState(true);
  const set = (name) => (event) => setFilter({ ...filter, [name]: event.target.value });
  const every = isLive ? [...live.calls.values()] : frozen.current;
  const pause = () => {
    frozen.current = every;
    setIsLive(!isLive);
  };
  const has = (text, part) => (text ?? "").toLowerCase().includes(part.trim().toLowerCase());
  const found = every.filter((one) =>
    (has(one.lambda, filter.lambda) || has(one.service, filter.lambda)) && has(one.method, filter.method) && KINDS[filter.kind][1](one)
  ).reverse();
  return html`<main class="page"><h1>Calls</h1><p class="lead">What happens now, and the last calls before.</p>
    <div class="filters"><label>Lambda or service <input name="lambda" type="search" value=${filter.lambda} onInput=${set("lambda")} /></label>
      <label>Method <input name="method" type="search" value=${filter.method} onInput=${set("method")} /></label>
      <label>Status <select name="kind" value=${filter.kind} onChange=${set("kind")}>${Object.entries(KINDS).map(([value, [text]]) => html`<option value=${value}>${text}</option>`)}</select></label>
      <button type="button" aria-pressed=${!isLive} onClick=${pause}>${isLive ? "Pause" : "Go on"}</button>
      <span class="dim" role="status">${count(found.length, "call")}${found.length > SHOWN ? `, the last ${SHOWN} shown` : ""}</span></div>
    ${chosen && html`<${Detail} key=${chosen.call} call=${live.calls.get(chosen.call) ?? chosen} onClose=${() => setChosen(null)} />`}
    ${every.length
    ? html`<section class="card flush"><${CallTable} calls=${found.slice(0, SHOWN)} chosen=${chosen?.call} onChoose=${(one) => setChosen(one.call === chosen?.call ? null : one)} /></section>`
    : html`<${Empty} title="No calls yet"><p>Each call appears here as it happens. Make one in <a href="#/call">Call</a>.</p></${Empty}>`}
  </main>`;
}
