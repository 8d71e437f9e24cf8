"""Which channels were left, told from those that nobody sees because a link broke.

ZeroMQ reports a channel as unsubscribed if nobody is held on it any more, and reports all of them
if the link to Pushpin breaks, though everybody may be there. So what was left is told a moment
later, if the link is still the same; and some time after each new link it is told which channels
are held, for those who left meanwhile.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass

#: After this time what was left is told, in seconds. Most of it is known by then: a host's
#: ``DISCONNECT`` comes in a few milliseconds.
_SETTLED_S = 0.25
#: How long subscriptions may take to be announced, in seconds. It passes twice: before the proxy is
#: asked for a sign of life, and after that.
_ANNOUNCED_S = 0.5
#: How often there is nothing to do.
_IDLE_S = 0.5


@dataclass(frozen=True)
class Announced:
    """What a link has announced in its first second.

    Attributes:
        held: the channels that are held.
        since: when the link came up, in seconds since 1970.
    """

    held: frozenset[str]
    since: float


class Departures:
    """What is known of one link to Pushpin. For one thread."""

    def __init__(
        self, is_awake: Callable[[], bool], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin without a link.

        Args:
            is_awake: asks whether Pushpin does its work: one that stands still announces nothing.
        """
        self._is_awake = is_awake
        self._clock = clock
        self._left: deque[tuple[float, bytes]] = deque()
        self._is_linked = False
        #: When subscriptions are to be looked at; None where that has been done.
        self._look_at: float | None = None
        self._was_awake = False
        self._since = 0.0

    def linked(self) -> None:
        """Note that a link came up, after all that the one before it has reported."""
        self._is_linked = True
        self._since = time.time()
        self._look_at = self._clock() + _ANNOUNCED_S
        self._was_awake = False

    def broken(self) -> None:
        """Note that the link broke: whatever was left just now may have been so for that."""
        self._is_linked = False
        self._left.clear()
        self._look_at = None

    def left(self, name: bytes) -> None:
        """Note that a channel was unsubscribed."""
        if self._is_linked:
            self._left.append((self._clock() + _SETTLED_S, name))

    @property
    def pause_s(self) -> float:
        """For how many seconds nothing is due."""
        due = [_IDLE_S + self._clock()]
        if self._left:
            due.append(self._left[0][0])
        if self._look_at is not None:
            due.append(self._look_at)
        return max(0.0, min(due) - self._clock())

    def settled(self, held: Set[bytes]) -> Iterator[str | Announced]:
        """Yield channels that were left for good, and once for each link what it announced.

        Args:
            held: the channels that are held now. Whatever broke the link until now must have been
                noted before.
        """
        now = self._clock()
        while self._left and self._left[0][0] <= now:
            _, name = self._left.popleft()
            if name not in held:
                yield name.decode(errors="replace")
        if self._look_at is None or self._look_at > now:
            return
        if self._was_awake:
            self._look_at = None
            names = frozenset(name.decode(errors="replace") for name in held)
            yield Announced(names, self._since)
        else:
            self._was_awake = self._is_awake()
            self._look_at = self._clock() + _ANNOUNCED_S
