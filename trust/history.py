"""What happened to calls, as those saw it who made, took and answered them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Asked:
    """A caller began a call.

    Attributes:
        call: its number; a call that is made again with its ``Idempotency-Key`` keeps it.
        host: the lambda that it is for.
        at, wait_s: when that was, and how long the caller waits, in seconds.
    """

    call: int
    host: str
    at: float
    wait_s: float


@dataclass(frozen=True)
class Delivered:
    """A host was asked."""

    call: int
    host: str
    at: float


@dataclass(frozen=True)
class Answered:
    """A host has answered."""

    call: int
    host: str
    value: object
    at: float


@dataclass(frozen=True)
class Told:
    """A caller was told how its call has ended.

    Attributes:
        status: that of HTTP; 0 if the connection ended instead.
        code: the word for what went wrong; empty for a result.
        value: the result.
    """

    call: int
    status: int
    code: str
    value: object
    at: float


Event = Asked | Delivered | Answered | Told


@dataclass
class History:
    """All of it, each kind in the order in which it was seen."""

    asked: list[Asked] = field(default_factory=list)
    delivered: list[Delivered] = field(default_factory=list)
    answered: list[Answered] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)

    def add(self, event: Event) -> None:
        """Write something down."""
        match event:
            case Asked():
                self.asked.append(event)
            case Delivered():
                self.delivered.append(event)
            case Answered():
                self.answered.append(event)
            case Told():
                self.told.append(event)

    def requests(self) -> Iterator[tuple[Asked, Told | None]]:
        """Return each request of a caller with its end; those of one call follow one another."""
        ends: dict[int, deque[Told]] = {}
        for told in self.told:
            ends.setdefault(told.call, deque()).append(told)
        for asked in self.asked:
            left = ends.get(asked.call)
            yield asked, left.popleft() if left else None
