// A value of JSON as a tree that folds. What is folded is not rendered, and long lists, objects
// and strings are shown in parts.

import { Copy, html, useMemo, useState } from "./ui.js";

const PART = 100;
const STRING_MAX = 500;
const RAW_MAX = 200_000;

function Leaf({ value }) {
  const [all, setAll] = useState(false);
  if (typeof value !== "string") return html`<span class=${`j-${typeof value}`}>${String(value)}</span>`;
  const shown = all ? value.slice(0, RAW_MAX) : value.slice(0, STRING_MAX);
  const more = value.length > shown.length;
  return html`<span class="j-string">${JSON.stringify(shown)}</span>${
    more && html` <button type="button" class="quiet small" disabled=${all}
      onClick=${() => setAll(true)}>${all ? "cut here" : `${value.length.toLocaleString("en")} characters: show more`}</button>`
  }`;
}

function Node({ name, value, depth, among = 1 }) {
  const isBranch = typeof value === "object" && value !== null;
  const size = isBranch ? Object.keys(value).length : 0;
  const [open, setOpen] = useState(depth === 0 || (depth < 3 && size <= PART && among <= 20));
  const [limit, setLimit] = useState(PART);
  const label = name === null ? null : html`<span class="j-key">${name}</span><span class="j-dim">: </span>`;
  if (!isBranch) return html`<li>${label}<${Leaf} value=${value} /></li>`;
  const [left, right] = Array.isArray(value) ? "[]" : "{}";
  if (!size) return html`<li>${label}<span class="j-dim">${left}${right}</span></li>`;
  const what = Array.isArray(value) ? (size === 1 ? "item" : "items") : (size === 1 ? "member" : "members");
  const keys = open ? Object.keys(value).slice(0, limit) : [];
  return html`<li>
    <button type="button" class="fold" aria-expanded=${open} onClick=${() => setOpen(!open)}>
      ${label}<span class="j-dim">${left} ${size.toLocaleString("en")} ${what} ${right}</span>
    </button>
    ${open && html`<ul>
      ${keys.map((key) => html`<${Node} key=${key} name=${key} value=${value[key]} depth=${depth + 1} among=${size} />`)}
      ${size > limit && html`<li><button type="button" class="quiet small"
        onClick=${() => setLimit(limit + 5 * PART)}>${(size - limit).toLocaleString("en")} more</button></li>`}
    </ul>`}
  </li>`;
}

/** Show a text that should be JSON: as a tree, or as it came. */
export function Result({ text, label = "Result" }) {
  const [raw, setRaw] = useState(false);
  const value = useMemo(() => {
    try {
      return { json: JSON.parse(text) };
    } catch {
      return null;
    }
  }, [text]);
  if (!text) return null;
  const asText = raw || !value;
  return html`<div class="result">
    <div class="tools">
      ${value && html`<button type="button" class="quiet" aria-pressed=${raw}
        onClick=${() => setRaw(!raw)}>Raw</button>`}
      <${Copy} text=${text} quiet />
    </div>
    <div class="scroll" tabindex="0" role="region" aria-label=${label}>
    ${asText
      ? html`<pre>${text.slice(0, RAW_MAX)}</pre>${
        text.length > RAW_MAX && html`<p class="dim">The first ${RAW_MAX.toLocaleString("en")} characters of ${text.length.toLocaleString("en")}; copying takes all.</p>`}`
      : html`<ul class="tree"><${Node} key=${text.length} name=${null} value=${value.json} depth=${0} /></ul>`}
    </div>
  </div>`;
}
