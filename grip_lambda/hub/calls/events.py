"""The events of streamed calls: kept in a log, and published to whoever reads it.

The log is named like the call's token. What its entries are, the kind of the call says; they come
from whichever process takes the host's answers.
"""

from __future__ import annotations

import logging
import time

from ...errors import PublishError
from ...grip.nodes import Nodes
from ...store import Call, Entry, Outcome, Store
from ...store.facts import RESULT_KEPT_S
from ..access import Limits
from ..channels import log_channel
from ..order import Order
from .kinds import STREAM, Streamed, kind_of

log = logging.getLogger(__name__)

#: So many events of a call are kept.
EVENTS_MAX = 100_000


class CallEvents:
    """Adds events."""

    def __init__(self, store: Store, nodes: Nodes, limits: Limits) -> None:
        self._store = store
        self._nodes = nodes
        self._limits = limits
        self._order = Order()

    def progress(self, call: Call, connection: str, value: bytes, now: float) -> None:
        """Add what a host reports, a JSON text, if the caller wants to know it.

        Args:
            connection: that of the host, which must have been asked.

        Raises:
            Busy: there are too many.
        """
        event = stream_kind(call).progress(call, value, lambda: self._previous(call, now))
        if event is not None:
            with self._order.turn(call.lambda_id, call.token):
                self._add(call, event, now, connection=connection)

    def finish(self, call: Call, outcome: Outcome) -> None:
        """Add the last event of a call that has ended."""
        with self._order.turn(call.lambda_id, call.token):
            self._add(call, stream_kind(call).last(call, outcome), time.time(), final=True)

    def _previous(self, call: Call, now: float) -> bytes:
        """Return the data of the last event; empty if there is none."""
        read = self._store.logs.read
        tail = read(call.lambda_id, call.token, EVENTS_MAX, now)
        if tail is None or not tail.last:
            return b""
        tail = read(call.lambda_id, call.token, tail.last - 1, now)
        return tail.entries[-1].data.partition(b" ")[2] if tail and tail.entries else b""

    def _add(
        self,
        call: Call,
        event: bytes,
        now: float,
        *,
        connection: str | None = None,
        final: bool = False,
    ) -> None:
        lives_s = lives(call, now)
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
            most=EVENTS_MAX,
        )
        if added is None:
            return
        self._limits.keep(call.client, len(event), lives_s)
        if not added.reader.hold:
            return
        channel = log_channel(call.lambda_id, call.token, added.reader.hold)
        data = encode(stream_kind(call), call.token, Entry(added.seq, event))
        try:
            node = self._nodes[added.reader.node]
            node.stream(channel, added.seq, data)
            if final:
                node.end_stream(channel, added.seq + 1)
        except PublishError as error:
            log.info("an event waits for its caller: %s", error)


def stream_kind(call: Call | None) -> Streamed:
    """Return the kind of a streamed call; that of most if the call is not known any more."""
    kind = STREAM if call is None else kind_of(call)
    assert isinstance(kind, Streamed), kind
    return kind


def lives(call: Call, now: float) -> float:
    """Return for how many seconds more the events of a call are kept."""
    return max(0.0, call.deadline - now) + RESULT_KEPT_S


def event_id(token: str, seq: int) -> str:
    """Return the id with which a caller comes back after an event."""
    return f"{token}.{seq}"


def encode(kind: Streamed, token: str, entry: Entry) -> bytes:
    """Return an event as it is sent."""
    return kind.event(entry.data, event_id(token, entry.seq))
