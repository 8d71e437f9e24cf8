"""What is added to a log and then published leaves a process in the order of the log.

Pushpin puts in order what several processes publish, but not the first pieces of a hold: if one
comes that is not the first, it asks the hold's next link (feeds.py), which takes it a while.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

#: So many locks serve all logs.
_LOCKS = 256
#: How long a thread waits for its turn, in seconds: the order is not worth more, if the store that
#: another one is waiting for is slow.
_PATIENCE_S = 0.1


class Order:
    """Turns to add to logs and to publish, one at a time for each log."""

    def __init__(self) -> None:
        self._locks = [threading.Lock() for _ in range(_LOCKS)]

    @contextmanager
    def turn(self, place: str, name: str) -> Iterator[None]:
        """Take a turn at a log, or go on without one after a moment."""
        lock = self._locks[hash((place, name)) % _LOCKS]
        taken = lock.acquire(timeout=_PATIENCE_S)
        try:
            yield
        finally:
            if taken:
                lock.release()
