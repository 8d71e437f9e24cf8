"""Deadlines that nobody keeps while the store is out of reach, but who has had the callers held.

Each process notes what it has a Pushpin hold. What the sweep should have ended, and has not, ends
here: after its deadline a call has no other outcome than that, whatever the store says later.
"""

from __future__ import annotations

import heapq
import logging
import threading
import time
from collections.abc import Callable
from itertools import count

from .responses import Hold, Response

log = logging.getLogger(__name__)

#: How long after a deadline the sweep may still come, in seconds, and how often it is looked.
_LATE_S = 0.25
_TICK_S = 0.1
#: Of so many holds deadlines are kept here; those of more end a second late, by Pushpin's timeout.
_MOST = 20_000

#: Answers the request that a Pushpin holds on a channel.
Respond = Callable[[str, str, Response], None]


class Deadlines:
    """A thread that looks after what this process has had held."""

    def __init__(self, respond: Respond) -> None:
        self._respond = respond
        self._lock = threading.Lock()
        self._holds: list[tuple[float, int, str, str, Response]] = []
        self._number = count()  # no two are equal, then
        self._swept = 0.0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="deadlines", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()

    def keep(self, hold: Hold, node: str, deadline: float) -> Hold:
        """Note a hold that is about to begin.

        Args:
            node: the Pushpin that holds it.
            deadline: when it ends, in seconds since 1970.
        """
        if self._thread.is_alive():  # which it is not in a function
            with self._lock:
                if len(self._holds) < _MOST:
                    entry = (deadline, next(self._number), node, hold.channel, hold.response)
                    heapq.heappush(self._holds, entry)
        return hold

    def swept(self, until: float) -> None:
        """Note that all has ended that was due then, in seconds since 1970."""
        self._swept = until

    def is_missed(self, deadline: float, now: float) -> bool:
        """Tell whether a deadline has passed, and no sweep has come in time.

        Args:
            deadline, now: in seconds since 1970.
        """
        return self._thread.is_alive() and self._swept < deadline <= now - _TICK_S

    def end_late(self, now: float) -> None:
        """End what was due a while before ``now``, unless the sweep has come since."""
        late = []
        with self._lock:
            while self._holds and self._holds[0][0] <= now - _LATE_S:
                hold = heapq.heappop(self._holds)
                if hold[0] > self._swept:
                    late.append(hold)
        if late:
            log.warning("the store is late: %d deadlines are kept without it", len(late))
        for _, _, node, channel, response in late:
            self._respond(node, channel, response)

    def _run(self) -> None:
        while not self._stopped.wait(_TICK_S):
            try:
                self.end_late(time.time())
            except Exception:
                log.exception("a deadline was not kept")
