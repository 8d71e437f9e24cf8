// Answers that are too long for a message go up by HTTP.

import { request } from "./request.js";
import { pause } from "./timing.js";

const POST_S = 30;
/** The pauses after posts that failed, in seconds. */
const AGAIN_S = [0.1, 0.5, 2];

/**
 * Post an answer, again where that may help, as the first one to a call counts. Returns why it was
 * not taken; null if it was.
 */
export async function post(url, text, stop) {
  // Text is what a page may post without asking first.
  const options = { method: "POST", body: text };
  for (const pauseS of [...AGAIN_S, null]) {
    const told = await request(globalThis.fetch, url, options, POST_S, stop);
    if (told.status < 400) return null;
    const why = told.reason ?? `${told.status} ${told.text.slice(0, 200)}`;
    if (told.status < 500 || pauseS === null || stop.signal.aborted) return why;
    await pause(pauseS, stop.signal);
  }
}
