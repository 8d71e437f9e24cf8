"""Answers that are too long for a message go up by HTTP."""

from __future__ import annotations

import asyncio

import httpx

from .addresses import location_of
from .server import Server, untrusted_certificate

_POST_S = 30.0
#: The pauses after posts that failed, in seconds.
_AGAIN_S = (0.1, 0.5, 2.0)


async def post(server: Server, path: str, text: str) -> str | None:
    """Post an answer, again where that may help, as the first one to a call counts.

    Returns:
        Why it was not taken; None if it was.
    """
    why: str | None = None
    path, headers = server.credentials.present(path)
    for pause_s in (*_AGAIN_S, None):
        try:
            async with httpx.AsyncClient(timeout=_POST_S, **server.http_options()) as http:
                reply = await http.post(server.url + path, content=text.encode(), headers=headers)
        except httpx.HTTPError as error:
            why = server.why(error)
            if untrusted_certificate(error) is not None:
                break
        else:
            why = _refusal(reply)
            if why is None or reply.status_code < 500:
                break
        if pause_s is not None:
            await asyncio.sleep(pause_s)
    return why


def _refusal(reply: httpx.Response) -> str | None:
    if reply.status_code == 204:
        return None
    if reply.is_redirect:
        return f"this address redirects to {location_of(reply.headers['Location'])}"
    return f"{reply.status_code} {reply.text[:200]}"
