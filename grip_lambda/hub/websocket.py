"""Hosts on WebSocket: batches of events in, batches of events out."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field

from gripcontrol import WebSocketEvent

from ..errors import Forbidden, ProtocolError, StoreError
from ..grip import events
from ..protocol import jsonrpc
from ..settings import Settings
from .channels import host_channel
from .hosts import NOT_ACKNOWLEDGED, NOT_ALLOWED, TAKEN_OVER, Hosts
from .session import Connection, Opening, Session

log = logging.getLogger(__name__)

_TRY_AGAIN_LATER = 1013


@dataclass
class _Batch:
    """One batch while it is worked through."""

    connection: Connection
    session: Session
    out: list[WebSocketEvent] = field(default_factory=list)
    answers: list[jsonrpc.Answer] = field(default_factory=list)
    ended: bool = False


class WebSocketHosts:
    """What the events on a host's WebSocket mean."""

    def __init__(self, hosts: Hosts, settings: Settings) -> None:
        self._hosts = hosts
        self._ping_s = settings.ping_s

    def handshake(
        self, connection: Connection, opening: Opening
    ) -> tuple[Session, list[WebSocketEvent]]:
        """Accept a connection, and ask its host to acknowledge.

        Raises:
            BadRequest, Forbidden: as Hosts.open.
        """
        session, message = self._hosts.open(opening)
        return session, [
            events.accepted(),
            events.subscribe(host_channel(connection.id)),
            events.ping_every(self._ping_s),
            events.text(message),
        ]

    def batch(
        self, connection: Connection, session: Session, received: list[tuple[str, bytes]]
    ) -> tuple[Session, list[WebSocketEvent]]:
        """Work through what a host did, in order.

        Returns:
            The session as it is now, and what to answer.
        """
        batch = _Batch(connection, session)
        try:
            self._work(batch, received)
        except StoreError as error:
            # The connection outlives the store; who waits for an answer gets 504.
            log.error("a batch was lost: %s", error)
        return batch.session, batch.out

    def _work(self, batch: _Batch, received: list[tuple[str, bytes]]) -> None:
        try:
            if not received and not batch.session.is_open:
                raise ProtocolError("open was not acknowledged", NOT_ACKNOWLEDGED)
            for kind, content in received:
                self._event(batch, kind, content)
                if batch.ended:
                    return
            self._flush(batch)
        except ProtocolError as error:
            self._end(batch, events.close(error.close_code, str(error)))

    def _event(self, batch: _Batch, kind: str, content: bytes) -> None:
        if kind in ("TEXT", "BINARY"):
            self._message(batch, content)
        elif kind == "PING":
            batch.out.append(events.pong(content))
        elif kind == "PONG":
            self._alive(batch)
        elif kind == "CLOSE":
            self._end(batch, events.close_echo(content))
        elif kind == "DISCONNECT":
            self._end(batch, None)

    def _message(self, batch: _Batch, content: bytes) -> None:
        message = jsonrpc.parse(content)
        if isinstance(message, jsonrpc.Request):
            batch.out.append(events.text(jsonrpc.unknown_method(message)))
        elif isinstance(message, jsonrpc.Notification):
            self._hosts.notified(batch.connection, batch.session, message)
        elif isinstance(message, jsonrpc.Answer):
            if isinstance(message.id, str):
                batch.answers.append(message)
            elif message.id == 0 and not batch.session.is_open:
                self._acknowledge(batch, message)

    def _acknowledge(self, batch: _Batch, answer: jsonrpc.Answer) -> None:
        if answer.is_error:
            raise ProtocolError("the host refused to open", NOT_ACKNOWLEDGED)
        try:
            batch.session = self._hosts.acknowledge(batch.connection, batch.session, answer.value)
        except Forbidden as error:
            raise ProtocolError(str(error), NOT_ALLOWED) from None
        except StoreError as error:
            log.error("a lambda was not opened: %s", error)
            raise ProtocolError("the store is out of reach", _TRY_AGAIN_LATER) from None

    def _alive(self, batch: _Batch) -> None:
        if not batch.session.is_open:
            # The first ping comes within an interval, at any moment: nobody is that slow by then.
            if time.time() - batch.session.since >= self._ping_s:
                raise ProtocolError("open was not acknowledged", NOT_ACKNOWLEDGED)
            return
        try:
            self._hosts.check_key(batch.session.owner)
        except Forbidden as error:
            raise ProtocolError(str(error), NOT_ALLOWED) from None
        try:
            self._hosts.seen(batch.connection, batch.session)
        except Forbidden:
            raise ProtocolError("the lambda was opened again elsewhere", TAKEN_OVER) from None

    def _end(self, batch: _Batch, closing: WebSocketEvent | None) -> None:
        batch.ended = True
        if closing is not None:
            batch.out.append(closing)
        self._flush(batch)
        if batch.session.is_open:
            self._hosts.gone(batch.session.lambda_id, batch.connection.id)

    def _flush(self, batch: _Batch) -> None:
        """Pass on the answers of a batch in one step."""
        answers, batch.answers = batch.answers, []
        if answers and batch.session.is_open:
            self._hosts.answered(batch.connection, batch.session, answers)
