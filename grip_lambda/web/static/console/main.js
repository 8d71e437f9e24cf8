// The console: which view is shown, and what is above it.

import { CallView } from "./call.js";
import { Calls } from "./calls.js";
import { Health } from "./health.js";
import { Keys } from "./keys.js";
import { Lambdas } from "./lambdas.js";
import { live } from "./live.js";
import { base, session } from "./server.js";
import { SignIn } from "./sign-in.js";
import { tab } from "./tab.js";
import { ThisTab } from "./this-tab.js";
import { html, render, useEffect, useRef, useState, useStore } from "./ui.js";

/** The views: the name in the address, the name for people, the right that each takes, what shows it. */
const VIEWS = [
  ["lambdas", "Lambdas", "list", ({ rest }) => html`<${Lambdas} id=${rest} />`],
  ["call", "Call", "call", ({ query }) => html`<${CallView} query=${query} />`],
  ["calls", "Calls", "list", () => html`<${Calls} />`],
  ["tab", "This tab", "host", () => html`<${ThisTab} />`],
  ["health", "Health", "list", () => html`<${Health} />`],
  ["keys", "Keys", "admin", () => html`<${Keys} />`],
];

const STATES = {
  connecting: ["run", "connecting …"],
  live: ["ok", "live"],
  offline: ["bad", "no network"],
  lost: ["bad", "server out of reach"],
  unavailable: ["warn", "no live events here"],
};

function route() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?", 2);
  const [name, ...rest] = path.split("/");
  return { name, rest: decode(rest.join("/")), query: new URLSearchParams(query ?? "") };
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function useRoute() {
  const [now, setNow] = useState(route());
  useEffect(() => {
    const changed = () => setNow(route());
    globalThis.addEventListener("hashchange", changed);
    return () => globalThis.removeEventListener("hashchange", changed);
  }, []);
  return now;
}

function LiveState() {
  useStore(live);
  const [kind, words] = STATES[live.state];
  return html`<span class="live" role="status"><span class=${`dot ${kind}`}></span> ${words}
    ${["lost", "offline"].includes(live.state) && html`<button type="button" class="quiet small" onClick=${() => live.retry()}>Retry now</button>`}</span>`;
}

function Header({ views, current }) {
  return html`<header>
    <a class="skip" href="#/" onClick=${(event) => { event.preventDefault(); document.querySelector("main")?.focus(); }}>Skip to the content</a>
    <a class="brand" href=${base}>grip-lambda</a>
    <nav aria-label="Views">${views.map(([name, text]) => html`<a href=${`#/${name}`} aria-current=${name === current ? "page" : undefined}>${text}</a>`)}</nav>
    <span class="grow"></span>
    ${session.may("list") && html`<${LiveState} />`}
    ${session.state === "signed in" && html`<span class="who"><span title=${`may ${session.about.may.join(", ")}`}>${session.about.comment || session.about.id}</span>
      <button type="button" class="quiet small" onClick=${() => session.signOut()}>Sign out</button></span>`}
  </header>`;
}

function App() {
  useStore(session);
  const { name, rest, query } = useRoute();
  const seen = useRef(null);
  const { state, key } = session;
  useEffect(() => {
    if (["open", "signed in"].includes(state)) {
      live.restart();
      if (tab.wasOpen && session.may("host")) tab.open();
    } else if (state === "signed out") tab.close();
  }, [state, key]);
  const views = VIEWS.filter(([, , right]) => session.may(right));
  const view = views.find(([one]) => one === name) ?? (name ? undefined : views[0]);
  const title = view?.[1] ?? "Console";
  useEffect(() => {
    document.title = `${title} · grip-lambda`;
    if (seen.current !== null && seen.current !== name) {
      const main = document.querySelector("main");
      main?.setAttribute("tabindex", "-1");
      main?.focus({ preventScroll: true });
      scrollTo(0, 0);
    }
    seen.current = name;
  }, [name, title]);
  if (state === "asking") {
    return html`<${Header} views=${[]} /><main class="page"><p class="dim" role="status">${session.error ? `${session.error} Trying again …` : "Connecting …"}</p></main>`;
  }
  const shown = state === "signed out"
    ? html`<${SignIn} />`
    : view
    ? view[3]({ rest, query })
    : html`<main class="page narrow"><div class="empty"><h1>Nothing here</h1><p>${views.length ? "There is no such view, or your key may not see it." : "Your key may do nothing that the console shows."}</p></div></main>`;
  return html`<${Header} views=${views} current=${view?.[0]} />${shown}`;
}

async function begin() {
  while (!(await session.ask())) await new Promise((resolve) => setTimeout(resolve, 1000));
}

render(html`<${App} />`, document.getElementById("app"));
begin();
