"""What a store knows for whoever watches: how lambdas are used, by whom, and with what.

Nothing of this decides anything. It is written in steps apart from the way of a call.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .facts import Lambda

#: So many calls' bodies are kept at most, of the whole deployment.
BODIES_MAX = 500
#: So many bytes of a body, and of a result.
BODY_BYTES = 16_384
#: And for so long, in seconds.
BODIES_S = 600.0
#: So long it is remembered when a key was used, in seconds.
USED_S = 90 * 86400.0


@dataclass(frozen=True)
class Count:
    """Calls of a lambda that have ended since they were counted last.

    Attributes:
        lambda_id: whom they have called.
        connection: the host that was asked; empty for the one that has held the lambda since
            ``since``.
        since: when the first of them began, in seconds since 1970.
        calls, errors: how many there were, and of these how many ended otherwise than with 200.
        total_ms, max_ms: how long they took, together and at most, in milliseconds.
        last: when the last one ended, in seconds since 1970.
    """

    lambda_id: str
    connection: str
    since: float
    calls: int
    errors: int
    total_ms: float
    max_ms: float
    last: float


@dataclass(frozen=True)
class Watched:
    """An open lambda, and what has become of its calls since it opened.

    Attributes:
        calls, errors, total_ms, max_ms: as in ``Count``.
        last_call: when the last one ended, in seconds since 1970; 0 if none has.
        in_flight: how many calls the store knows that have not ended.
    """

    lambda_: Lambda
    calls: int = 0
    errors: int = 0
    total_ms: float = 0.0
    max_ms: float = 0.0
    last_call: float = 0.0
    in_flight: int = 0


@dataclass(frozen=True)
class Census:
    """What is open.

    Attributes:
        lambdas: how many lambdas, by node and transport.
        in_flight: how many calls the store knows that have not ended.
    """

    lambdas: Mapping[tuple[str, str], int]
    in_flight: int


@dataclass(frozen=True)
class Bodies:
    """What a call was asked with, and what it was answered.

    Attributes:
        name: the call; gives no access to it.
        lambda_id: whom it called.
        body, result: JSON texts, or the first ``BODY_BYTES`` of them; None if not known (yet).
        body_size, result_size: how many bytes they have.
    """

    name: str
    lambda_id: str
    body: bytes | None = None
    body_size: int = 0
    result: bytes | None = None
    result_size: int = 0


class WatchedStore(ABC):
    """The verbs of a store for whoever watches; each may raise StoreError."""

    @abstractmethod
    def count_calls(self, counts: Sequence[Count], now: float) -> None:
        """Add to what is known of open lambdas; what was counted of others is dropped."""

    @abstractmethod
    def watched(self, now: float, lambda_id: str | None = None) -> list[Watched]:
        """Return all open lambdas with their figures, oldest first; or only one, if it is open."""

    @abstractmethod
    def census(self, now: float) -> Census:
        """Count what is open."""

    @abstractmethod
    def used_keys(self, used: Mapping[str, float], now: float) -> dict[str, float]:
        """Note when API keys were used, by id, and return when each was last."""

    @abstractmethod
    def keep_bodies(self, bodies: Iterable[Bodies], now: float) -> None:
        """Keep what is known of calls' bodies, beside what is kept of the same calls already.

        The oldest go if there are more than ``BODIES_MAX``.
        """

    @abstractmethod
    def bodies(self, name: str, now: float) -> Bodies | None:
        """Return the bodies of a call; None if they are not kept."""

    @abstractmethod
    def with_bodies(self, now: float) -> set[str]:
        """Return the names of the calls whose bodies are kept."""

    @abstractmethod
    def version(self) -> tuple[str, str]:
        """Return the kind of the store, ``sqlite`` or ``redis``, and its version."""
