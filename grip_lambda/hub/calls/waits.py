"""How those are answered who wait for a call that another request began.

What a wait is for is stored with it by name: another process may answer it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import orjson

from ...protocol import sse
from ...store import Call
from .responses import TOO_LATE, Response, last_event, naming_host


class WaitKind:
    """A wait of the caller of the same call, who gets the same response."""

    def __init__(self, name: str) -> None:
        self.name = name

    def shown(self, response: Response) -> Response:
        """Return what the one who waits gets, given the response to the call."""
        return response

    def unfinished(self, call: Call) -> Response:
        """Return what the one who waits gets if the call has not ended in time."""
        return self.shown(TOO_LATE)


class _SameStream(WaitKind):
    def shown(self, response: Response) -> Response:
        name, data = last_event(response)
        return Response(200, sse.encode(data, name=name), {"Content-Type": sse.CONTENT_TYPE})


class _Show(WaitKind):
    def unfinished(self, call: Call) -> Response:
        return pending(call)


SAME = WaitKind("same")
#: The same for a caller who wants events.
SAME_STREAM = _SameStream("same stream")
#: For what ``GET /calls/<call>`` shows.
SHOW = _Show("show")
#: All of them, by the name that is stored with a wait.
WAITS: Mapping[str, WaitKind] = {kind.name: kind for kind in (SAME, SAME_STREAM, SHOW)}


def pending(call: Call) -> Response:
    """Return what is shown of a call that has not ended."""
    return state(call, "pending")


def state(call: Call, word: str) -> Response:
    """Return what is shown of a call instead of its end."""
    created = datetime.fromtimestamp(call.created, UTC).isoformat(timespec="milliseconds")
    return naming_host(call, Response(202, orjson.dumps({"state": word, "created": created})))
