"""Streamed calls: progress as the host reports it, then how the call has ended.

The events of a call are a log (store/logs.py) that is named like its token; an entry is the name of
the event, a space and its data. Its caller reads it with a hold, and may come back.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from ...errors import Busy, NotFound, PublishError, RateLimited
from ...grip.nodes import Nodes
from ...protocol import ids, sse
from ...protocol.signed import sign, unsign
from ...store import Call, Entry, Outcome, Store, Tail, Wait
from ...store.facts import RESULT_KEPT_S
from ..access import Limits
from ..channels import is_number, log_channel, parse_log_channel
from . import outcomes
from .kept import READ
from .kinds import MCP_STREAM, mcp_progress
from .replies import last_event, render

log = logging.getLogger(__name__)

#: The kind of these calls.
STREAM = "stream"
#: All kinds that are answered with events.
STREAMS = frozenset({STREAM, MCP_STREAM})
#: An event without an id, as its reader can't come back.
_MCP = b"mcp"
#: How long a reader may be away that can't come back, in seconds: its proxy may be about to.
_MCP_GRACE_S = 0.5
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
        nodes: Nodes,
        end: Callable[[str, str, Outcome], None],
        limits: Limits,
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
        self._limits = limits
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

    def host(self, service: str, event_id: str) -> str:
        """Return the host that was chosen for the call of an event.

        Raises:
            NotFound: it is none of a call of this service that is known.
        """
        token = event_id.rpartition(".")[0]
        known = self._store.find_call(token, time.time()) if ids.is_call_token(token) else None
        if known is None or known.call.service != service:
            raise NotFound("no such event is known; a streamed call is kept for ten minutes")
        return known.call.lambda_id

    def maker(self, lambda_id: str, event_id: str) -> str:
        """Return the id of the API key that made the call of an event; empty if it is unknown."""
        token = event_id.rpartition(".")[0]
        is_one = ids.is_call_token(token)
        known = self._store.get_call(lambda_id, token, time.time()) if is_one else None
        return "" if known is None else known.call.key

    def reopen(self, lambda_id: str, event_id: str, key: str, node: str) -> Piece | None:
        """Go on after an event; None where nothing follows it.

        Args:
            event_id: the last event that the caller has.
            key: the id of its API key.

        Raises:
            NotFound: it is none of a call to this lambda that is known.
        """
        now = time.time()
        token, _, seq = event_id.rpartition(".")
        is_one = ids.is_call_token(token) and is_number(seq)
        known = self._store.get_call(lambda_id, token, now) if is_one else None
        tail = self._store.logs.read(lambda_id, token, int(seq), now) if known else None
        if known is None or tail is None or known.call.key != key or known.call.kind != STREAM:
            raise NotFound("no such event is known; a streamed call is kept for ten minutes")
        if tail.final and not tail.entries:
            return None
        return self._attach(known.call, node, int(seq), now)

    def follow(self, link: str, grip_last: str) -> Piece:
        """Tell Pushpin how a stream goes on that it holds: what is missing, or the end.

        Args:
            link: the signed part of the address that Pushpin was given.
            grip_last: the header with which Pushpin says what the stream had last.
        """
        channel, _, given = grip_last.partition(";")
        known = parse_log_channel(unsign(self._secret, _LINK, link) or "")
        seq = given.partition("last-id=")[2].strip()
        if known is None or log_channel(*known) != channel.strip() or not is_number(seq):
            raise NotFound("this address is for the proxy; read the stream where you called")
        last = int(seq)
        lambda_id, token, hold = known
        now = time.time()
        tail = self._store.logs.read(lambda_id, token, last, now)
        if tail is None or tail.reader.hold != hold:
            return Piece(b"")
        if not tail.final:
            self._awaited(lambda_id, token, now, _SILENT_S)
        found = self._store.get_call(lambda_id, token, now)
        kind = STREAM if found is None else found.call.kind
        return self._piece(lambda_id, token, tail, last, kind)

    def left(self, channel: str) -> None:
        """Note that nobody holds a stream any more; its caller has a little time to come back."""
        known = parse_log_channel(channel)
        if known is None or ids.HttpConnection.is_one(known[1]):
            return
        lambda_id, token, hold = known
        now = time.time()
        if self._store.logs.detach(lambda_id, token, hold, now):
            found = self._store.get_call(lambda_id, token, now)
            is_mcp = found is not None and found.call.kind == MCP_STREAM
            self._awaited(lambda_id, token, now, _MCP_GRACE_S if is_mcp else self._grace_s)

    def progressed(self, lambda_id: str, connection: str, token: str, value: bytes) -> None:
        """Pass on what a host reports of a call; only of streamed ones is it kept.

        Args:
            connection: that of the host, which must have been asked.
            value: a JSON text.
        """
        now = time.time()
        known = self._store.get_call(lambda_id, token, now)
        if known is None or known.call.kind not in STREAMS or known.outcome is not None:
            return
        event = self._progress(known.call, value, now)
        if event is None:
            return
        try:
            self._add(known.call, event, now, connection=connection)
        except Busy:
            log.info("%s: a call had more progress than is kept", lambda_id)
            self._end(lambda_id, token, outcomes.TOO_MUCH)

    def _progress(self, call: Call, value: bytes, now: float) -> bytes | None:
        """Return an entry of what a host reports; None if nobody wants to know."""
        if call.kind != MCP_STREAM:
            return b"progress " + value

        def previous() -> bytes:
            read = self._store.logs.read
            tail = read(call.lambda_id, call.token, _EVENTS_MAX, now)
            if tail is None or not tail.last:
                return b""
            tail = read(call.lambda_id, call.token, tail.last - 1, now)
            return tail.entries[-1].data.partition(b" ")[2] if tail and tail.entries else b""

        told = mcp_progress(call, value, previous)
        return None if told is None else _MCP + b" " + told

    def finish(self, call: Call, outcome: Outcome) -> None:
        """Send the last event of a call that has ended."""
        shown = render(call, outcome)
        if call.kind == MCP_STREAM:
            event = _MCP + b" " + shown.body
        else:
            name, data = last_event(shown)
            event = name.encode() + b" " + data
        self._add(call, event, time.time(), final=True)

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
        if added is None:
            return
        self._limits.keep(call.client, len(event), lives_s)
        if not added.reader.hold:
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
        piece = self._piece(call.lambda_id, call.token, tail, after, call.kind)
        return replace(piece, host=call.lambda_id) if call.service else piece

    def _piece(self, lambda_id: str, token: str, tail: Tail, after: int, kind: str) -> Piece:
        body = b"".join(_encode(token, entry) for entry in tail.entries)
        if tail.final:
            return Piece(body)
        last = tail.entries[-1].seq if tail.entries else after
        channel = log_channel(lambda_id, token, tail.reader.hold)
        # With an id from the first moment on, who comes back never makes a second call.
        body = body or (sse.COMMENT if kind == MCP_STREAM else sse.only_id(f"{token}.{last}"))
        return Piece(
            body, channel, last, f"/calls/{token}/events/{sign(self._secret, _LINK, channel)}"
        )

    def _awaited(self, lambda_id: str, token: str, now: float, seconds: float) -> None:
        """Have the call cancelled unless its caller shows by then."""
        wait = Wait(f"{token}-read", token, lambda_id, "", now + seconds, READ)
        with suppress(RateLimited):  # so many others wait for it that it goes on
            self._store.wait_for(wait, now)


def _encode(token: str, entry: Entry) -> bytes:
    name, _, data = entry.data.partition(b" ")
    if name == _MCP:
        return sse.encode(data, name="message")
    return sse.encode(data, f"{token}.{entry.seq}", name.decode())
