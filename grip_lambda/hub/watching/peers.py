"""The other processes of the deployment: who they are, and what each of them knows."""

from __future__ import annotations

import itertools
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping

import msgspec

from ... import __version__
from ...store import Store
from ...store.links import Link, new_address
from .about import instant

log = logging.getLogger(__name__)

_BOARD = "processes"
#: For so long it is told what a process has counted that has ended, in seconds.
_REMEMBERED_S = 900.0
#: For so long an answer is waited for, in seconds: a process that stands still gives none.
_ANSWER_S = 0.3


class Process(msgspec.Struct, frozen=True, array_like=True):
    """One process.

    Attributes:
        address: where it is reached.
        pid, host: its id, and the name of its machine.
        since: when it started, as RFC 3339.
        version: of this package.
        series: what it has counted; see series.py.
    """

    address: str
    pid: int
    host: str
    since: str
    version: str
    series: bytes = b""


class _Ask(msgspec.Struct, tag=True, array_like=True):
    number: int
    back: str
    what: str
    text: str


class _Tell(msgspec.Struct, tag=True, array_like=True):
    number: int
    address: str
    data: bytes


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Ask | _Tell)
_process = msgspec.msgpack.Decoder(Process)

#: Answers a question; the text says what exactly is asked.
Answer = Callable[[str], bytes]


class _Question:
    """A question that several processes are asked."""

    def __init__(self) -> None:
        self.answers: dict[str, bytes] = {}
        self.waits_for: set[str] = set()
        self.changed = threading.Condition()

    def take(self, address: str, data: bytes) -> None:
        with self.changed:
            self.answers[address] = data
            self.changed.notify()

    def wait(self) -> None:
        with self.changed:
            self.changed.wait_for(lambda: self.waits_for <= self.answers.keys(), _ANSWER_S)


class Peers:
    """Asks all other processes, and answers them."""

    def __init__(self, store: Store, link: Link | None, answers: Mapping[str, Answer]) -> None:
        """Listen, if there is a link.

        Args:
            link: how other processes are reached; None if they are not.
            answers: by the questions that may be asked.
        """
        self._store = store
        self._link = link
        self._answers = answers
        self.me = Process(
            new_address(), os.getpid(), socket.gethostname(), instant(time.time()), __version__
        )
        self._numbers = itertools.count()
        self._questions: dict[int, _Question] = {}
        if link is not None:
            link.listen(self.me.address, self._receive)

    def enrol(self, series: bytes) -> list[Process]:
        """Tell the others of this process; return those that are known, dead ones too.

        Raises:
            StoreError: the store is out of reach.
        """
        now = time.time()
        report = _encoder.encode(msgspec.structs.replace(self.me, series=series))
        told = self._store.share(self.me.address, report, now + _REMEMBERED_S, now, _BOARD)
        return [_process.decode(one) for one in told]

    def known(self) -> list[Process]:
        """Return the others; raises as ``enrol``."""
        told = self._store.share(self.me.address, b"", 0.0, time.time(), _BOARD)
        return [_process.decode(one) for one in told]

    def ask(
        self, what: str, text: str = "", known: list[Process] | None = None
    ) -> dict[str, bytes]:
        """Ask all other processes, and wait for their answers for a moment.

        Args:
            what: the question, which each of them must know.
            known: the others, if they are known already.

        Returns:
            The answers by address; of those that are gone, or stand still, there are none.

        Raises:
            StoreError: as ``enrol``.
        """
        if self._link is None:
            return {}
        others = self.known() if known is None else known
        number, question = next(self._numbers), _Question()
        self._questions[number] = question
        data = _encoder.encode(_Ask(number, self.me.address, what, text))
        try:
            for one in others:
                if self._link.send(one.address, data):
                    with question.changed:
                        question.waits_for.add(one.address)
            question.wait()
        finally:
            del self._questions[number]
        return question.answers

    def tell(self, what: str, text: str = "") -> None:
        """Have all other processes do something; nobody waits for it. Raises as ``enrol``."""
        if self._link is not None:
            data = _encoder.encode(_Ask(-1, "", what, text))
            for one in self.known():
                self._link.send(one.address, data)

    def _receive(self, data: bytes) -> None:
        try:
            message = _decoder.decode(data)
            if isinstance(message, _Tell):
                question = self._questions.get(message.number)
                if question is not None:
                    question.take(message.address, message.data)
            else:
                self._answer(message)
        except Exception:
            log.exception("another process asked what can't be answered")

    def _answer(self, asked: _Ask) -> None:
        data = self._answers[asked.what](asked.text)
        if asked.back and self._link is not None:
            told = _Tell(asked.number, self.me.address, data)
            self._link.send(asked.back, _encoder.encode(told))

    def close(self) -> None:
        """Stop listening."""
        if self._link is not None:
            self._link.close()


def tell_one(store: Store, what: str, text: str) -> None:
    """Have one of the processes do something, for a program that is none of them.

    Raises:
        StoreError: the store is out of reach.
    """
    data = _encoder.encode(_Ask(-1, "", what, text))
    told = store.share(new_address(), b"", 0.0, time.time(), _BOARD)
    link = store.link()
    try:
        any(link.send(_process.decode(one).address, data) for one in told)
    finally:
        link.close()
