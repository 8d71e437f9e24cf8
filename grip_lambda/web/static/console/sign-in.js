// Where a key is asked for.

import { session } from "./server.js";
import { ErrorNote, html, useState, useStore } from "./ui.js";

export function SignIn() {
  useStore(session);
  const [key, setKey] = useState("");
  const [busy, setBusy] = useState(false);
  const submit = async (event) => {
    event.preventDefault();
    setBusy(true);
    await session.signIn(key);
    setBusy(false);
  };
  return html`<main class="page sign-in"><form class="card" onSubmit=${submit}>
    <h1>Sign in</h1>
    <p>This server takes API keys. What you see here is what your key may do.</p>
    <label class="block">API key <input name="key" type="password" autocomplete="off" spellcheck=${false} value=${key}
      onInput=${(event) => setKey(event.target.value)} placeholder="gl_…" /></label>
    <${ErrorNote} error=${session.error} />
    <div class="row"><button class="primary" disabled=${busy || !key.trim()}>Sign in</button>
      <span class="dim">It is kept in this tab only.</span></div>
    <p class="dim">A key is made on the server's command line:<br /><code>grip-lambda keys add console --may admin,list,call,host</code></p>
  </form></main>`;
}
