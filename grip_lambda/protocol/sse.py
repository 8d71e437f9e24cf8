"""Server-sent events: a stream of UTF-8 text, read by a browser's ``EventSource`` and others.

Source: the HTML standard, section "Server-sent events".
"""

from __future__ import annotations

import re
from dataclasses import dataclass

CONTENT_TYPE = "text/event-stream"

#: Says nothing; keeps the connection from being cut where nothing passes for a while.
COMMENT = b":\n\n"

_LINE_END = re.compile(rb"\r\n|\n|\r")


@dataclass(frozen=True)
class Event:
    """One event.

    Attributes:
        data: its data, lines ended by a line feed.
        id: the last event id by then; empty where none was given.
        name: its type, ``message`` where it has none.
    """

    data: bytes
    id: str = ""
    name: str = "message"


def encode(data: bytes, id: str = "", name: str = "") -> bytes:
    """Return an event as it is sent.

    Args:
        data: UTF-8 text; a carriage return arrives as a line feed, which is all the same in JSON.
        id: what the reader comes back with; without line ends and NUL.
        name: its type; unnamed if empty. Without line ends.
    """
    lines = [f"event: {name}\n".encode()] if name else []
    if id:
        lines.append(f"id: {id}\n".encode())
    lines += [b"data: " + line + b"\n" for line in _LINE_END.split(data)]
    return b"".join(lines) + b"\n"


def only_id(id: str) -> bytes:
    """Return what tells a reader an id to come back with, and is no event."""
    return f"id: {id}\n\n".encode()


class Parser:
    """Reads a stream as it comes, in pieces of any size."""

    def __init__(self) -> None:
        self._held = b""
        self._line: list[bytes] = []  # the one that is not ended yet, in the pieces it came in
        self._begun = False
        self._data: list[bytes] = []
        self._name = ""
        self._id = self._last_id = ""
        #: How long a reader is asked to wait before it comes back, in milliseconds; None if not.
        self.retry_ms: int | None = None

    @property
    def last_id(self) -> str:
        """The id of what was read so far; a reader that comes back says it.

        An id counts from the end of its event on: before, the event would be missed.
        """
        return self._last_id

    def feed(self, piece: bytes) -> list[Event]:
        """Take what has arrived, and return the events that are whole now."""
        text, self._held = self._held + piece, b""
        if not self._begun:
            if b"\xef\xbb\xbf".startswith(text):
                self._held = text
                return []
            text = text.removeprefix(b"\xef\xbb\xbf")
            self._begun = True
        if text.endswith(b"\r"):  # which may be half of a line end
            text, self._held = text[:-1], b"\r"
        begun, *others = _LINE_END.split(text)
        self._line.append(begun)
        if not others:
            return []
        lines = [b"".join(self._line), *others[:-1]]
        self._line = others[-1:]
        return [event for line in lines for event in self._take(line)]

    def _take(self, line: bytes) -> list[Event]:
        if not line:
            return self._dispatch()
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._data.append(value)
        elif field == b"event":
            self._name = value.decode(errors="replace")
        elif field == b"id" and b"\0" not in value:
            self._id = value.decode(errors="replace")
        elif field == b"retry" and value.isdigit():
            self.retry_ms = int(value)
        return []

    def _dispatch(self) -> list[Event]:
        data, name = self._data, self._name
        self._data, self._name = [], ""
        self._last_id = self._id
        return [Event(b"\n".join(data), self._id, name or "message")] if data else []
