"""How a host without WebSocket asks for its messages, and what it gets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ....store import Entry
from ..session import Connection, Opening


@dataclass(frozen=True)
class Stream:
    """A stream to be held.

    Attributes:
        channel: where it goes on.
        last: the number of the last message in it.
        link: the signed text that its next link is made of.
        body: what it begins with.
    """

    channel: str
    last: int
    link: str
    body: bytes


@dataclass(frozen=True)
class Polled:
    """The answer to a poll.

    Attributes:
        messages: as JSON texts.
        cursor: where the next poll goes on.
        channel: if not None the poll is held on it, and this is what it ends with in time.
        timeout_s: when Pushpin ends it by itself, in whole seconds.
    """

    messages: Sequence[Entry]
    cursor: str
    channel: str | None = None
    timeout_s: int = 0


@dataclass(frozen=True)
class HostRequest:
    """Who asks.

    Attributes:
        opening: what to open, should that be necessary.
        connection: the node, headers and transport; its id is not used.
        last: the event id that the request brought, or empty.
    """

    opening: Opening
    connection: Connection
    last: str
