"""Threads of this process that wait for calls, and how whoever learns of an end finds them.

What is said between processes is a hint, and may be lost: a thread waits for a moment only, and
then lets a Pushpin hold its caller. See prompt.py and docs/design.md.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeAlias

import msgspec

from ...errors import DeadlineExceeded
from ...store import Outcome
from ...store.links import Link, new_address
from ..channels import parse_host_channel
from .responses import Response

log = logging.getLogger(__name__)

#: A larger body is not passed on between processes, but kept in the store; in bytes.
_PASSED_MAX = 262_144
#: More calls at a time would not be answered sooner: they share one interpreter.
_TURNS = 32


class _Ended(msgspec.Struct, tag=True, array_like=True):
    """A call that is in the store has ended. Without a status: it is to be read there."""

    token: str
    status: int
    headers: dict[str, str]
    body: bytes


class _Answered(msgspec.Struct, tag=True, array_like=True):
    """A host has answered a call that may not be in the store."""

    token: str
    lambda_id: str
    connection: str
    status: int
    body: bytes
    extra: bytes


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Ended | _Answered)

#: Ends a call that is in the store: its lambda, the connection that answered, token, outcome.
Late: TypeAlias = Callable[[str, str, str, Outcome], None]
#: The same, and tells whether the call was there.
Ends: TypeAlias = Callable[[str, str, str, Outcome], bool]


class Turns:
    """Lets so many in at a time, in the order in which they came."""

    def __init__(self, most: int) -> None:
        self._free = most
        self._lock = threading.Lock()
        self._queue: deque[threading.Lock] = deque()

    def take(self, seconds: float) -> bool:
        """Wait for a turn; False if there was none within so many seconds."""
        with self._lock:
            if self._free > 0:
                self._free -= 1
                return True
            turn = threading.Lock()
            turn.acquire()
            self._queue.append(turn)
        if turn.acquire(timeout=max(0.0, seconds)):
            return True
        with self._lock:
            if turn in self._queue:
                self._queue.remove(turn)
                return False
        return True  # it came in the last moment

    def give(self) -> None:
        """End a turn."""
        with self._lock:
            if self._queue:
                self._queue.popleft().release()
            else:
                self._free += 1


class Waiter:
    """One thread that waits for the end of one call.

    Attributes:
        connection: that of the host which was asked; empty if the store knows that.
        told: how the call has ended: the response, or the outcome of one that is not in the store;
            None before, and if it has to be looked up.
    """

    def __init__(self, connection: str = "") -> None:
        self.connection = connection
        self.told: Response | Outcome | None = None
        self._woken = threading.Lock()
        self._woken.acquire()

    def wait(self, seconds: float) -> bool:
        """Wait to be woken; False if that did not happen within so many seconds."""
        return self._woken.acquire(timeout=max(0.0, seconds))

    def wait_told(self, seconds: float) -> None:
        """Wait to be told how the call has ended, for so many seconds at most."""
        until = time.monotonic() + seconds
        while self.told is None and self.wait(until - time.monotonic()):
            pass

    def tell(self, told: Response | Outcome | None) -> None:
        """End the wait for good."""
        self.told = told
        self.wake()

    def wake(self) -> None:
        """End the wait for now."""
        with suppress(RuntimeError):  # it is awake already
            self._woken.release()


class Waiters:
    """The threads of this process that wait for calls.

    Attributes:
        address: where other processes reach them.
        turns: who may be at work on a call, from before its host is asked until it has ended or is
            held. Others wait before that: taking answers comes before new calls.
    """

    def __init__(self, link: Link | None, *, threads: int, patience_s: float) -> None:
        """Listen, if there is a link.

        Args:
            link: how other processes are reached; None if nobody waits in a thread here.
            threads: how many threads serve requests.
            patience_s: how long each waits, in seconds, if few others do.
        """
        self.address = new_address()
        self.turns = Turns(max(1, min(_TURNS, threads // 2)))
        self._link = link
        self._most = threads // 2
        self._patience_s = patience_s
        self._waiting: dict[str, Waiter] = {}
        self._late: Late = lambda *_: None
        self._unreached: Late = lambda *_: None
        self._is_ended: Ends = lambda *_: False
        self._unlinked: Late | None = None
        if link is not None:
            link.listen(self.address, self._receive)

    def on_late(self, late: Late, unreached: Late, is_ended: Ends) -> None:
        """Have answers to calls ended by ``late`` that no thread waits for any more.

        Args:
            unreached: ends those whose process was not reached: its thread may wait still.
            is_ended: ends those that another process has probably handed over.
        """
        self._late, self._unreached, self._is_ended = late, unreached, is_ended

    def on_unlinked(self, unlinked: Late) -> None:
        """Have answers passed on by ``unlinked`` if there is no link to other processes."""
        self._unlinked = unlinked

    @contextmanager
    def turn(self, seconds: float) -> Iterator[None]:
        """Take a turn.

        Args:
            seconds: how long there may be none.

        Raises:
            DeadlineExceeded: there was none.
        """
        if not self.turns.take(seconds):
            raise DeadlineExceeded("the server was too busy to ask the lambda in time")
        try:
            yield
        finally:
            self.turns.give()

    @contextmanager
    def expecting(self, token: str, connection: str = "") -> Iterator[Waiter]:
        """Expect the end of a call whose host is about to be asked."""
        waiter = self._waiting[token] = Waiter(connection)
        try:
            yield waiter
        finally:
            self._waiting.pop(token, None)

    def give_up(self, token: str) -> bool:
        """Expect the end of a call no longer; False if the waiter is told of it just now."""
        return self._waiting.pop(token, None) is not None

    @property
    def is_reachable(self) -> bool:
        """Whether other processes reach these threads."""
        return self._link is not None

    @property
    def longest_s(self) -> float:
        """How long a thread waits at most before its call is entered in the store, in seconds."""
        return self._patience_s

    def patience_s(self) -> float:
        """Return how long a thread may wait now, in seconds: less if few threads are left."""
        free = self._most - len(self._waiting)
        return self._patience_s * max(0.0, min(1.0, 2 * free / max(1, self._most)))

    def ended(self, address: str, token: str, response: Response) -> None:
        """Tell the thread that waits for a call, which is in the store, how it has ended."""
        if address == self.address:
            self._end(token, response)
            return
        passed = len(response.body) <= _PASSED_MAX
        told = (
            _Ended(token, response.status, dict(response.headers), response.body)
            if passed
            else _Ended(token, 0, {}, b"")
        )
        self._send(address, told)

    def answered(
        self,
        address: str,
        token: str,
        lambda_id: str,
        connection: str,
        outcome: Outcome,
        *,
        age_s: float = 0.0,
    ) -> None:
        """Pass on a host's answer to the process whose thread waits for it.

        If that process has ended, its callers have, too, but for those that a Pushpin holds: what
        a process was sent that stands still may be lost with it.

        Args:
            connection: that of the host, as its Pushpin vouches for it.
            age_s: how long ago the host was asked, in seconds.
        """
        answer = _Answered(
            token, lambda_id, connection, outcome.status, outcome.body, outcome.extra
        )
        if address == self.address:
            self._take(answer, outcome)
        elif self._link is None and self._unlinked is not None:
            self._unlinked(lambda_id, connection, token, outcome)
        elif age_s >= self._patience_s and self._is_ended(lambda_id, connection, token, outcome):
            return
        elif not self._send(address, answer):
            self._unreached(lambda_id, connection, token, outcome)

    def left(self, channel: str) -> None:
        """Wake the threads that wait for a host whose channel may have been left."""
        place = parse_host_channel(channel)
        if place is None:
            return
        _, connection = place
        for waiter in list(self._waiting.values()):
            if waiter.connection == connection:
                waiter.wake()

    def _send(self, address: str, message: _Ended | _Answered) -> bool:
        return self._link is not None and self._link.send(address, _encoder.encode(message))

    def _receive(self, data: bytes) -> None:
        try:
            told = _decoder.decode(data)
        except msgspec.MsgspecError:
            log.warning("another process said what makes no sense")
            return
        if isinstance(told, _Answered):
            self._take(told, Outcome(told.status, told.body, told.extra))
        else:
            response = Response(told.status, told.body, told.headers) if told.status else None
            self._end(told.token, response)

    def _end(self, token: str, response: Response | None) -> None:
        waiter = self._waiting.pop(token, None)
        if waiter is not None:
            waiter.tell(response)

    def _take(self, answer: _Answered, outcome: Outcome) -> None:
        waiter = self._waiting.get(answer.token)
        if waiter is not None and waiter.connection != answer.connection:
            return  # of a host that was not asked
        if waiter is not None and self._waiting.pop(answer.token, None) is not None:
            waiter.tell(outcome)
        else:
            self._late(answer.lambda_id, answer.connection, answer.token, outcome)

    def close(self) -> None:
        """Stop listening. Threads that wait go on until their moment is over."""
        if self._link is not None:
            self._link.close()
