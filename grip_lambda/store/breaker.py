"""Fails fast while a server does not answer, so that threads don't queue up behind its timeout."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Breaker:
    """Lets everything through until something fails; then one attempt at a time, now and then.

    Each attempt that ``may_try`` allows is followed by ``succeeded`` or ``failed``. Safe for many
    threads.
    """

    def __init__(self, pause_s: float, clock: Callable[[], float]) -> None:
        """Begin with all well.

        Args:
            pause_s: seconds from a failure to the next attempt.
            clock: tells the time in seconds; any steady clock.
        """
        self._pause_s = pause_s
        self._clock = clock
        self._lock = threading.Lock()
        self._broken = False
        self._probing = False
        self._next_probe = 0.0

    def may_try(self) -> bool:
        """Tell whether to try now."""
        if not self._broken:
            return True
        with self._lock:
            if self._probing or self._clock() < self._next_probe:
                return False
            self._probing = True
            return True

    def succeeded(self) -> None:
        """Note that the server answered."""
        if self._broken:
            with self._lock:
                self._broken = self._probing = False

    def failed(self) -> None:
        """Note that the server did not answer."""
        with self._lock:
            self._broken = True
            self._probing = False
            self._next_probe = self._clock() + self._pause_s
