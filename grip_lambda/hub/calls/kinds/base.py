"""How callers are answered: each kind of call is one object.

A kind makes a response of a call and its outcome, and touches neither the store nor Pushpin. Its
name is stored with the call: a reply may be sent by another process than the one that was asked.
"""

from __future__ import annotations

from collections.abc import Callable

from ....protocol import sse
from ....store import Call, Outcome
from ..outcomes import DEADLINE_EXCEEDED
from ..responses import TOO_LATE, Response, last_event

#: Gives what a stream had before; empty for nothing.
Previous = Callable[[], bytes]


class Kind:
    """A call whose caller gets the outcome as it is stored, as the response to its request.

    Attributes:
        name: what is stored with the call.
        is_awaited: whether the caller waits for the end of the call.
        is_streamed: whether it gets a stream of events; see Streamed.
    """

    is_streamed = False

    def __init__(self, name: str, *, is_awaited: bool = True) -> None:
        self.name = name
        self.is_awaited = is_awaited

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    def response(self, call: Call, outcome: Outcome) -> Response:
        """Return the response that the caller gets."""
        return Response(outcome.status, outcome.body)

    def late(self, call: Call) -> Response:
        """Return what Pushpin is to send by itself, should no backend be there at the deadline.

        Its headers stay, whatever the response is in the end.
        """
        return self.response(call, DEADLINE_EXCEEDED)


class Plain(Kind):
    """The usual kind, whose late response is no other than all others'."""

    def late(self, call: Call) -> Response:
        return TOO_LATE


class Streamed(Kind):
    """A call whose caller gets server-sent events, of which the last one tells the outcome.

    An entry of the stream's log is the name of an event, a space and its data.

    Attributes:
        can_return: whether its caller can come back for the rest, with the id of an event.
        away_s: how long its caller may be away before the call is cancelled, in seconds; None for
            as long as others.
    """

    is_streamed = True
    can_return = True
    away_s: float | None = None

    def progress(self, call: Call, value: bytes, previous: Previous) -> bytes | None:
        """Return the entry of what a host reports, a JSON text; None if it is not asked for."""
        return b"progress " + value

    def last(self, call: Call, outcome: Outcome) -> bytes:
        """Return the entry that ends the stream."""
        name, data = last_event(self.response(call, outcome))
        return name.encode() + b" " + data

    def event(self, entry: bytes, event_id: str) -> bytes:
        """Return an entry as it is sent."""
        name, _, data = entry.partition(b" ")
        return sse.encode(data, event_id, name.decode())

    def opening(self, event_id: str) -> bytes:
        """Return what a stream begins with that has no event yet.

        With an id from the first moment on, a caller who comes back never makes a second call.
        """
        return sse.only_id(event_id)


PLAIN = Plain("http")
ASYNC = Kind("async", is_awaited=False)
STREAM = Streamed("stream")
#: A call of one host of a service that is asked as a whole.
MEMBER = Kind("member")
#: A call that a client made on its WebSocket.
MONOLOGUE = Kind("monologue")
