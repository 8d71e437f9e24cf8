// Calls in a table.

import { bytes, clock, duration } from "./format.js";
import { session } from "./server.js";
import { html, Status } from "./ui.js";

/** `short` leaves out which lambda was called; `onChoose` is given the call that was chosen. */
export function CallTable({ calls, short = false, onChoose, chosen }) {
  if (!calls.length) return html`<p class="dim">None yet. Each one appears here as it comes.</p>`;
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Calls"><table>
    <thead><tr><th scope="col">Time</th>${!short && html`<th scope="col" class="wide-only">Lambda</th>`}<th scope="col">Method</th><th scope="col">Status</th>
      <th scope="col" class="number">Took</th><th scope="col" class="number wide-only">In</th><th scope="col" class="number wide-only">Out</th>
      <th scope="col" class="wide-only">From</th>${session.may("call") && html`<th scope="col"><span class="offscreen">Again</span></th>`}</tr></thead>
    <tbody>${calls.map((one) => html`<tr key=${one.call} aria-current=${one.call === chosen ? "true" : undefined}>
      <td><time datetime=${one.time}>${clock(one.time, true)}</time></td>
      ${!short && html`<td class="wide-only"><a href=${`#/lambdas/${one.lambda}`}><code>${one.lambda}</code></a></td>`}
      <td class="cut">${onChoose
        ? html`<button type="button" class="link" aria-expanded=${one.call === chosen} onClick=${() => onChoose(one)}>${one.method}</button>`
        : html`<code>${one.method}</code>`}</td>
      <td><${Status} call=${one} /></td><td class="number">${duration(one.ms)}</td>
      <td class="number wide-only">${bytes(one.bytes_in)}</td><td class="number wide-only">${bytes(one.bytes_out)}</td>
      <td class="wide-only">${one.from ?? "–"}</td>
      ${session.may("call") && html`<td><a class="button small" href=${`#/call?${new URLSearchParams({ to: one.service ? `service/${one.service}` : one.lambda, method: one.method, ...(one.inspect && { call: one.call }) })}`}
        aria-label=${`Call ${one.method} again`}>Again</a></td>`}
    </tr>`)}</tbody></table></div>`;
}
