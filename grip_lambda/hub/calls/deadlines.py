"""Deadlines that nobody keeps while the store is out of reach, but who has had the callers held.

Each process notes what it has a Pushpin hold. What the sweep should have ended, and has not, ends
here: after its deadline a call has no other outcome than that, whatever the store says later.

If the store could not be told which Pushpin holds a caller, nobody else finds that caller: neither
the sweep nor who takes the answer of the host. The store is told as soon as it is back. It is asked
about all other holds then, too: it may have taken an outcome from a process that was not told so,
and published nothing.
"""

from __future__ import annotations

import heapq
import logging
import threading
import time
from collections.abc import Callable
from itertools import count
from typing import NamedTuple

from ...errors import StoreError
from ...store.patience import Patience
from .responses import Hold, Response

log = logging.getLogger(__name__)

#: How long after a deadline the sweep may still come, in seconds, and how often it is looked.
_LATE_S = 0.25
_TICK_S = 0.1
#: Of so many holds deadlines are kept here; those of more end a second late, by Pushpin's timeout.
_MOST = 20_000

#: How long the store is waited for that is to be told of a hold, in seconds.
_TELL_S = 0.05

#: Answers the request that a Pushpin holds on a channel.
Respond = Callable[[str, str, Response], None]
#: Tells whether a request may still be held there.
IsHeld = Callable[[str, str], bool]
#: Tells the store who holds a caller, given the time; answers the caller if the call has ended.
Tell = Callable[[float], None]


class _Kept(NamedTuple):
    """A hold that ends at a deadline; no two have the same number."""

    deadline: float
    number: int
    node: str
    channel: str
    response: Response
    tell: Tell | None


class Deadlines:
    """A thread that looks after what this process has had held."""

    def __init__(self, respond: Respond, is_held: IsHeld) -> None:
        self._respond = respond
        self._is_held = is_held
        self._lock = threading.Lock()
        self._holds: list[_Kept] = []
        #: Those that the store has to be asked about.
        self._untold: dict[int, _Kept] = {}
        self._number = count()
        self._swept = 0.0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="deadlines", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()

    def keep(
        self,
        hold: Hold,
        node: str,
        deadline: float,
        tell: Tell | None = None,
        *,
        is_known: bool = True,
    ) -> Hold:
        """Note a hold that is about to begin.

        Args:
            node: the Pushpin that holds it.
            deadline: when it ends, in seconds since 1970.
            tell: tells the store of it; None if that makes no difference.
            is_known: whether the store knows of it already.
        """
        if self._thread.is_alive():  # which it is not in a function
            with self._lock:
                if len(self._holds) + len(self._untold) < _MOST:
                    number = next(self._number)
                    kept = _Kept(deadline, number, node, hold.channel, hold.response, tell)
                    if is_known:
                        heapq.heappush(self._holds, kept)
                    else:
                        self._untold[number] = kept
        return hold

    def doubt(self) -> None:
        """Ask the store about all that is still held: it was out of reach."""
        with self._lock:
            known, self._holds = self._holds, []
            for one in known:
                if one.tell is not None and self._is_held(one.node, one.channel):
                    self._untold[one.number] = one
                else:  # its hold has ended, or is about to begin
                    self._holds.append(one)
            heapq.heapify(self._holds)

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
            while self._holds and self._holds[0].deadline <= now - _LATE_S:
                kept = heapq.heappop(self._holds)
                if kept.deadline > self._swept:
                    late.append(kept)
        self._end(late)

    def tell(self, now: float) -> None:
        """Ask the store about what it may not know, and end of that what is due by ``now``."""
        with self._lock:
            due = [kept for kept in self._untold.values() if kept.deadline <= now]
            for kept in due:
                del self._untold[kept.number]
            rest = list(self._untold.values())
        self._end(due)
        for kept in rest:
            try:
                if kept.tell is not None:
                    with Patience(_TELL_S):
                        kept.tell(now)
            except StoreError:
                return  # so are the others
            with self._lock:
                del self._untold[kept.number]
                heapq.heappush(self._holds, kept)

    def _end(self, late: list[_Kept]) -> None:
        if late:
            log.warning("the store is late: %d deadlines are kept without it", len(late))
        for kept in late:
            self._respond(kept.node, kept.channel, kept.response)

    def _run(self) -> None:
        while not self._stopped.wait(_TICK_S):
            now = time.time()
            try:
                self.end_late(now)
                self.tell(now)
            except Exception:
                log.exception("a deadline was not kept")
