"""When lambdas were deleted: event ids from before are then of no use."""

from __future__ import annotations

from contextlib import suppress

from ...errors import Busy
from ...store import Store

_DELETED = "deleted"


_DAY_S = 86400.0


class Deletions:
    """When lambdas were deleted."""

    def __init__(self, store: Store) -> None:
        self._logs = store.logs

    def note(self, lambda_id: str, now: float) -> None:
        """Note that a lambda is deleted."""
        with suppress(Busy):  # a thousand times on one day
            self._logs.append(
                lambda_id, _DELETED, repr(now).encode(), now, until=now + _DAY_S, lives_s=_DAY_S
            )

    def last(self, lambda_id: str, now: float) -> float:
        """Return when a lambda was last deleted, within the last day; else 0."""
        tail = self._logs.read(lambda_id, _DELETED, 0, now)
        return float(tail.entries[-1].data) if tail is not None and tail.entries else 0.0
