// What all views are made of: markup, state, and small parts.

import { h } from "../vendor/preact.js";
import { useEffect, useReducer, useRef, useState } from "../vendor/hooks.js";
import htm from "../vendor/htm.js";

export { h, render } from "../vendor/preact.js";
export { useEffect, useMemo, useRef, useState } from "../vendor/hooks.js";

export const html = htm.bind(h);

/** Have a component shown again whenever a store changes. */
export function useStore(store) {
  const [, again] = useReducer((count) => count + 1, 0);
  useEffect(() => store.subscribe(again), [store]);
  return store;
}

/** Return the time in ms, and have it told again every so many seconds. */
export function useNow(everyS = 1) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyS * 1000);
    return () => clearInterval(timer);
  }, [everyS]);
  return now;
}

/** Something that tells its subscribers of changes, a few times a second at most. */
export class Store {
  #subscribers = new Set();
  #timer = null;
  #last = 0;

  subscribe(callback) {
    this.#subscribers.add(callback);
    return () => this.#subscribers.delete(callback);
  }

  changed() {
    if (this.#timer !== null) return;
    const pause = Math.max(0, this.#last + 200 - Date.now());
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#last = Date.now();
      for (const one of [...this.#subscribers]) one();
    }, pause);
  }
}

/** A button that copies a text, and says so. */
export function Copy({ text, label = "Copy", quiet = false }) {
  const [said, setSaid] = useState("");
  const timer = useRef(null);
  useEffect(() => () => clearTimeout(timer.current), []);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setSaid("Copied");
    } catch {
      // Pages from elsewhere than localhost need https for that.
      setSaid(byHand(text) ? "Copied" : "Not allowed here");
    }
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setSaid(""), 1500);
  };
  return html`<button type="button" class=${quiet ? "quiet copy" : "copy"} onClick=${copy}>
    <span aria-live="polite">${said || label}</span></button>`;
}

function byHand(text) {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "offscreen";
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}

/** What is shown in place of what is not there; `first` if the page has no other heading. */
export function Empty({ title, first = false, children }) {
  const heading = first ? html`<h1>${title}</h1>` : html`<h2>${title}</h2>`;
  return html`<div class="empty">${heading}${children}</div>`;
}

export function Code({ text, label }) {
  return html`<div class="code">
    <pre tabindex="0" role="region" aria-label=${label ?? "Code"}><code>${text}</code></pre>
    <${Copy} text=${text} quiet />
  </div>`;
}

export function Status({ call }) {
  if (call.status === undefined) return html`<span class="pill run">running</span>`;
  const kind = call.status === 200 ? "ok" : "bad";
  return html`<span class=${`pill ${kind}`}>${call.status}${
    call.code ? ` ${call.code.replaceAll("_", " ")}` : ""
  }</span>`;
}

export function ErrorNote({ error }) {
  return error ? html`<p class="note bad" role="alert">${error}</p>` : null;
}
