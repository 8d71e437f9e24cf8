"""Ends what is due, whichever process took it: deadlines, and hosts that fell silent."""

from __future__ import annotations

import logging
import threading
import time

from ..errors import StoreError
from ..store import Store
from . import outcomes
from .calls import Calls
from .hosts import Hosts

log = logging.getLogger(__name__)

#: How late a deadline may be, in seconds.
TICK_S = 0.1


class Sweeper:
    """A thread in every process; the store gives each thing that is due to one of them."""

    def __init__(self, store: Store, hosts: Hosts, calls: Calls) -> None:
        self._store = store
        self._hosts = hosts
        self._calls = calls
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sweeper", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join(timeout=2)

    def _run(self) -> None:
        failing = False
        while not self._stopped.wait(1.0 if failing else TICK_S):
            try:
                self.sweep()
                failing = False
            except StoreError as error:
                if not failing:
                    log.error("deadlines are not kept: %s", error)
                failing = True
            except Exception:
                log.exception("a sweep failed")

    def sweep(self) -> None:
        """End what is due now."""
        closed, overdue = self._store.expire(
            outcomes.DISCONNECTED, outcomes.DEADLINE_EXCEEDED, time.time()
        )
        self._hosts.expired(closed)
        self._calls.reply(overdue, outcomes.DEADLINE_EXCEEDED)
