"""What a caller of a streamed call does: events in; progress, the end and further tries out.

No sockets and no clock here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from ..protocol.sse import CONTENT_TYPE, Event, Parser
from .errors import LambdaError, ServerError, from_response
from .exchange import Failure, Pauses, Reply, Request, error_of, may_try_again

#: A stream on which nothing comes for so long, not even a comment, is read anew; in seconds.
SILENCE_S = 40.0


@dataclass(frozen=True)
class Progress:
    """What the host reported."""

    value: Any


@dataclass(frozen=True)
class Done:
    """The result."""

    value: Any


@dataclass(frozen=True)
class Failed:
    """How the call has failed."""

    error: LambdaError


class StreamState:
    """One streamed call over all its connections."""

    def __init__(self, request: Request, pauses: Pauses) -> None:
        """Begin with the request that makes the call."""
        headers = {**request.headers, "Accept": CONTENT_TYPE}
        self._request = replace(request, headers=headers, timeout_s=SILENCE_S)
        self._all_pauses = list(pauses)
        self._pauses = list(pauses)
        self._parser = Parser()
        self._last_id = ""

    def request(self) -> Request:
        """Return the request to make now; it goes on after the last event that came."""
        self._parser = Parser()
        if not self._last_id:
            return self._request
        headers = {**self._request.headers, "Last-Event-ID": self._last_id}
        return replace(self._request, headers=headers, is_safe=True)

    def feed(self, piece: bytes) -> list[Progress | Done | Failed]:
        """Take a piece of the stream."""
        events = self._parser.feed(piece)
        if self._parser.last_id:
            self._last_id = self._parser.last_id
            self._pauses = list(self._all_pauses)
        return [_told(event) for event in events]

    def refused(self, reply: Reply) -> float:
        """Take a response that is no stream; return the seconds to wait before the next try.

        Raises:
            LambdaError: there is none.
        """
        if reply.status < 300:
            raise ServerError("the server's answer is no stream", status=reply.status)
        return self._again(reply)

    def lost(self, failure: Failure) -> float:
        """Take that there was no response, or not all of it; return as ``refused``."""
        # One that has begun and fell silent goes on elsewhere.
        return self._again(replace(failure, late=False) if self._last_id else failure)

    def _again(self, outcome: Reply | Failure) -> float:
        request = self.request()
        error = error_of(request, outcome)
        if not self._pauses or not may_try_again(request, outcome, error):
            raise error
        return self._pauses.pop(0)


#: How a stream counts that ended without an end.
CUT = Failure("the stream ended too early", sent=True)


def _told(event: Event) -> Progress | Done | Failed:
    try:
        value = json.loads(event.data)
    except (ValueError, RecursionError):
        return Failed(ServerError("the server's answer can't be read"))
    if event.name == "progress":
        return Progress(value)
    if event.name == "result":
        return Done(value)
    if event.name == "error" and isinstance(value, dict):
        status = value.get("status")
        return Failed(from_response(status if isinstance(status, int) else 500, event.data))
    return Failed(ServerError(f"the server sent an event that is not known: {event.name[:50]}"))
