"""What the parts of the hub tell of that calls and hosts go through."""

from __future__ import annotations

from typing import Protocol

from ...errors import RequestError
from ...store import Call, Lambda, Outcome


class Watcher(Protocol):
    """Takes note; see watching.py."""

    def begun(self, call: Call, body: bytes, *, in_thread: bool = False) -> None:
        """Note a call that has begun."""

    def handed_over(self, call: Call) -> None:
        """Note that the store knows a call from now on."""

    def ended(self, call: Call, outcome: Outcome, connection: str = "") -> None:
        """Note a call that has ended."""

    def refused(self, call: Call, error: RequestError) -> None:
        """Note a call that was refused."""

    def opened(self, known: Lambda) -> None:
        """Note a lambda that has opened."""

    def closed(self, known: Lambda, reason: str) -> None:
        """Note a lambda that has closed, and why."""


class _Unwatched:
    """Takes no note, for parts that stand alone."""

    def begun(self, call: Call, body: bytes, *, in_thread: bool = False) -> None:
        pass

    def handed_over(self, call: Call) -> None:
        pass

    def ended(self, call: Call, outcome: Outcome, connection: str = "") -> None:
        pass

    def refused(self, call: Call, error: RequestError) -> None:
        pass

    def opened(self, known: Lambda) -> None:
        pass

    def closed(self, known: Lambda, reason: str) -> None:
        pass


UNWATCHED: Watcher = _Unwatched()
