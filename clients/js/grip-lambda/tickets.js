// Tickets, which stand for an API key where a WebSocket can't send headers, as in pages.

import { readJson } from "./messages.js";
import { request } from "./request.js";

const TICKET_S = 10;

/** Get a ticket: return `{ ticket }`, or `{ status, text }` or `{ text }` as for `Session.lost`. */
export async function newTicket(url, headers, stop) {
  const asked = { method: "POST", headers };
  const told = await request(globalThis.fetch, `${url}/tickets`, asked, TICKET_S, stop);
  if (told.status === undefined) return { text: told.reason, lasting: told.lasting };
  const ticket = readJson(told.text)?.ticket;
  if (told.status === 200 && typeof ticket === "string") return { ticket };
  return { status: told.status, text: told.text, location: told.location };
}
