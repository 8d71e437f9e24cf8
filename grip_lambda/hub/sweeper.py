"""Ends what is due, whichever process took it: deadlines, and hosts that fell silent."""

from __future__ import annotations

import logging
import threading
import time

from .. import metrics
from ..errors import StoreError
from ..store import Store
from .access import Limits
from .calls import Calls, KeptCalls, outcomes
from .hosts import Forgotten, Hosts, HttpHosts

log = logging.getLogger(__name__)

#: How late a deadline may be, in seconds.
TICK_S = 0.1
#: How often what is not urgent is done, in seconds.
_TEND_S = 1.0
#: A sweep that takes longer, in seconds, means that the store did not answer meanwhile.
_STALL_S = 1.0
#: How long after its ping a host's answer may come, in seconds.
_PONG_S = 1.0


class Sweeper:
    """A thread in every process; the store gives each thing that is due to one of them."""

    def __init__(
        self,
        store: Store,
        hosts: Hosts,
        calls: Calls,
        kept: KeptCalls,
        http_hosts: HttpHosts,
        *,
        ping_s: float,
        forgotten: Forgotten,
        limits: Limits | None = None,
    ) -> None:
        """Prepare to sweep.

        Args:
            ping_s: seconds between two pings of a host.
            forgotten: asks for the hosts that the store has lost.
        """
        self._forgotten = forgotten
        self._store = store
        self._hosts = hosts
        self._calls = calls
        self._kept = kept
        self._http_hosts = http_hosts
        self._limits = limits or Limits(store)
        self._tended = 0.0
        self._ping_s = ping_s
        #: Until when lambdas are not closed: the store was away, so nobody could note that they
        #: were seen. By then each is pinged once more.
        self._spare_until = 0.0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sweeper", daemon=True)

    def start(self) -> None:
        """Begin to sweep; note first what the store knows, so that a loss is noticed from now."""
        try:
            self._forgotten.look(self._store.lost_at(time.time()))
        except StoreError as error:
            log.error("the store does not answer: %s", error)
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(timeout=2)

    def _run(self) -> None:
        failing = False
        while not self._stopped.wait(1.0 if failing else TICK_S):
            began = time.monotonic()
            try:
                self._http_hosts.look_after()
                self.sweep()
                metrics.SWEEP_SECONDS.note(time.monotonic() - began)
                self._tend()
                failing = False
            except StoreError as error:
                if not failing:
                    log.error("deadlines are not kept: %s", error)
                failing = True
            except Exception:
                log.exception("a sweep failed")

    def _tend(self) -> None:
        """Do, once a second, what is not urgent."""
        began = time.monotonic()
        if began - self._tended >= _TEND_S:
            self._tended = began
            self._forgotten.look(self._store.lost_at(time.time()))
            self._limits.refresh()
            self._store.compact()

    def sweep(self) -> None:
        """End what is due now."""
        began, now = time.monotonic(), time.time()
        spare_s = max(0.0, self._spare_until - began)
        try:
            due = self._store.expire(
                outcomes.DISCONNECTED, outcomes.DEADLINE_EXCEEDED, now, spare_s=spare_s
            )
        except StoreError:
            self._spare()
            raise
        if time.monotonic() - began > _STALL_S:
            self._spare()
        self._hosts.expired(due.closed)
        self._calls.reply(due.calls, outcomes.DEADLINE_EXCEEDED)
        self._kept.waited(due.waits)
        self._calls.deadlines.swept(now)

    def _spare(self) -> None:
        """Trust nothing that was noted while the store did not answer."""
        self._calls.deadlines.doubt()
        self._spare_until = time.monotonic() + self._ping_s + _PONG_S
