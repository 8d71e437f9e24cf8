// Answers that are too long for a message go up by HTTP.

import { locationOf } from "./addresses.js";
import { request } from "./request.js";
import { pause } from "./timing.js";

const POST_S = 30;
/** The pauses after posts that failed, in seconds. */
const AGAIN_S = [0.1, 0.5, 2];

/**
 * Post an answer, again where that may help, as the first one to a call counts. Returns why it was
 * not taken; null if it was.
 */
export async function post(url, headers, text, stop) {
  const options = { method: "POST", headers, body: text };
  for (const pauseS of [...AGAIN_S, null]) {
    const told = await request(globalThis.fetch, url, options, POST_S, stop);
    if (told.status === 204) return null;
    const isOver = told.status < 500 || told.lasting || pauseS === null || stop.signal.aborted;
    if (isOver) return refusal(told);
    await pause(pauseS, stop.signal);
  }
}

function refusal({ status, text, reason, location }) {
  if (status === undefined) return reason;
  if (status < 300 || status >= 400) return `${status} ${text.slice(0, 200)}`;
  return `this address redirects to ${locationOf(location) || "elsewhere"}`;
}
