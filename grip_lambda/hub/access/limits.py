"""How much one client may have, and all together, so that none can take everybody's room.

A client is an API key or, without one, an address (web/clients.py). What is counted is counted in
the process that does it, and told to the others each second: so a limit holds over all processes,
but may be exceeded by what comes within a second. Nothing of this asks the store on the way of a
call.
"""

from __future__ import annotations

import math
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable

from ...errors import RateLimited, StorageFull
from ...settings import Quotas
from ...store import Store
from ...store.facts import REMEMBERED_S, Call, Population
from .ledger import Ledger

#: How often processes tell each other, in seconds.
REFRESH_S = 1.0
#: What a kept call and an id that is remembered take beside their texts, in bytes.
_CALL_BYTES = 512
_ID_BYTES = 256
#: Over how many seconds openings without WebSocket are counted.
_MINUTE_S = 60.0
#: When to ask again who found too many lambdas open, in seconds.
_LATER_S = 10
#: Over how many seconds calls are counted, of clients that may make so many a second.
_CALLS_S = 4.0
_CALLED = "called "
_KEPT = "kept "
_OPENED = "opened "


class Limits:
    """What clients have, and whether they may have more."""

    def __init__(
        self,
        store: Store,
        quotas: Quotas | None = None,
        *,
        rate: Callable[[str], float | None] = lambda key_id: None,
        in_function: bool = False,
    ) -> None:
        """Count for one process.

        Args:
            rate: tells how many calls a key may make in a second; None for any number.
            in_function: whether nobody calls ``refresh``.
        """
        self._store = store
        self._quotas = quotas or Quotas()
        self._rate = rate
        self._in_function = in_function
        self._ledger = Ledger()
        self._process = secrets.token_hex(8)
        self._population = Population(0, {})
        #: New ones since the store was asked for that, in all and of each client.
        self._lock = threading.Lock()
        self._new: Counter[str] = Counter()
        self._refreshed = 0.0

    def opening(self, client: str, *, is_connected: bool) -> None:
        """Count a client that opens an id which nobody had; refuse it if it has too many.

        Args:
            client: empty where it is not known; it counts among all then.
            is_connected: whether its connection shows that somebody is there.

        Raises:
            RateLimited: too many lambdas are open, in all or of this client; or it opened too
                many without WebSocket, of which no connection shows that somebody is there.
            StorageFull: too much is kept.
        """
        now = time.time()
        if self._in_function:  # where nothing else does it
            self.refresh()
        self._check_kept(client)
        quotas, there = self._quotas, self._population
        with self._lock:
            total, mine = self._new.total(), self._new[client]
        if there.lambdas + total >= quotas.lambdas:
            raise RateLimited("as many lambdas are open here as may be; try again later", _LATER_S)
        if client and there.of_client.get(client, 0) + mine >= quotas.lambdas_per_client:
            raise RateLimited(
                "you have as many lambdas open as one client may have; close some", _LATER_S
            )
        if client and not is_connected:
            name = _OPENED + client
            if self._ledger.sum(name) >= quotas.openings_per_client:
                raise RateLimited(
                    "you opened too many lambdas without WebSocket within a minute",
                    self._ledger.left_s(name, now),
                )
            self._ledger.add(name, 1, _MINUTE_S, now)
        with self._lock:
            self._new[client] += 1
        self.keep(client, _ID_BYTES, REMEMBERED_S)

    def asked(self, key_id: str, address: str, count: int = 1) -> None:
        """Count calls that are asked for, if their client may make so many in a second.

        Args:
            key_id: of the API key that calls; empty without one.
            address: where the calls come from; empty if it is not known.
            count: so many; all of them are allowed if one is.

        Raises:
            RateLimited: the client makes more calls than it may.
        """
        rate = (self._rate(key_id) if key_id else None) or self._quotas.calls_per_client
        client = key_id or address
        if not (rate and client):
            return
        now = time.time()
        if self._in_function:
            self.refresh()
        name = _CALLED + client
        if self._ledger.sum(name) >= rate * _CALLS_S:
            who = "this API key" if key_id else "your address"
            raise RateLimited(
                f"{who} may make {rate:g} calls a second; try again later",
                self._ledger.left_s(name, now),
                f'"calls";q={math.ceil(rate * _CALLS_S)};w={_CALLS_S:g}',
            )
        self._ledger.add(name, count, _CALLS_S, now)

    def call(self, call: Call, *, is_awaited: bool = True) -> None:
        """Count a call, if it is kept or its caller does not wait for it.

        Args:
            is_awaited: whether its caller waits for its end.

        Raises:
            StorageFull: too much is kept.
        """
        if call.is_kept or not is_awaited:
            self._check_kept(call.client)
            self.keep(call.client, _CALL_BYTES, call.deadline - call.created + call.kept_s)

    def outbound(self, call: Call, size: int, *, is_awaited: bool = True) -> None:
        """Count the message of such a call, of so many bytes, that is kept until its host reads."""
        if call.is_kept or not is_awaited:
            self.keep(call.client, size, call.deadline - call.created)

    def keep(self, client: str, size: int, lasts_s: float) -> None:
        """Count bytes that are kept for a client for so many seconds."""
        now = time.time()
        self._ledger.add(_KEPT, size, lasts_s, now)
        if client:
            self._ledger.add(_KEPT + client, size, lasts_s, now)

    def ended(self, call: Call, size: int) -> None:
        """Count the outcome of a call, of so many bytes, if it is kept."""
        if call.is_kept:
            self.keep(call.client, size, call.kept_s)

    def refresh(self) -> None:
        """Learn what other processes have counted, and what is open; at most once a second.

        Raises:
            StoreError: the store is out of reach.
        """
        now = time.time()
        if 0 <= now - self._refreshed < REFRESH_S:
            return
        self._refreshed = now
        self._ledger.forget(now)
        report, ends = self._ledger.report()
        self._ledger.learn(self._store.share(self._process, report, ends, now), now)
        with self._lock:
            counted = Counter(self._new)
        self._population = self._store.population(now)
        with self._lock:
            self._new -= counted

    def _check_kept(self, client: str) -> None:
        if self._ledger.sum(_KEPT) >= self._quotas.kept:
            raise StorageFull("as much is kept here as may be; try again later")
        if client and self._ledger.sum(_KEPT + client) >= self._quotas.kept_per_client:
            raise StorageFull("as much is kept for you as for one client may be; try again later")
