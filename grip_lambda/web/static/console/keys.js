// The API keys: which there are, and what each may do.

import { since } from "./format.js";
import { api, session } from "./server.js";
import { Code, Empty, ErrorNote, html, useEffect, useNow, useState } from "./ui.js";

const RIGHTS = {
  list: "see what is open and what is called",
  call: "call lambdas, also private ones",
  host: "open lambdas",
  admin: "make and revoke keys",
};

function Add({ onDone }) {
  const [wanted, setWanted] = useState({ comment: "", may: ["call"] });
  const [error, setError] = useState("");
  const [made, setMade] = useState(null);
  const toggle = (right) => () =>
    setWanted({ ...wanted, may: wanted.may.includes(right) ? wanted.may.filter((one) => one !== right) : [...wanted.may, right] });
  const add = async (event) => {
    event.preventDefault();
    setError("");
    try {
      setMade(await api("keys", { method: "POST", body: wanted }));
      setWanted({ comment: "", may: ["call"] });
      onDone();
    } catch (failure) {
      setError(failure.message);
    }
  };
  return html`<section class="card"><h2>New key</h2>
    ${made && html`<div class="note" role="status"><p><strong>Copy the key now: it is not shown again.</strong></p><${Code} text=${made.key} label="The new key" />
      <button type="button" onClick=${() => setMade(null)}>I have copied it</button></div>`}
    <form onSubmit=${add}>
      <label class="block">For whom or what <input name="comment" value=${wanted.comment} maxlength="200" placeholder="dashboard" autocomplete="off"
        onInput=${(event) => setWanted({ ...wanted, comment: event.target.value })} /></label>
      <fieldset><legend>It may</legend>${Object.entries(RIGHTS).map(([right, about]) =>
    html`<label class="inline"><input type="checkbox" name=${right} checked=${wanted.may.includes(right)} onChange=${toggle(right)} /><span><strong>${right}</strong> <span class="dim">${about}</span></span></label>`)}</fieldset>
      <${ErrorNote} error=${error} />
      <button class="primary" disabled=${!wanted.may.length || !wanted.comment.trim()}>Make the key</button>
    </form></section>`;
}

function Revoke({ one, onDone }) {
  const [asking, setAsking] = useState(false);
  const [error, setError] = useState("");
  const revoke = async () => {
    try {
      await api(`keys/${encodeURIComponent(one.id)}`, { method: "DELETE" });
      onDone();
    } catch (failure) {
      setError(failure.message);
    }
  };
  if (!asking) return html`<button type="button" class="small bad" aria-label=${`Revoke ${one.name}`} onClick=${() => setAsking(true)}>Revoke …</button>`;
  return html`<span class="row"><button type="button" class="small danger" onClick=${revoke}>Revoke ${one.id === session.about?.id ? "your own key" : "it"}</button>
    <button type="button" class="small" onClick=${() => setAsking(false)}>Keep it</button><${ErrorNote} error=${error} /></span>`;
}

function None() {
  return html`<main class="page narrow"><${Empty} first title="No API keys are configured">
    <p>Anybody who reaches this server can open, list and call lambdas. To change that, make a key and start the server with it:</p>
    <${Code} label="How to make a key" text=${"export GRIP_LAMBDA_API_KEYS=data/keys.json\ngrip-lambda keys add console --may admin,list,call,host\nmake run"} />
  </${Empty}></main>`;
}

export function Keys() {
  const [keys, setKeys] = useState(null);
  const [error, setError] = useState("");
  const now = useNow(30);
  const isOpen = session.state === "open";
  const read = async () => {
    try {
      setKeys((await api("keys")).keys);
      setError("");
    } catch (failure) {
      setError(failure.message);
    }
  };
  useEffect(() => {
    if (!isOpen) read();
  }, [isOpen]);
  if (isOpen) return html`<${None} />`;
  const when = (time) => (time ? html`<time datetime=${time} title=${time}>${since(Date.parse(time), now)}</time>` : "–");
  return html`<main class="page"><h1>Keys</h1><p class="lead">Each key is for one person or program, and may do only what it needs.</p>
    <${ErrorNote} error=${error} />
    ${keys && html`<section class="card flush"><div class="scroll" tabindex="0" role="region" aria-label="API keys"><table>
      <thead><tr><th scope="col">Key</th><th scope="col">May</th><th scope="col">Only for</th><th scope="col">Last used</th><th scope="col" class="wide-only">Age</th><th scope="col"><span class="offscreen">Revoke</span></th></tr></thead>
      <tbody>${keys.map((one) => html`<tr key=${one.id}><td class="cut"><strong>${one.comment || one.name}</strong> ${one.id === session.about?.id && html`<span class="pill">yours</span>`}<br /><code class="dim">${one.id}</code></td>
        <td>${(one.may ?? []).map((right) => html`<span class="pill">${right}</span> `)}</td>
        <td class="cut">${one.lambdas_of ? html`lambdas of ${one.lambdas_of.length ? one.lambdas_of.join(", ") : "its own"}` : "–"}${one.services ? html`<br />services ${one.services.join(", ")}` : ""}</td>
        <td>${when(one.last_used)}</td><td class="wide-only">${when(one.created)}</td><td><${Revoke} one=${one} onDone=${read} /></td></tr>`)}</tbody>
    </table></div></section>`}
    <${Add} onDone=${read} />
  </main>`;
}
