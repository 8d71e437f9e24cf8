"""How threads wait for a file that another process holds."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from ...errors import StoreError
from ..patience import is_patient, left_s

T = TypeVar("T")

#: How long to rest before the next try, in seconds: twice as long each time.
_REST_MIN_S, _REST_MAX_S = 0.001, 0.025
#: A file that could not be written for so long, in seconds, is not waited for, but
_DELAY_S = 0.5
#: by so many threads that are more patient than others.
_PATIENT_MAX = 32


class Turns:
    """One thread at a time tries again; the others wait for that, each as long as it is patient.

    Each tries once by itself before, so that nobody waits for a file that is free again.
    """

    def __init__(self) -> None:
        self._trying = threading.Lock()
        self._patient = threading.BoundedSemaphore(_PATIENT_MAX)
        self._busy_since: float | None = None

    @property
    def are_delayed(self) -> bool:
        """Whether somebody has found the file busy, and nobody free since."""
        return self._busy_since is not None

    def go_on(self) -> None:
        """Note that the file could be written."""
        self._busy_since = None

    def wait_for(self, attempt: Callable[[], T | None]) -> T:
        """Try again until it is no longer in vain.

        Args:
            attempt: returns None if the file is busy.

        Raises:
            StoreError: it was, for as long as this thread is patient, or too long already.
        """
        now = time.monotonic()
        since, left = self._busy_since, left_s()
        if since is None:
            self._busy_since = since = now
        if now - since < _DELAY_S:
            return self._try(attempt, now + left)
        if not is_patient() or not self._patient.acquire(blocking=False):
            raise _busy()
        try:
            return self._try(attempt, now + left)
        finally:
            self._patient.release()

    def _try(self, attempt: Callable[[], T | None], until: float) -> T:
        if not self._trying.acquire(timeout=max(0.0, until - time.monotonic())):
            raise _busy()
        try:
            rest_s = _REST_MIN_S
            while (found := attempt()) is None:
                left = until - time.monotonic()
                if left <= 0:
                    raise _busy()
                time.sleep(min(rest_s, left))
                rest_s = min(2 * rest_s, _REST_MAX_S)
        finally:
            self._trying.release()
        self.go_on()
        return found


def is_busy(error: BaseException) -> bool:
    """Tell whether a statement failed because somebody else holds the file."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK)
    return code & 0xFF == sqlite3.SQLITE_BUSY  # the rest says why


@contextmanager
def suppress_busy() -> Iterator[None]:
    """Do without what can be done later as well."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if not is_busy(error):
            raise


def _busy() -> StoreError:
    return StoreError("the store is locked by another program; try again later")
