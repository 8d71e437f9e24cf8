"""Batches of WebSocket-over-HTTP: what a client did, and what it is told.

Each event is ``TYPE[ SIZE]\\r\\n[content\\r\\n]``, the size in hexadecimal. Control messages
are gripcontrol's; its decoder takes any size on trust, so batches are read and written here.

Source: the WebSocket-over-HTTP protocol, as Pushpin speaks it.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable

from gripcontrol import WebSocketEvent, websocket_control_message

from ..errors import BadRequest

CONTENT_TYPE = "application/websocket-events"

#: Headers of the answer to OPEN: messages go out as they are, "c:" marks a control message.
GRIP_EXTENSION = ("Sec-WebSocket-Extensions", 'grip; message-prefix=""')

_TYPE = re.compile(rb"(OPEN|TEXT|BINARY|PING|PONG|CLOSE|DISCONNECT)(?: ([0-9A-Fa-f]{1,8}))?")


def decode(body: bytes) -> list[tuple[str, bytes]]:
    """Read a batch.

    Returns:
        Pairs of type and content, in order; the content is empty where the event has none.

    Raises:
        BadRequest: a type is unknown, or a size does not fit.
    """
    events = []
    at = 0
    while at < len(body):
        end = body.find(b"\r\n", at)
        head = _TYPE.fullmatch(body, at, end) if end >= 0 else None
        if head is None:
            raise BadRequest("the batch of WebSocket events is malformed")
        at = end + 2
        content = b""
        if head[2] is not None:
            size = int(head[2], 16)
            content = body[at : at + size]
            at += size + 2
            if body[at - 2 : at] != b"\r\n":
                raise BadRequest("an event's size is not that of its content")
        events.append((head[1].decode(), content))
    return events


def encode(events: Iterable[WebSocketEvent]) -> bytes:
    """Return the body that answers a batch; gripcontrol's takes the square of their number."""
    return b"".join(map(_encoded, events))


def _encoded(event: WebSocketEvent) -> bytes:
    kind: str = event.type
    content: str | bytes | None = event.content
    if content is None:
        return kind.encode() + b"\r\n"
    data = content.encode() if isinstance(content, str) else content
    return b"%b %x\r\n%b\r\n" % (kind.encode(), len(data), data)


def accepted() -> WebSocketEvent:
    """Return the event that accepts the connection."""
    return WebSocketEvent("OPEN")


def text(message: bytes) -> WebSocketEvent:
    """Return a text message to the client."""
    return WebSocketEvent("TEXT", message)


def pong(content: bytes) -> WebSocketEvent:
    """Return the answer to a client's ping."""
    return WebSocketEvent("PONG", content)


def subscribe(channel: str) -> WebSocketEvent:
    """Return the control message that subscribes the connection to ``channel``."""
    return WebSocketEvent(
        "TEXT", "c:" + websocket_control_message("subscribe", {"channel": channel})
    )


def ping_every(seconds: int) -> WebSocketEvent:
    """Return the control message that has Pushpin ping the client; each PONG comes as an event."""
    options = {"timeout": seconds, "mode": "interval", "message-type": "ping", "content": "p"}
    return WebSocketEvent("TEXT", "c:" + websocket_control_message("keep-alive", options))


def close(code: int, reason: str = "") -> WebSocketEvent:
    """Return the event that ends the connection (RFC 6455 section 5.5.1)."""
    text = reason.encode()[:123].decode(errors="ignore")  # no half of a character
    return WebSocketEvent("CLOSE", struct.pack(">H", code) + text.encode())


def close_echo(content: bytes) -> WebSocketEvent:
    """Return the answer to a client's CLOSE: its own code, or what is wrong with it.

    That is 1002 where the code is not allowed or half of one (of which Pushpin 1.36 makes none),
    1007 where the reason is no text.
    """
    if not content:
        return WebSocketEvent("CLOSE")
    if len(content) == 1:
        return close(1002, "half a close code")
    (code,) = struct.unpack(">H", content[:2])
    if not is_close_code(code):
        return close(1002, "invalid close code")
    try:
        content[2:].decode()
    except UnicodeDecodeError:
        return close(1007, "a reason must be in UTF-8")
    return WebSocketEvent("CLOSE", content[:2])


def is_close_code(code: int) -> bool:
    """Tell whether an endpoint may send a close code (RFC 6455 section 7.4)."""
    return code in (1000, 1001, 1002, 1003, *range(1007, 1015)) or 3000 <= code < 5000
