"""Connections of hosts on WebSocket: batches of events in, batches of events out."""

from __future__ import annotations

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field

from gripcontrol import WebSocketEvent

from ...errors import Forbidden, ProtocolError, StoreError
from ...grip import events
from ...protocol import jsonrpc
from ...settings import Settings
from ...store.patience import ANSWER_S, Patience
from ..delivery import Closing
from .registry import Hosts
from .session import Connection, Session

log = logging.getLogger(__name__)

_TRY_AGAIN_LATER = 1013


@dataclass
class Batch:
    """One batch while it is worked through.

    Attributes:
        session: as it is now.
        out: the events that answer the batch.
        answers: those of the host that are to be passed on.
        said: how many bytes of messages are among them.
        seen: whether it was noted that the host is alive.
        later: what is to be done once the batch has been answered.
        asked: the nodes through which that goes.
        ended: whether the connection has.
    """

    connection: Connection
    session: Session
    out: list[WebSocketEvent] = field(default_factory=list)
    answers: list[jsonrpc.Answer] = field(default_factory=list)
    later: list[Callable[[], None]] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)
    said: int = 0
    seen: bool = False
    ended: bool = False


class WebSocketBatches(ABC):
    """What the events on a host's WebSocket mean, whatever it speaks."""

    #: Why a connection is closed whose host does not say what it should say first.
    silence = "open was not acknowledged"

    def __init__(self, hosts: Hosts, settings: Settings) -> None:
        self._hosts = hosts
        self._ping_s = settings.ping_s

    def batch(
        self, connection: Connection, session: Session, received: list[tuple[str, bytes]]
    ) -> Batch:
        """Work through what a host did, in order."""
        batch = Batch(connection, session)
        try:
            with Patience(ANSWER_S):
                self._work(batch, received)
        except StoreError as error:
            # The connection outlives the store; who waits for an answer gets 504.
            log.error("a batch was lost: %s", error)
        return batch

    def _work(self, batch: Batch, received: list[tuple[str, bytes]]) -> None:
        try:
            if not received and not batch.session.is_open:
                raise ProtocolError(self.silence, Closing.NOT_ACKNOWLEDGED.code)
            for kind, content in received:
                self._event(batch, kind, content)
                if batch.ended:
                    return
            self._flush(batch)
        except ProtocolError as error:
            self._end(batch, events.close(error.close_code, str(error)))

    def _event(self, batch: Batch, kind: str, content: bytes) -> None:
        if kind in ("TEXT", "BINARY"):
            self._message(batch, content)
        elif kind == "PING":
            batch.out.append(events.pong(content))
        elif kind == "PONG":
            if not batch.seen:  # one that sends many says no more with them
                self._alive(batch)
            batch.seen = True
        elif kind == "CLOSE":
            self._end(batch, events.close_echo(content))
        elif kind == "DISCONNECT":
            self._end(batch, None)

    @abstractmethod
    def _message(self, batch: Batch, content: bytes) -> None:
        """Take one message; ProtocolError ends the connection."""

    def _enter(self, batch: Batch, result: bytes) -> None:
        """List the lambda and make it callable.

        Args:
            result: what the host said when it acknowledged.
        """
        try:
            batch.session = self._hosts.acknowledge(batch.connection, batch.session, result)
        except Forbidden as error:
            raise ProtocolError(str(error), Closing.NOT_ALLOWED.code) from None
        except StoreError as error:
            log.error("a lambda was not opened: %s", error)
            raise ProtocolError("the store is out of reach", _TRY_AGAIN_LATER) from None

    def _alive(self, batch: Batch) -> None:
        if not batch.session.is_open:
            # The first ping comes within an interval, at any moment: nobody is that slow by then.
            if time.time() - batch.session.connected_at >= self._ping_s:
                raise ProtocolError(self.silence, Closing.NOT_ACKNOWLEDGED.code)
            return
        try:
            self._hosts.check_key(batch.session.owner)
        except Forbidden as error:
            raise ProtocolError(str(error), Closing.NOT_ALLOWED.code) from None
        try:
            self._hosts.seen(batch.connection, batch.session)
        except Forbidden:
            raise ProtocolError(Closing.TAKEN_OVER.reason, Closing.TAKEN_OVER.code) from None
        except StoreError as error:  # answers beside it may be for threads that wait
            log.warning("a pong was not noted: %s", error)

    def _end(self, batch: Batch, closing: WebSocketEvent | None) -> None:
        batch.ended = True
        if closing is not None:
            batch.out.append(closing)
        self._flush(batch)
        if batch.session.is_open:
            self._hosts.gone(batch.session.lambda_id, batch.connection.id)

    def _flush(self, batch: Batch) -> None:
        """Pass on the answers of a batch in one step."""
        answers, batch.answers = batch.answers, []
        if answers and batch.session.is_open:
            self._hosts.answered(batch.connection, batch.session, answers)
