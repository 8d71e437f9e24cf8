"""Logs: messages that are kept until who reads them has them, whatever happens meanwhile.

A log belongs to a lambda: the calls of a host without WebSocket, or the events of a streamed call.
It is read by one hold at a time; each hold has a number, and a later one takes the place of an
earlier one. What is appended is stored before it is published, so that a reader which comes (or
comes back) finds in ``attach`` all that it has missed, and ``append`` tells the hold to publish to.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

#: A log takes so many entries unless it is said, and so many bytes of them; more is refused.
ENTRIES_MAX = 1000
BYTES_MAX = 16 * 1024 * 1024
#: A log that is full is not looked through again for what is of no use for so many seconds.
FULL_S = 1.0


@dataclass(frozen=True)
class Entry:
    """One message of a log.

    Attributes:
        seq: its number; the first one of a log is 1.
        data: the message.
    """

    seq: int
    data: bytes


@dataclass(frozen=True)
class Reader:
    """The hold that reads a log.

    Attributes:
        hold: its number; the first one of a log is 1, and 0 is none.
        node: the Pushpin that holds it.
        kind: how it is to be sent what comes: ``sse`` or ``poll``.
        seen: the number of the last entry that there was when it began.
        until: when it ends by itself, at the latest.
    """

    hold: int = 0
    node: str = ""
    kind: str = ""
    seen: int = 0
    until: float = 0.0


@dataclass(frozen=True)
class Appended:
    """What was appended, and who reads it: ``seq`` is its number."""

    seq: int
    reader: Reader


@dataclass(frozen=True)
class Tail:
    """What of a log a reader has not seen yet.

    Attributes:
        entries: those that follow, in order; expired ones are left out.
        last: the number of the last entry that there ever was; 0 for none.
        reader: who reads the log now.
        final: whether nothing will follow.
        away_since: since when the reader is known to have gone, or None.
        previous: the hold whose place was taken just now, unless it has gone; else None.
    """

    entries: Sequence[Entry]
    last: int
    reader: Reader
    final: bool = False
    away_since: float | None = None
    previous: Reader | None = None


class Logs(ABC):
    """The logs of a store; each verb is one atomic step. Safe for many threads.

    Every method may raise StoreError where the store is out of reach. ``lives_s`` is for how many
    seconds the log is kept from now on; it never shortens that.
    """

    @abstractmethod
    def append(
        self,
        lambda_id: str,
        log: str,
        data: bytes,
        now: float,
        *,
        until: float,
        lives_s: float,
        connection: str | None = None,
        call: str | None = None,
        final: bool = False,
        most: int = ENTRIES_MAX,
        reserve: int = 0,
    ) -> Appended | None:
        """Add an entry.

        Args:
            lambda_id, log: whose log, and which.
            until: when the entry is of no use any more.
            connection: append only while this connection holds the lambda.
            call: append only while this call waits; where the log is full, what belongs to calls
                that have ended makes room.
            final: nothing follows.
            most: how many entries the log takes.
            reserve: how many of the bytes that it takes are left to others.

        Returns:
            Its number and its reader; None where the connection does not hold the lambda, the
            call does not wait or a final entry was appended already.

        Raises:
            Busy: the log is full.
        """

    @abstractmethod
    def attach(
        self,
        lambda_id: str,
        log: str,
        after: int,
        now: float,
        *,
        node: str,
        kind: str,
        until: float,
        lives_s: float,
        trim: bool = False,
    ) -> Tail:
        """Read a log with a new hold, which takes the place of any other.

        Args:
            node, kind, until: as in Reader.
            after: the number of the last entry that the reader has.
            trim: whether entries up to there may be removed.

        Returns:
            What the reader has not seen; ``reader`` is the new hold.
        """

    @abstractmethod
    def read(
        self, lambda_id: str, log: str, after: int, now: float, *, lives_s: float = 0.0
    ) -> Tail | None:
        """Return what follows an entry, and who reads; None where there is no such log."""

    @abstractmethod
    def detach(
        self, lambda_id: str, log: str, hold: int, now: float, *, expires: float | None = None
    ) -> bool:
        """Note that a hold has gone.

        Args:
            expires: if not None, the lambda expires then if the log is named like the connection
                that holds it (and does not expire before).

        Returns:
            Whether it was the reader; where another hold has taken its place nothing changes.
        """
