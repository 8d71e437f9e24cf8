"""How long a thread waits for the store: until somebody else has let go of it, or answers.

A thread says so around what it asks; it is looked at only if there is something to wait for.
"""

from __future__ import annotations

import threading
import time
from types import TracebackType

#: How long who does not say so waits, in seconds.
DEFAULT_S = 1.0
#: Who takes the answer of a host does so longer: its caller gets 504 if it is lost.
ANSWER_S = 4.0
_LEAST_S = 0.02


class _Thread(threading.local):
    seconds: float = DEFAULT_S
    until: float | None = None


_thread = _Thread()


class Patience:
    """Limits, as a context, how long this thread waits for the store."""

    __slots__ = ("_before", "_seconds")

    def __init__(self, seconds: float) -> None:
        """Prepare to wait no longer than so many seconds from the begin of the context."""
        self._seconds = seconds
        self._before: tuple[float, float | None] = DEFAULT_S, None

    def __enter__(self) -> None:
        self._before = _thread.seconds, _thread.until
        _thread.seconds, _thread.until = self._seconds, time.monotonic() + self._seconds

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        _thread.seconds, _thread.until = self._before


def for_call(left_s: float) -> Patience:
    """Return the patience for one step of a call: the more of the time is its host's.

    Args:
        left_s: seconds until the call's deadline.
    """
    return Patience(min(DEFAULT_S, max(_LEAST_S, left_s / 3)))


def left_s() -> float:
    """Return how long this thread may still wait, in seconds."""
    until = _thread.until
    return DEFAULT_S if until is None else max(0.0, until - time.monotonic())


def is_hasty() -> bool:
    """Tell whether this thread waits for less time than others do."""
    return _thread.seconds < DEFAULT_S


def is_patient() -> bool:
    """Tell whether this thread waits for longer than others do."""
    return _thread.seconds > DEFAULT_S
