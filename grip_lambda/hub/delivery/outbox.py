"""What is sent to hosts without WebSocket: stored first, then published to whoever reads."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable

import orjson

from ...errors import PublishError
from ...grip.nodes import Nodes
from ...grip.pace import Lost
from ...protocol import sse
from ...protocol.ids import EventId
from ...settings import NEXT_S
from ...store import Call, Entry, Host, Reader, Store
from ..channels import log_channel
from ..order import Order
from .closing import Closing

log = logging.getLogger(__name__)

SSE = "sse"
POLL = "poll"
#: Tells the next poll where to go on.
CURSOR = "Last-Event-ID"
#: For how long a host's log is kept after it was last read or written, in seconds.
LIVES_S = 120.0
#: How late Pushpin may end a poll, should nobody else do it, in seconds.
LATE_S = 7.0
#: A stream's next link is asked at least this often, in seconds, unless its host is gone.
SEEN_S = 2.0 * NEXT_S
#: For so many seconds a message that belongs to no call waits for a host that is away.
_TOLD_S = 60.0


class Outbox:
    """The logs of hosts: each has one named like its connection."""

    is_connected = False

    def __init__(self, store: Store, nodes: Nodes, secret: bytes) -> None:
        self._store = store
        self._nodes = nodes
        self._secret = secret
        self._order = Order()

    def ensure_reachable(self, host: Host) -> None:
        """Do nothing: a message waits for its host, which may be on its way to another Pushpin."""

    def send(
        self,
        lambda_id: str,
        host: Host,
        message: bytes,
        call: Call | None = None,
        *,
        lost: Lost | None = None,
        wait: bool = False,
    ) -> None:
        """Send a message to a host, now or when it is back; see Transport."""
        with self._order.turn(lambda_id, host.connection):
            self._send(lambda_id, host.connection, message, call)

    def _send(self, lambda_id: str, connection: str, message: bytes, call: Call | None) -> None:
        now = time.time()
        added = self._store.logs.append(
            lambda_id,
            connection,
            message,
            now,
            until=now + _TOLD_S if call is None else call.deadline,
            lives_s=LIVES_S,
            connection=connection,
            call=None if call is None else call.token,
        )
        if added is None or not added.reader.hold:
            return  # it holds the lambda no more, or is away
        entry = Entry(added.seq, message)
        try:
            self._publish(lambda_id, connection, entry, added.reader)
        except PublishError as error:
            log.info("a message waits for its host: %s", error)

    def _publish(self, lambda_id: str, connection: str, entry: Entry, reader: Reader) -> None:
        node = self._nodes[reader.node]
        channel = log_channel(lambda_id, connection, reader.hold)
        if reader.kind == SSE:
            node.stream(channel, entry.seq, self.events(lambda_id, connection, [entry]))
        elif entry.seq == reader.seen + 1:  # a later one comes with the next poll
            cursor = EventId(lambda_id, connection, entry.seq).encode(self._secret)
            node.reply(channel, 200, array([entry]), {CURSOR: cursor})

    def events(self, lambda_id: str, connection: str, entries: Iterable[Entry]) -> bytes:
        """Return messages as server-sent events."""
        return b"".join(
            sse.encode(entry.data, EventId(lambda_id, connection, entry.seq).encode(self._secret))
            for entry in entries
        )

    def close(self, lambda_id: str, host: Host, why: Closing) -> None:
        """End what a host is connected with now: its stream, or its poll with an error."""
        connection, error = host.connection, why.error
        tail = self._store.logs.read(lambda_id, connection, 0, time.time())
        if tail is not None and tail.reader.hold and tail.away_since is None:
            body = orjson.dumps({"error": str(error), "code": error.code})
            self.end_hold(lambda_id, connection, tail.reader, error.status, body)

    def is_held(self, lambda_id: str, connection: str, reader: Reader) -> bool | None:
        """Tell whether a hold is in place; None where that can't be seen."""
        try:
            node = self._nodes[reader.node]
        except PublishError:
            return None
        return node.is_held(log_channel(lambda_id, connection, reader.hold))

    def end_hold(
        self,
        lambda_id: str,
        connection: str,
        reader: Reader,
        status: int = 200,
        body: bytes = b"[]",
    ) -> None:
        """End a hold: a stream by itself, a poll with a body and the cursor that it came with."""
        channel = log_channel(lambda_id, connection, reader.hold)
        try:
            node = self._nodes[reader.node]
            if reader.kind == SSE:
                node.ask_again(channel)  # its next link tells Pushpin that it is over
            else:
                node.reply(channel, status, body)
        except PublishError as error_:
            log.info("a host was not told: %s", error_)


def array(entries: Iterable[Entry]) -> bytes:
    """Return messages as a JSON array."""
    return b"[%b]" % b",".join(entry.data for entry in entries)
