"""Streamed calls: progress as the host reports it, then how the call has ended.

The events of a call are a log (store/logs.py) that is named like its token; an entry is the name of
the event, a space and its data. Its caller reads it with a hold, and may come back.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from ..errors import Busy, NotFound, PublishError
from ..grip.nodes import Nodes
from ..protocol import ids, sse
from ..protocol.signed import sign, unsign
from ..store import Call, Entry, Outcome, Store, Tail, Wait
from ..store.facts import RESULT_KEPT_S
from . import outcomes
from .channels import log_channel, parse_log_channel
from .replies import last_event, render
from .results import READ

log = logging.getLogger(__name__)

#: The kind of these calls.
STREAM = "stream"
#: What signatures of links are for.
_LINK = "events"
#: So many events of a call are kept.
_EVENTS_MAX = 100_000
#: Pushpin asks a stream's link every ten seconds; where it does not, nobody reads.
_SILENT_S = 25.0


@dataclass(frozen=True)
class Piece:
    """What a caller is sent of a stream, and what follows.

    Attributes:
        body: events.
        channel: where the next ones will be published; None at the end of the stream.
        last: the number of the last event in the body, or before it.
        link: what Pushpin asks where it misses one.
    """

    body: bytes
    channel: str | None = None
    last: int = 0
    link: str = ""


class Streams:
    """The events of streamed calls."""

    def __init__(
        self,
        store: Store,
        nodes: Nodes,
        end: Callable[[str, str, Outcome], None],
        *,
        secret: bytes,
        grace_s: float,
    ) -> None:
        """Keep events in ``store``, and publish them.

        Args:
            end: ends a call, given its lambda, its token and its outcome, and tells its host.
            secret: what links are signed with.
            grace_s: seconds that a caller may be away.
        """
        self._secret = secret
        self._store = store
        self._nodes = nodes
        self._end = end
        self._grace_s = grace_s

    def open(self, call: Call) -> Piece:
        """Begin to send the events of a call that was just entered."""
        return self._attach(call, call.node, 0, time.time())

    def resume(self, lambda_id: str, event_id: str, key: str, node: str) -> Piece | None:
        """Go on after an event; None where nothing follows it.

        Args:
            event_id: the last event that the caller has.
            key: the id of its API key.

        Raises:
            NotFound: it is none of a call to this lambda that is known.
        """
        now = time.time()
        token, _, seq = event_id.rpartition(".")
        is_one = ids.is_call_token(token) and seq.isascii() and seq.isdigit() and len(seq) < 10
        known = self._store.get_call(lambda_id, token, now) if is_one else None
        tail = self._store.logs.read(lambda_id, token, int(seq), now) if known else None
        if known is None or tail is None or known[0].key != key or known[0].kind != STREAM:
            raise NotFound("no such event is known; a streamed call is kept for ten minutes")
        if tail.final and not tail.entries:
            return None
        return self._attach(known[0], node, int(seq), now)

    def follow(self, link: str, grip_last: str) -> Piece:
        """Tell Pushpin how a stream goes on that it holds: what is missing, or the end.

        Args:
            link: the signed part of the address that Pushpin was given.
            grip_last: the header with which Pushpin says what the stream had last.
        """
        channel, _, given = grip_last.partition(";")
        known = parse_log_channel(unsign(self._secret, _LINK, link) or "")
        seq = given.partition("last-id=")[2].strip()
        if known is None or log_channel(*known) != channel.strip() or not seq.isdigit():
            raise NotFound("this address is for the proxy; read the stream where you called")
        last = int(seq)
        lambda_id, token, hold = known
        now = time.time()
        tail = self._store.logs.read(lambda_id, token, last, now)
        if tail is None or tail.reader.hold != hold:
            return Piece(b"")
        if not tail.final:
            self._awaited(lambda_id, token, now, _SILENT_S)
        return self._piece(lambda_id, token, tail, last)

    def left(self, channel: str) -> None:
        """Note that nobody holds a stream any more; its caller has a little time to come back."""
        known = parse_log_channel(channel)
        if known is None or not ids.is_call_token(known[1]):
            return
        lambda_id, token, hold = known
        now = time.time()
        if self._store.logs.detach(lambda_id, token, hold, now):
            self._awaited(lambda_id, token, now, self._grace_s)

    def progressed(self, lambda_id: str, connection: str, token: str, value: bytes) -> None:
        """Pass on what a host reports of a call; only of streamed ones is it kept.

        Args:
            connection: that of the host, which must have been asked.
            value: a JSON text.
        """
        now = time.time()
        known = self._store.get_call(lambda_id, token, now)
        if known is None or known[0].kind != STREAM or known[1] is not None:
            return
        try:
            self._add(known[0], b"progress " + value, now, connection=connection)
        except Busy:
            log.info("%s: a call had more progress than is kept", lambda_id)
            self._end(lambda_id, token, outcomes.TOO_MUCH)

    def finish(self, call: Call, outcome: Outcome) -> None:
        """Send the last event of a call that has ended."""
        name, data = last_event(render(call, outcome))
        self._add(call, name.encode() + b" " + data, time.time(), final=True)

    def _add(
        self,
        call: Call,
        event: bytes,
        now: float,
        *,
        connection: str | None = None,
        final: bool = False,
    ) -> None:
        lives_s = max(0.0, call.deadline - now) + RESULT_KEPT_S
        added = self._store.logs.append(
            call.lambda_id,
            call.token,
            event,
            now,
            until=now + lives_s,
            lives_s=lives_s,
            connection=connection,
            call=None if final else call.token,
            final=final,
            most=_EVENTS_MAX,
        )
        if added is None or not added.reader.hold:
            return
        channel = log_channel(call.lambda_id, call.token, added.reader.hold)
        data = _encode(call.token, Entry(added.seq, event))
        try:
            node = self._nodes[added.reader.node]
            node.stream(channel, added.seq, data)
            if final:
                node.end_stream(channel, added.seq + 1)
        except PublishError as error:
            log.info("an event waits for its caller: %s", error)

    def _attach(self, call: Call, node: str, after: int, now: float) -> Piece:
        lives_s = max(0.0, call.deadline - now) + RESULT_KEPT_S
        tail = self._store.logs.attach(
            call.lambda_id,
            call.token,
            after,
            now,
            node=node,
            kind="sse",
            until=now + _SILENT_S,
            lives_s=lives_s,
        )
        if not tail.final:
            self._awaited(call.lambda_id, call.token, now, _SILENT_S)
        return self._piece(call.lambda_id, call.token, tail, after)

    def _piece(self, lambda_id: str, token: str, tail: Tail, after: int) -> Piece:
        body = b"".join(_encode(token, entry) for entry in tail.entries)
        if tail.final:
            return Piece(body)
        last = tail.entries[-1].seq if tail.entries else after
        channel = log_channel(lambda_id, token, tail.reader.hold)
        # With an id from the first moment on, who comes back never makes a second call.
        body = body or sse.only_id(f"{token}.{last}")
        return Piece(
            body, channel, last, f"/calls/{token}/events/{sign(self._secret, _LINK, channel)}"
        )

    def _awaited(self, lambda_id: str, token: str, now: float, seconds: float) -> None:
        """Have the call cancelled unless its caller shows by then."""
        wait = Wait(f"{token}-read", token, lambda_id, "", now + seconds, READ)
        self._store.wait_for(wait, now)


def _encode(token: str, entry: Entry) -> bytes:
    name, _, data = entry.data.partition(b" ")
    return sse.encode(data, f"{token}.{entry.seq}", name.decode())
