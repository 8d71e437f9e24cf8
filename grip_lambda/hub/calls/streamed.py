"""Streamed calls as their callers read them, who may lose the connection and come back.

The events are those of events.py. A call that nobody reads any more is cancelled.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from ...errors import Busy, NotFound, RateLimited
from ...protocol import ids
from ...store import Call, KnownCall, Outcome, Store, Tail, Wait
from ..channels import is_number, log_channel, parse_log_channel
from ..feeds import Link
from . import outcomes
from .events import CallEvents, encode, event_id, lives, stream_kind
from .kinds import Streamed, kind_of

log = logging.getLogger(__name__)

#: The name of the wait that ends when nobody reads the events any more; see KeptCalls.waited.
READ = "read"
#: Pushpin asks a stream's link every ten seconds; if it does not, nobody reads.
_SILENT_S = 25.0


@dataclass(frozen=True)
class Piece:
    """What a caller is sent of a stream, and what follows.

    Attributes:
        body: events.
        channel: where the next ones will be published; None at the end of the stream.
        last: the number of the last event in the body, or before it.
        link: what Pushpin asks where it misses one.
        host: the host of a service that was chosen; empty if none was.
    """

    body: bytes
    channel: str | None = None
    last: int = 0
    link: str = ""
    host: str = ""


class StreamedCalls:
    """The events of streamed calls."""

    def __init__(
        self,
        store: Store,
        events: CallEvents,
        end: Callable[[str, str, Outcome], None],
        *,
        link: Link,
        grace_s: float,
    ) -> None:
        """Prepare to read.

        Args:
            end: ends a call, given its lambda, its token and its outcome, and tells its host.
            link: where Pushpin asks how a stream goes on.
            grace_s: seconds that a caller may be away.
        """
        self._link = link
        self._store = store
        self._events = events
        self._end = end
        self._grace_s = grace_s

    def open(self, call: Call) -> Piece:
        """Begin to send the events of a call that was just entered."""
        return self._attach(call, call.node, 0, time.time())

    def begin(self, call: Call) -> None:
        """Expect the caller of a call that was just entered to read its events in a moment."""
        self._awaited(call.lambda_id, call.token, time.time(), _SILENT_S)

    def read(self, lambda_id: str, token: str, node: str) -> Piece:
        """Send the events of a call from the first one on.

        Raises:
            NotFound: it is not known.
        """
        now = time.time()
        known = self._store.get_call(lambda_id, token, now)
        if known is None:
            raise NotFound("no such call is known; a streamed call is kept for ten minutes")
        return self._attach(known.call, node, 0, now)

    def host(self, service: str, after: str) -> str:
        """Return the host that was chosen for the call of an event.

        Raises:
            NotFound: it is none of a call of this service that is known.
        """
        token = after.rpartition(".")[0]
        known = self._store.find_call(token, time.time()) if ids.is_call_token(token) else None
        if known is None or known.call.service != service:
            raise NotFound("no such event is known; a streamed call is kept for ten minutes")
        return known.call.lambda_id

    def maker(self, lambda_id: str, after: str) -> str:
        """Return the id of the API key that made the call of an event; empty if it is unknown."""
        known = self._known(lambda_id, after, time.time())
        return "" if known is None else known.call.key

    def _known(self, lambda_id: str, after: str, now: float) -> KnownCall | None:
        token = after.rpartition(".")[0]
        return self._store.get_call(lambda_id, token, now) if ids.is_call_token(token) else None

    def reopen(self, lambda_id: str, after: str, key: str, node: str) -> Piece | None:
        """Go on after an event; None if nothing follows it.

        Args:
            after: the id of the last event that the caller has.
            key: the id of its API key.

        Raises:
            NotFound: it is none of a call to this lambda that is known.
        """
        now = time.time()
        token, _, seq = after.rpartition(".")
        known = self._known(lambda_id, after, now) if is_number(seq) else None
        tail = self._store.logs.read(lambda_id, token, int(seq), now) if known else None
        if known is None or tail is None or known.call.key != key or not _may_return(known.call):
            raise NotFound("no such event is known; a streamed call is kept for ten minutes")
        if tail.final and not tail.entries:
            return None
        return self._attach(known.call, node, int(seq), now)

    def follow(self, link: str, grip_last: str) -> Piece:
        """Tell Pushpin how a stream goes on that it holds: what is missing, or the end.

        Args:
            link: the signed part of the address that Pushpin was given.
            grip_last: the header with which Pushpin says what the stream had last.

        Raises:
            NotFound: we have not made this link.
        """
        lambda_id, token, hold, last = self._link.followed(link, grip_last)
        now = time.time()
        tail = self._store.logs.read(lambda_id, token, last, now)
        if tail is None or tail.reader.hold != hold:
            return Piece(b"")
        if not tail.final:
            self._awaited(lambda_id, token, now, _SILENT_S)
        found = self._store.get_call(lambda_id, token, now)
        kind = stream_kind(None if found is None else found.call)
        piece = self._piece(lambda_id, token, tail, last, kind)
        if piece.channel is not None:
            self._link.go_on(tail.reader.node, piece.channel)
        return piece

    def left(self, channel: str) -> None:
        """Note that nobody holds a stream any more; its caller has a little time to come back."""
        known = parse_log_channel(channel)
        if known is None or ids.HttpConnection.is_one(known[1]):
            return
        lambda_id, token, hold = known
        now = time.time()
        if self._store.logs.detach(lambda_id, token, hold, now):
            found = self._store.get_call(lambda_id, token, now)
            away_s = stream_kind(None if found is None else found.call).away_s
            self._awaited(lambda_id, token, now, self._grace_s if away_s is None else away_s)

    def progressed(self, lambda_id: str, connection: str, token: str, value: bytes) -> None:
        """Pass on what a host reports of a call; only of streamed ones is it kept.

        Args:
            connection: that of the host, which must have been asked.
            value: a JSON text.
        """
        now = time.time()
        known = self._store.get_call(lambda_id, token, now)
        if known is None or not kind_of(known.call).is_streamed or known.outcome is not None:
            return
        try:
            self._events.progress(known.call, connection, value, now)
        except Busy:
            log.info("%s: a call had more progress than is kept", lambda_id)
            self._end(lambda_id, token, outcomes.TOO_MUCH)

    def _attach(self, call: Call, node: str, after: int, now: float) -> Piece:
        tail = self._store.logs.attach(
            call.lambda_id,
            call.token,
            after,
            now,
            node=node,
            kind="sse",
            until=now + _SILENT_S,
            lives_s=lives(call, now),
        )
        if not tail.final:
            self._awaited(call.lambda_id, call.token, now, _SILENT_S)
        piece = self._piece(call.lambda_id, call.token, tail, after, stream_kind(call))
        return replace(piece, host=call.lambda_id) if call.service else piece

    def _piece(self, lambda_id: str, token: str, tail: Tail, after: int, kind: Streamed) -> Piece:
        body = b"".join(encode(kind, token, entry) for entry in tail.entries)
        if tail.final:
            return Piece(body)
        last = tail.entries[-1].seq if tail.entries else after
        channel = log_channel(lambda_id, token, tail.reader.hold)
        body = body or kind.opening(event_id(token, last))
        return Piece(body, channel, last, f"/call-streams/{self._link.link}")

    def _awaited(self, lambda_id: str, token: str, now: float, seconds: float) -> None:
        """Have the call cancelled unless its caller shows by then."""
        wait = Wait(f"{token}-read", token, lambda_id, "", now + seconds, READ)
        with suppress(RateLimited):  # so many others wait for it that it goes on
            self._store.wait_for(wait, now)


def _may_return(call: Call) -> bool:
    kind = kind_of(call)
    return isinstance(kind, Streamed) and kind.can_return
