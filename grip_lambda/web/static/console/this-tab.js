// The view of the lambda that this tab is.

import { bodyError } from "./call.js";
import { clock, duration } from "./format.js";
import { shell } from "./snippets.js";
import { ANSWERS, tab } from "./tab.js";
import { Result } from "./tree.js";
import { Code, html, useEffect, useNow, useState, useStore } from "./ui.js";

function State() {
  const now = useNow(0.5);
  const { state, isOffline, reason, nextTry } = tab;
  const seconds = Math.ceil((nextTry - now) / 1000);
  const waits = ["down", "opening"].includes(state);
  const [kind, words] = isOffline && state !== "closed"
    ? ["bad", "the network is gone"]
    : {
      open: ["ok", "open"],
      opening: ["run", "opening …"],
      down: ["bad", "not reachable"],
      closed: ["", "closed"],
      ended: ["bad", "ended"],
    }[state];
  return html`<div class="row state"><span role="status" class="row"><span class=${`dot ${kind}`}></span><strong>${words}</strong></span>
    ${waits && nextTry > 0 && html`<span class="dim">${seconds > 0 ? `next try in ${seconds} s` : "trying …"}</span>`}
    ${(waits || isOffline) && state !== "ended" && state !== "closed" && html`<button type="button" onClick=${() => tab.retry()}>Retry now</button>`}
    <span class="grow"></span>
    ${["open", "down", "opening"].includes(state) && html`<button type="button" onClick=${() => tab.close()}>Close it</button>`}
    ${["closed", "ended"].includes(state) && html`<button type="button" class="primary" onClick=${() => tab.open(true)}>Open a new address</button>`}
    ${reason && state !== "open" && html`<p class="note bad">${reason}</p>`}
  </div>`;
}

function Answer() {
  const { kind, json, delay } = tab.answer;
  const wrong = kind === "fixed" ? bodyError(json) : "";
  return html`<section class="card"><h2>What it answers</h2>
    <div class="fields">
      <label class="wide">Answer <select name="answer" value=${kind} onChange=${(event) => tab.choose({ kind: event.target.value })}>${
    Object.entries(ANSWERS).map(([value, text]) => html`<option value=${value} selected=${value === kind}>${text}</option>`)
  }</select></label>
      <label>Delay, s <input name="delay" inputmode="decimal" value=${delay} onInput=${(event) => tab.choose({ delay: event.target.value })} /></label>
    </div>
    ${kind === "fixed" && html`<label class="block">JSON <textarea name="fixed" rows="3" spellcheck=${false} value=${json} aria-invalid=${Boolean(wrong)}
      onInput=${(event) => tab.choose({ json: event.target.value })}></textarea></label><p class=${wrong ? "bad" : "dim"} role="status">${wrong || "valid JSON"}</p>`}
  </section>`;
}

function Call({ call }) {
  const [open, setOpen] = useState(false);
  const kind = { ok: "ok", error: "bad", cancelled: "bad" }[call.outcome] ?? "run";
  return html`<li>
    <button type="button" class="entry" aria-expanded=${open} onClick=${() => setOpen(!open)}>
      <time class="dim">${clock(call.began, true)}</time><code class="cut">${call.method}(${call.body.slice(0, 120)})</code>
      <span class="grow"></span><span class="dim">${call.ms === undefined ? "" : duration(call.ms)}</span><span class=${`pill ${kind}`}>${call.outcome ?? "running"}</span>
    </button>
    ${open && html`<div class="entry-detail"><h3>Body</h3><${Result} text=${call.body} label="Body" /><h3>Answer</h3>${
    call.result ? html`<${Result} text=${call.result} label="Answer" />` : html`<p class="dim">not yet</p>`
  }</div>`}
  </li>`;
}

export function ThisTab() {
  useStore(tab);
  useEffect(() => {
    if (tab.state === "closed") tab.open();
  }, []);
  const { address, id, calls, count } = tab;
  const command = address && `curl -X POST ${shell(address)} -d '{"name": "world"}'`;
  return html`<main class="page narrow"><h1>This tab is a function</h1>
    <p class="lead">It holds one WebSocket and has an address. Anybody who knows the address can call it. A reload keeps it.</p>
    <section class="card"><${State} />
      ${command
    ? html`<p class="dim">Call it from a terminal, with any method and any JSON:</p><${Code} text=${command} label="A call of this tab" />
      <p class="row"><a class="button" href=${`#/call?${new URLSearchParams({ to: id, method: "hello", body: '{"name": "world"}' })}`}>Call it from here</a></p>`
    : html`<p class="dim">Its address appears here.</p>`}
    </section>
    <${Answer} />
    <section class="card"><h2>Calls ${count > 0 && html`<span class="dim">${count.toLocaleString("en")}</span>`}</h2>
      ${calls.length ? html`<ul class="entries">${calls.map((call) => html`<${Call} key=${call.number} call=${call} />`)}</ul>` : html`<p class="dim">None yet. Each one appears here as it comes.</p>`}
    </section>
  </main>`;
}
