"""How long to wait before the next try."""

from __future__ import annotations

import random
from collections.abc import Callable


class Backoff:
    """Waits that grow, each drawn between 0 and the next limit, so that nobody is in step.

    Args:
        first_s: the limit of the first wait, in seconds.
        longest_s: what the limits, each twice the one before, grow to, in seconds.
        draw: gives numbers from 0 to 1.
    """

    def __init__(
        self,
        first_s: float = 1.0,
        longest_s: float = 30.0,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._draw = draw
        self._limit_s = first_s

    def next(self) -> float:
        """Return the seconds to wait now."""
        limit_s, self._limit_s = self._limit_s, min(self._limit_s * 2, self._longest_s)
        return self._draw() * limit_s

    def reset(self) -> None:
        """Begin again: the last try was a success."""
        self._limit_s = self._first_s
