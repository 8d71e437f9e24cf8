// The form that makes a call, and what came of it.

import { bytes, duration, methodNames } from "./format.js";
import { live } from "./live.js";
import { fraction, Run } from "./run.js";
import { api, base, session } from "./server.js";
import { languages } from "./snippets.js";
import { Result } from "./tree.js";
import { Code, html, useEffect, useMemo, useNow, useState, useStore } from "./ui.js";

const MODES = { wait: "Wait", stream: "Stream", async: "Background" };
const CHECKED_MAX = 1_000_000;

/** Return what a call was asked with and answered: `{ body, result, … }`, or `{ error }`. */
export async function bodies(name) {
  try {
    return await api(`calls/${encodeURIComponent(name)}/bodies`);
  } catch (error) {
    return { error: error.message };
  }
}

/** Return what is wrong with a body; empty if nothing is. */
export function bodyError(body) {
  if (!body.trim() || body.length > CHECKED_MAX) return "";
  try {
    JSON.parse(body);
    return "";
  } catch (error) {
    return String(error.message).replace(/^JSON\.parse: /, "");
  }
}

/** Return what is wrong with the rest of a call. */
function termsError({ to, method, wait, once }) {
  if (!to) return "Enter the id of a lambda, or service/NAME.";
  if (!/^([\w-]{16}|service\/[A-Za-z][\w.-]{0,63}(\/all)?)$/.test(to)) {
    return "An address is an id of 16 characters, or service/NAME.";
  }
  if (!method) return "Enter a method.";
  if (method.includes("/")) return "The name of a method has no slash.";
  if (wait && !(Number(wait) >= 0.05 && Number(wait) <= 3600)) {
    return "The deadline is from 0.05 to 3600 seconds.";
  }
  if (once && !/^[ -~]{1,255}$/.test(once)) return "The idempotency key has 1 to 255 characters of ASCII.";
  return "";
}

export function Outcome({ run }) {
  useStore(run);
  useNow(run.state === "ended" ? 60 : 0.2);
  const ended = run.state === "ended";
  const last = run.progress.at(-1);
  const part = last === undefined ? null : fraction(last);
  const ok = run.status === 200;
  return html`<section class="card outcome" aria-label="Outcome">
    <div class="row" role="status">
      ${ended
        ? html`<strong class=${`pill big ${ok ? "ok" : "bad"}`}>${run.status ?? "no answer"}</strong>
          <span>${duration(run.ms)}</span><span class="dim">${bytes(run.bytes)}</span>`
        : html`<span class="pill big run">${run.state === "pending" ? "in the background" : "running"}</span>
          <span class="time">${duration(Date.now() - run.began)}</span>
          <button type="button" onClick=${() => run.cancel()}>${run.pending ? "Cancel the call" : "Stop waiting"}</button>`}
      ${run.host && html`<span class="dim">answered by <code>${run.host}</code></span>`}
    </div>
    ${last !== undefined && html`<div class="progress">
      ${part === null
        ? !ended && html`<progress aria-label="Progress"></progress>`
        : html`<progress aria-label="Progress" max="1" value=${ended && ok ? 1 : part}></progress>`}
      <p class="dim">${run.reported.toLocaleString("en")} reported, the last: <code>${last.slice(0, 200)}</code></p>
    </div>`}
    ${run.error && html`<p class="note bad">${run.error}</p>`}
    ${ended && html`<${Result} text=${run.text} />`}
  </section>`;
}

function CopyAs({ call }) {
  const [language, setLanguage] = useState("curl");
  const all = languages(call);
  const chosen = all[language] ? language : "curl";
  const note = call.keyed && chosen !== "curl" && chosen !== "JavaScript";
  return html`<details class="card copy-as"><summary>Copy as …</summary>
    <div class="row tabs" role="group" aria-label="Language">${Object.keys(all).map((one) =>
      html`<button type="button" class="quiet" aria-pressed=${one === chosen} onClick=${() => setLanguage(one)}>${one}</button>`)}</div>
    <${Code} text=${all[chosen](call)} label=${`The call for ${chosen}`} />
    ${note && html`<p class="dim">It takes its key from <code>GRIP_LAMBDA_KEY</code>.</p>`}
  </details>`;
}

/** `given` fills the form; with `fixed` it calls one lambda only. */
export function CallForm({ given = {}, fixed = "" }) {
  useStore(live);
  const [call, setCall] = useState({ to: "", method: "", body: "", mode: "wait", wait: "", once: "", ...given });
  const [run, setRun] = useState(null);
  const [asked, setAsked] = useState(false);
  const whole = { ...call, to: fixed || call.to.trim(), method: call.method, base, keyed: Boolean(session.key) };
  const wrong = useMemo(() => bodyError(call.body), [call.body]);
  const refused = termsError(whole);
  const isOpen = live.lambdas.get(whole.to);
  const methods = methodNames(isOpen);
  const set = (name) => (event) => setCall({ ...call, [name]: event.target.value });
  const make = (event) => {
    event?.preventDefault();
    setAsked(true);
    if (!wrong && !refused) setRun(new Run(whole));
  };
  const keys = (event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && make(event);
  const tidy = () => setCall({ ...call, body: JSON.stringify(JSON.parse(call.body), null, 2) });
  return html`<div class="call">
    <form class="card" onSubmit=${make} onKeyDown=${keys} novalidate>
      <div class="fields">
        ${!fixed && html`<label class="wide">Address
          <input name="to" value=${call.to} onInput=${set("to")} list="addresses" placeholder="id or service/NAME" spellcheck=${false} autocomplete="off" /></label>
          <datalist id="addresses">${[...live.lambdas.values()].slice(0, 100).map((one) =>
            html`<option value=${one.id}>${methodNames(one).join(", ")}</option>`)}</datalist>`}
        <label class="wide">Method
          <input name="method" value=${call.method} onInput=${set("method")} list="methods" placeholder=${methods[0] ?? "greet"} spellcheck=${false} autocomplete="off" /></label>
        <datalist id="methods">${methods.map((one) => html`<option value=${one} />`)}</datalist>
        <label>How <select name="mode" value=${call.mode} onChange=${set("mode")}>${Object.entries(MODES).map(([value, text]) =>
          html`<option value=${value} selected=${value === call.mode}>${text}</option>`)}</select></label>
        <label>Deadline, s <input name="wait" class="short" inputmode="decimal" value=${call.wait} onInput=${set("wait")} placeholder="60" /></label>
        <label>Idempotency key <input name="once" value=${call.once} onInput=${set("once")} placeholder="none" spellcheck=${false} autocomplete="off" /></label>
      </div>
      ${methods.length > 0 && methods.length <= 12 && html`<div class="chips" role="group" aria-label="Methods of the host">${methods.map((one) =>
        html`<button type="button" class="chip" aria-pressed=${one === call.method} onClick=${() => setCall({ ...call, method: one })}>${one}</button>`)}</div>`}
      <label class="block">Body, JSON
        <textarea name="body" value=${call.body} onInput=${set("body")} rows="5" spellcheck=${false} placeholder="null" aria-invalid=${Boolean(wrong)} aria-describedby="body-state"></textarea></label>
      <div class="row under">
        <span id="body-state" class=${wrong ? "bad" : "dim"} role="status">${wrong || (call.body.trim() ? "valid JSON" : "an empty body is null")}</span>
        ${call.body.trim() && !wrong && html`<button type="button" class="quiet small" onClick=${tidy}>Format</button>`}
        <span class="grow"></span>
        <kbd class="dim wide-only">Ctrl Enter</kbd>
        <button class="primary" disabled=${Boolean(wrong)}>Call</button>
      </div>
      ${asked && refused && html`<p class="note bad" role="alert">${refused}</p>`}
    </form>
    ${run && html`<${Outcome} key=${run.began} run=${run} />`}
    <${CopyAs} call=${whole} />
  </div>`;
}

/** The view for any address; what is replayed comes with the address of the page. */
export function CallView({ query }) {
  const [told, setTold] = useState(null);
  const name = query.get("call");
  useEffect(() => {
    setTold(null);
    if (name) bodies(name).then((found) => setTold({ name, ...found }));
  }, [name]);
  const isReading = name && told?.name !== name;
  const given = Object.fromEntries(["to", "method", "body"].map((one) => [one, query.get(one) ?? ""]));
  const isWhole = told && !told.error && !told.body_truncated;
  if (isWhole && told.body) given.body = told.body;
  return html`<main class="page narrow"><h1>Call</h1>
    <p class="lead">Call a lambda by its id, or a service by its name.</p>
    ${name && told && !isWhole && html`<p class="note">The body of that call is not known any more, or was too long to be kept.</p>`}
    ${isReading ? html`<p class="dim">Reading …</p>` : html`<${CallForm} key=${query.toString()} given=${given} />`}
  </main>`;
}
