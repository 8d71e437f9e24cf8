"""What happens at a server, as it happens."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import quote

import httpx

from ..protocol.sse import CONTENT_TYPE, Event, Parser
from .exchange import Failure, Reply, Request, error_of
from .server import Server
from .stream_state import CUT, SILENCE_S
from .transport import failure_of, is_stream, options, reply_of


def request(lambda_id: str | None) -> Request:
    """Return the request for the events of a lambda, or of all."""
    query = "" if lambda_id is None else f"?lambda={quote(lambda_id, safe='')}"
    return Request("GET", f"/events{query}", {"Accept": CONTENT_TYPE}, timeout_s=SILENCE_S)


def watch(http: httpx.Client, server: Server, wanted: Request) -> Iterator[dict[str, Any]]:
    """Yield events: objects with the name of each as ``event``.

    The first one is called ``watching``, and says that the stream has begun.

    Raises:
        LambdaError: the server does not allow it, or the stream has ended.
    """
    failure: Reply | Failure = CUT
    try:
        with http.stream(**options(server, wanted)) as response:
            if not is_stream(response):
                response.read()
                raise error_of(wanted, reply_of(response))
            yield {"event": "watching"}
            parser = Parser()
            for piece in response.iter_raw():
                yield from map(_told, parser.feed(piece))
    except httpx.HTTPError as error:
        failure = failure_of(server, error)
    raise error_of(wanted, failure)


async def watch_async(
    http: httpx.AsyncClient, server: Server, wanted: Request
) -> AsyncIterator[dict[str, Any]]:
    """As `watch`, in an event loop."""
    failure: Reply | Failure = CUT
    try:
        async with http.stream(**options(server, wanted)) as response:
            if not is_stream(response):
                await response.aread()
                raise error_of(wanted, reply_of(response))
            yield {"event": "watching"}
            parser = Parser()
            async for piece in response.aiter_raw():
                for event in map(_told, parser.feed(piece)):
                    yield event
    except httpx.HTTPError as error:
        failure = failure_of(server, error)
    raise error_of(wanted, failure)


def _told(event: Event) -> dict[str, Any]:
    try:
        data = json.loads(event.data)
    except (ValueError, RecursionError):
        data = None
    return {"event": event.name, **(data if isinstance(data, dict) else {})}
