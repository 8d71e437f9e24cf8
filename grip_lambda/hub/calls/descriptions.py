"""What hosts say of their methods: the server asks each with ``rpc.discover``.

The question is no call: it is beside ``max_calls``, in no store, counted nowhere, and callers can't
ask it. Who asks waits in a thread; the answer comes as that of a call for which a thread waits.
"""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass

import msgspec
import orjson

from ...errors import NotFound, RequestError, StoreError, Unavailable
from ...protocol import codecs, ids, monologue, openrpc
from ...protocol.openrpc import Description
from ...store import Lambda, Outcome, Store
from ..delivery import Delivery
from .waiting import Waiters

log = logging.getLogger(__name__)

DISCOVER = "rpc.discover"
#: How long a host has to answer, in seconds.
_ANSWER_S = 5.0
#: How long what a host said is taken for true, in seconds; and that it said nothing.
_SAID_S, _SILENT_S = 10.0, 60.0
#: Where answers are left in the store, and how often it is looked there, in seconds.
_BOARD, _LOOK_S = "described", 0.1
#: So many threads may wait for descriptions, and so many descriptions are kept.
_THREADS_MAX, _KEPT_MAX = 64, 64


class _Pinned(msgspec.Struct, array_like=True):
    """An answer in the store, for a process that no other can reach."""

    token: str
    connection: str
    status: int
    body: bytes


@dataclass(frozen=True)
class _Kept:
    """A description, and until when it is taken for true."""

    description: Description
    until: float


class Descriptions:
    """Asks hosts, one question at a time to each; who asks meanwhile shares the answer."""

    def __init__(
        self, store: Store, delivery: Delivery, waiters: Waiters, *, secret: bytes
    ) -> None:
        """Prepare to ask.

        Args:
            waiters: how answers are waited for.
            secret: what tokens are made with.
        """
        self._store = store
        self._delivery = delivery
        self._waiters = waiters
        self._secret = secret
        self._lock = threading.Lock()
        self._room = threading.BoundedSemaphore(_THREADS_MAX)
        self._kept: dict[tuple[str, str], _Kept] = {}
        self._asked: dict[tuple[str, str], Future[Description]] = {}
        waiters.on_unlinked(self._pin)

    def of(self, known: Lambda) -> Description:
        """Return what is known of the methods of a lambda.

        That is what its host answers; if it does not, what it named at opening.

        Raises:
            NotFound: its host has gone.
            Unavailable: too many are waiting for descriptions already.
        """
        key = (known.id, known.connection)
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None and kept.until > time.monotonic():
                return kept.description
            asked = self._asked.get(key)
            if not self._room.acquire(blocking=False):
                raise Unavailable("too many descriptions are being asked for; try again later")
            if asked is None:
                mine = self._asked[key] = Future()
        try:
            return asked.result(2 * _ANSWER_S) if asked is not None else self._ask(known, mine)
        except TimeoutError:
            raise Unavailable("the lambda was not described in time; try again later") from None
        finally:
            self._room.release()

    def _ask(self, known: Lambda, mine: Future[Description]) -> Description:
        key = (known.id, known.connection)
        try:
            said = self._answer(known)
            description = None if said is None else openrpc.parse(said)
            found = named(known) if description is None else description
        except BaseException as error:
            with self._lock:
                self._asked.pop(key, None)
            mine.set_exception(error)
            raise
        until = time.monotonic() + (_SILENT_S if description is None else _SAID_S)
        with self._lock:
            self._asked.pop(key, None)
            self._keep(key, _Kept(found, until))
        mine.set_result(found)
        return found

    def _keep(self, key: tuple[str, str], kept: _Kept) -> None:
        now = time.monotonic()
        self._kept.pop(key, None)
        for old in [one for one, known in self._kept.items() if known.until <= now]:
            del self._kept[old]
        if len(self._kept) >= _KEPT_MAX:
            del self._kept[next(iter(self._kept))]
        self._kept[key] = kept

    def _answer(self, known: Lambda) -> bytes | None:
        """Ask a host; return its result, or None if it gives none.

        Raises:
            NotFound: it has gone.
        """
        if known.code == monologue.CODE:
            return None
        now = time.time()
        token = ids.new_prompt_token(self._secret, self._waiters.address, now)
        message = codecs.of(known.code).call_message(DISCOVER, b"", token)
        with self._waiters.expecting(token, known.connection) as waiter:
            try:
                self._delivery.ensure_reachable(known.host)
                self._delivery.send(known.id, known.host, message)
            except RequestError as error:
                log.info("a host was not asked for its methods: %s", error)
                return None
            until = time.monotonic() + _ANSWER_S
            look_s = _ANSWER_S if self._waiters.is_reachable else _LOOK_S
            while (left_s := until - time.monotonic()) > 0:
                woken = waiter.wait(min(left_s, look_s))
                told = waiter.told
                if told is None and not self._waiters.is_reachable:
                    told = self._pinned(known, token)
                if isinstance(told, Outcome):
                    return told.body if told.is_result else None
                if woken:
                    self._check_open(known)
        return None

    def _pin(self, lambda_id: str, connection: str, token: str, outcome: Outcome) -> None:
        """Leave an answer in the store for the process that asked, which can't be told of it."""
        body = outcome.body if len(outcome.body) <= openrpc.DOCUMENT_MAX else b""
        told = msgspec.msgpack.encode(_Pinned(token, connection, outcome.status, body))
        now = time.time()
        self._store.share(token, told, now + 2 * _ANSWER_S, now, _BOARD)

    def _pinned(self, known: Lambda, token: str) -> Outcome | None:
        """Return the answer that another process has left."""
        for told in self._store.share("", b"", 0.0, time.time(), _BOARD):
            one = msgspec.msgpack.decode(told, type=_Pinned)
            if one.token == token and one.connection == known.connection:
                return Outcome(one.status, one.body)
        return None

    def _check_open(self, known: Lambda) -> None:
        try:
            found = self._store.get_lambda(known.id, time.time())
        except StoreError:
            return
        if found is None or found.connection != known.connection:
            raise NotFound("lambda not found")


def named(known: Lambda) -> Description:
    """Return what a host said of its methods when it opened the lambda."""
    described = orjson.loads(known.described) if known.described else []
    by_name = {one["name"]: one for one in described}
    return openrpc.of_names([by_name.get(name, name) for name in known.methods or ()])
