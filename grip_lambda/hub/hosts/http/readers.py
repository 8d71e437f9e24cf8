"""Hosts without WebSocket: streams and polls. What they answer comes by post; see uploads.py.

Each has a log (delivery/outbox.py) named like its connection, which is a name made here. An event
id says how far a host has read; it is all that a request has to bring to go on.
"""

from __future__ import annotations

import logging
import math
import time
from dataclasses import dataclass, replace

from ....errors import Forbidden
from ....protocol import ids
from ....protocol.ids import EventId, HttpConnection
from ....settings import Settings
from ....store import Entry, Reader, Store, Tail
from ...channels import log_channel, parse_log_channel
from ...delivery import LATE_S, LIVES_S, POLL, SEEN_S, SSE, Outbox
from ...feeds import Link
from ..registry import Hosts
from .event_ids import EventIds
from .reads import HostRequest, Polled, Stream
from .unacknowledged import Pending, Unacknowledged

log = logging.getLogger(__name__)

#: A hold is in place after so many seconds, or its client has gone.
_HELD_S = 3.0


@dataclass(frozen=True)
class _Held:
    """A hold, when it was asked for, and when it is to be looked at."""

    since: float
    reader: Reader
    due: float


class HttpHosts:
    """What the requests of hosts without WebSocket mean."""

    def __init__(
        self,
        store: Store,
        hosts: Hosts,
        outbox: Outbox,
        unacknowledged: Unacknowledged,
        *,
        settings: Settings,
        link: Link,
    ) -> None:
        self._store = store
        self._hosts = hosts
        self._outbox = outbox
        self._secret = settings.secret
        self._link = link
        self._grace_s = settings.grace_s
        self._unacknowledged = unacknowledged
        self._events = EventIds(store, hosts, unacknowledged, settings.secret)
        #: The latest hold of each connection that this process has to look after.
        self._holds: dict[tuple[str, str], _Held] = {}

    def opener(self, event_id: str) -> str:
        """Return the id of the API key that opened the lambda of an event; see EventIds."""
        return self._events.opener(event_id)

    # Streams

    def stream(self, client: HostRequest) -> Stream:
        """Open a lambda whose host reads a stream, or go on with it.

        Raises:
            BadRequest, Forbidden, Unauthorized: as Hosts.open, or the event id is forged.
            TakenOver, Cancelled: the event id is of no use any more.
            Busy: too many openings of this id wait to be acknowledged.
        """
        now = time.time()
        event = self._events.of(client)
        if event is None or not self._events.goes_on(event, now):
            pending, message = self._open(client, event, now)
            event = EventId(pending.session.lambda_id, pending.connection, 0)
            body = self._outbox.events(event.lambda_id, event.connection, [Entry(0, message)])
        else:
            body = b""
        tail = self._attach(event, client.connection.node, SSE, now, now + SEEN_S)
        self._store.renew_lambda(
            event.lambda_id, event.connection, now + SEEN_S + self._grace_s, now
        )
        return self._stream(event, tail, body)

    def next(self, link: str, grip_last: str) -> Stream | None:
        """Go on with a stream that Pushpin holds, or end it.

        Args:
            link: as in Stream.
            grip_last: the header with which Pushpin says what the stream had last.

        Raises:
            NotFound: we have not made this link.
            StoreError: Pushpin is to ask again.
        """
        lambda_id, connection, hold, last = self._link.followed(link, grip_last)
        now = time.time()
        event = EventId(lambda_id, connection, last)
        tail = self._store.logs.read(lambda_id, connection, event.seq, now, lives_s=LIVES_S)
        if tail is None or tail.reader.hold != hold or not self._events.is_wanted(event, now):
            return None
        self._renew(event, now + SEEN_S, now)
        found = self._stream(event, tail, b"")
        self._link.go_on(tail.reader.node, found.channel)
        return found

    def _stream(self, event: EventId, tail: Tail, body: bytes) -> Stream:
        channel = log_channel(event.lambda_id, event.connection, tail.reader.hold)
        body += self._outbox.events(event.lambda_id, event.connection, tail.entries)
        return Stream(channel, tail.last, self._link.link, body)

    # Polls

    def poll(self, client: HostRequest, wait_s: float) -> Polled:
        """Open a lambda whose host polls, or give it the messages that it has not seen.

        Raises:
            as ``stream``.
        """
        now = time.time()
        event = self._events.of(client)
        if event is None or not self._events.goes_on(event, now):
            pending, message = self._open(client, event, now)
            event = EventId(pending.session.lambda_id, pending.connection, 0)
            return Polled([Entry(0, message)], event.encode(self._secret))
        tail = self._store.logs.read(event.lambda_id, event.connection, event.seq, now)
        if tail is None or not tail.entries:
            tail = self._attach(event, client.connection.node, POLL, now, now + wait_s)
        if tail.entries:
            self._renew(event, now, now)
            return self._polled(event, tail)
        until = now + wait_s
        self._store.renew_lambda(
            event.lambda_id, event.connection, until + LATE_S + self._grace_s, now
        )
        return self._held(event, client.last, tail.reader, wait_s)

    def repeated_poll(self, client: HostRequest, grip_last: str, wait_s: float) -> Polled:
        """Answer a poll that Pushpin repeats: with what has come meanwhile, or a hold once more.

        Raises:
            as ``stream``.
        """
        event = self._events.of(client)
        place = parse_log_channel(grip_last.partition(";")[0].strip())
        if event is None or place is None or place[:2] != (event.lambda_id, event.connection):
            raise Forbidden("this is not how a poll goes on")
        now = time.time()
        if not self._events.goes_on(event, now):
            return Polled([], client.last)
        tail = self._store.logs.read(event.lambda_id, event.connection, event.seq, now)
        if tail is None or tail.reader.hold != place[2]:
            return Polled([], client.last)
        if tail.entries:
            return self._polled(event, tail)
        self._renew(event, tail.reader.until + LATE_S, now)
        return self._held(event, client.last, tail.reader, wait_s)

    def _polled(self, event: EventId, tail: Tail) -> Polled:
        cursor = replace(event, seq=tail.entries[-1].seq)
        return Polled(tail.entries, cursor.encode(self._secret))

    def _held(self, event: EventId, cursor: str, reader: Reader, wait_s: float) -> Polled:
        channel = log_channel(event.lambda_id, event.connection, reader.hold)
        return Polled([], cursor, channel, math.ceil(wait_s) + 1)

    def look_after(self) -> None:
        """End the polls whose time is over, and notice who left before being held."""
        now = time.time()
        for key, held in list(self._holds.items()):
            if now < held.due or self._holds.get(key) is not held:
                continue  # or a later one came just now
            reader = held.reader
            if now >= reader.until and reader.kind == POLL:
                self._outbox.end_hold(*key, reader)
            elif self._outbox.is_held(*key, reader) is False:
                self._left(*key, reader.hold, held.since)
            elif reader.kind == POLL:
                self._holds[key] = replace(held, due=reader.until)
                continue
            self._holds.pop(key, None)

    # Both

    def left(self, channel: str) -> None:
        """Note that nobody is held on a channel any more."""
        place = parse_log_channel(channel)
        if place is None or not HttpConnection.is_one(place[1]):
            return
        self._left(*place, time.time())

    def _left(self, lambda_id: str, connection: str, hold: int, since: float) -> None:
        expires = since + self._grace_s
        self._store.logs.detach(lambda_id, connection, hold, time.time(), expires=expires)

    def _renew(self, event: EventId, until: float, now: float) -> None:
        """Note that a host is connected until then at the latest, if it holds its lambda."""
        expires = until + self._grace_s
        self._store.renew_lambda(event.lambda_id, event.connection, expires, now)

    def _attach(self, event: EventId, node: str, kind: str, now: float, until: float) -> Tail:
        """Begin to read with a new hold, and end the one before."""
        tail = self._store.logs.attach(
            event.lambda_id,
            event.connection,
            event.seq,
            now,
            node=node,
            kind=kind,
            until=until,
            lives_s=until - now + LIVES_S,
            trim=True,
        )
        key = (event.lambda_id, event.connection)
        self._holds[key] = _Held(now, tail.reader, min(now + _HELD_S, until))
        if tail.previous is not None:
            self._outbox.end_hold(event.lambda_id, event.connection, tail.previous)
        return tail

    def _open(
        self, client: HostRequest, event: EventId | None, now: float
    ) -> tuple[Pending, bytes]:
        opening = client.opening
        if event is not None:  # its lambda is gone; the event id is as good as the token
            generation = HttpConnection.parse(event.connection).generation
            token = ids.reopen_token(self._secret, event.lambda_id, generation)
            opening = replace(opening, wanted=event.lambda_id, token=token)
        session, message = self._hosts.open(opening)
        connection = str(HttpConnection.new(session.generation, now))
        where = client.connection
        pending = Pending(
            session, connection, where.node, where.transport, where.headers(), opening.client
        )
        self._unacknowledged.add(pending, now)
        return pending, message
