"""A WebSocket, as a function sees it: what one event brings, and what is answered to it."""

from __future__ import annotations

import re
import struct
from base64 import b64encode
from typing import Any

from gripcontrol import WebSocketEvent, websocket_control_message

from ..errors import BadRequest
from ..grip import events
from . import meta, publishing
from .errors import (
    BadBatch,
    ClientDisconnected,
    InvalidText,
    InvalidUse,
    NothingToReceive,
    NotWebSocket,
)
from .gateway import read

_MESSAGES = ("TEXT", "BINARY", "CLOSE", "DISCONNECT")
_META = "meta-"
_ID = re.compile(r"[!-+\--~]+", re.ASCII)
_EXTENSION = ("Sec-WebSocket-Extensions", "grip")
#: Bytes of one message in a response: Pushpin 1.36 never delivers one of 33,000.
MAX_MESSAGE = 32_000


class WebSocketContext:
    """What looks like a socket, for the time of one event.

    Attributes:
        id: the proxy's id of the connection.
        meta: what the function keeps with the connection, text by names in small letters. Plain,
            and whoever posts a request by hand can forge it: not for access.
        close_code: the code that the client closed with, once ``recv`` has returned None; None
            where it gave none.
        close_reason: the reason beside it.
        accepted: whether ``accept`` was called.
        closed: whether ``close`` was called.
    """

    def __init__(
        self,
        id: str,
        meta: dict[str, str],
        in_events: list[tuple[str, bytes]],
        grip_prefix: str = "",
    ) -> None:
        self.id = id
        self.meta = dict(meta)
        self.close_code: int | None = None
        self.close_reason = ""
        self.accepted = False
        self.closed = False
        self._meta_before = dict(meta)
        self._in = in_events
        self._at = 0
        self._out: list[WebSocketEvent] = []
        self._close: WebSocketEvent | None = None
        self._prefix = grip_prefix

    def is_opening(self) -> bool:
        """Tell whether this is a new connection, which waits to be accepted."""
        return bool(self._in) and self._in[0][0] == "OPEN"

    def accept(self) -> None:
        """Accept the new connection.

        Raises:
            InvalidUse: it is none: the proxy would drop the connection.
        """
        if not self.is_opening():
            raise InvalidUse("there is no new connection to accept; ask is_opening() before")
        self.accepted = True

    def can_recv(self) -> bool:
        """Tell whether ``recv`` has something to return."""
        self._answer_pings()
        return self._at < len(self._in)

    def recv(self) -> str | bytes | None:
        """Return the next message, text or bytes; None where the client closed the connection.

        Raises:
            NothingToReceive: there is no more in this event.
            ClientDisconnected: the client went away without a close frame.
            InvalidText: it sent a text that is not UTF-8; ``to_response`` closes with 1007.
        """
        if not self.can_recv():
            raise NothingToReceive("nothing more was received; ask can_recv() before recv()")
        kind, content = self._in[self._at]
        self._at += 1
        if kind == "TEXT":
            return self._text(content)
        if kind == "BINARY":
            return content
        if kind == "DISCONNECT":
            raise ClientDisconnected("the client went away without a close frame")
        self._closing(content)
        return None

    def send(self, message: str | bytes) -> None:
        """Send a text message; bytes are text in UTF-8.

        Raises:
            InvalidUse: it is none, or is too large for a response.
        """
        content = _sized(_bytes(message))
        try:
            content.decode()
        except UnicodeDecodeError:
            raise InvalidUse("bytes that are not UTF-8 are sent with send_binary()") from None
        self._out.append(WebSocketEvent("TEXT", b"m:" + content))

    def send_binary(self, message: str | bytes) -> None:
        """Send a binary message; text is sent in UTF-8.

        Raises:
            InvalidUse: it is none, or is too large for a response.
        """
        self._out.append(WebSocketEvent("BINARY", b"m:" + _sized(_bytes(message))))

    def send_control(self, message: str | bytes) -> None:
        """Send a control message to the proxy: JSON, as GRIP describes it."""
        self._out.append(WebSocketEvent("TEXT", b"c:" + _bytes(message)))

    def subscribe(self, channel: str) -> None:
        """Have the client get what is published to ``channel``."""
        self._control("subscribe", {"channel": self._prefix + channel})

    def unsubscribe(self, channel: str) -> None:
        """End that."""
        self._control("unsubscribe", {"channel": self._prefix + channel})

    def detach(self) -> None:
        """Have the proxy keep the connection by itself: no more events of it come."""
        self._control("detach", {})

    def close(self, code: int | None = None, reason: str = "") -> None:
        """Close the connection, behind what is sent.

        Args:
            code: 1000 if None; in answer to the client's close, the client's own.
            reason: for the client, up to 123 bytes.

        Raises:
            InvalidUse: an endpoint must not send this code.
        """
        if code is None:
            self._close = self._default_close(reason)
        elif type(code) is int and events.is_close_code(code):
            self._close = events.close(code, reason)
        else:
            raise InvalidUse(
                f"a close code is 1000 to 1014 or 3000 to 4999, as allowed, not {code!r}"
            )
        self.closed = True

    def to_response(self) -> dict[str, Any]:
        """Return what the function answers the event with.

        Waits for messages that were published without blocking: a function may be frozen then.

        Raises:
            InvalidUse: meta holds what a header can't say.
        """
        out = [events.accepted()] if self.accepted else []
        if self._close is None:
            self._answer_all_pings()
        out += self._out
        if self._close is not None:
            out.append(self._close)
        body = events.encode(out)
        headers = {"Content-Type": events.CONTENT_TYPE}
        if self.accepted:
            headers.update([_EXTENSION])
        headers.update(meta.changes(self._meta_before, self.meta))
        publishing.flush()
        return {
            "isBase64Encoded": True,
            "statusCode": 200,
            "headers": headers,
            "body": b64encode(body).decode(),
        }

    def _control(self, kind: str, options: dict[str, str]) -> None:
        self.send_control(websocket_control_message(kind, options))

    def _text(self, content: bytes) -> str:
        try:
            return content.decode()
        except UnicodeDecodeError:
            self.close(1007, "text must be UTF-8")
            raise InvalidText("the client sent a text that is not UTF-8") from None

    def _closing(self, content: bytes) -> None:
        if len(content) >= 2:
            (self.close_code,) = struct.unpack(">H", content[:2])
            self.close_reason = content[2:].decode(errors="replace")

    def _default_close(self, reason: str) -> WebSocketEvent:
        if self.close_code is None:
            return events.close(1000, reason)
        return events.close_echo(struct.pack(">H", self.close_code))

    def _answer_pings(self) -> None:
        """Pass over what the function does not see, up to the next that it does."""
        while self._at < len(self._in) and self._in[self._at][0] not in _MESSAGES:
            kind, content = self._in[self._at]
            self._at += 1
            if kind == "PING":
                self._out.append(events.pong(content))

    def _answer_all_pings(self) -> None:
        while self._at < len(self._in):
            self._answer_pings()
            self._at += 1


def lambda_get_websocket(event: object) -> WebSocketContext:
    """Return the WebSocket whose activity an event of API Gateway tells.

    Args:
        event: as AWS Lambda gives it to the function.

    Raises:
        NotWebSocket: it is not about a WebSocket; answer it with 400, or as plain HTTP.
        BadBatch: it says that it is, and can't be read.
    """
    request = read(event)
    kinds = {
        value.partition(";")[0].strip().lower() for value in request.headers.get("content-type", [])
    }
    if request.method != "POST" or kinds != {events.CONTENT_TYPE}:
        raise NotWebSocket(
            "this is no request of WebSocket-over-HTTP: that is a POST of"
            f" {events.CONTENT_TYPE}, made by the proxy"
        )
    ids = request.headers.get("connection-id", [])
    if len(ids) != 1 or not _ID.fullmatch(ids[0]):
        raise BadBatch("a batch of WebSocket events has one header Connection-Id")
    return WebSocketContext(
        ids[0],
        {
            name.removeprefix(_META): meta.decode(", ".join(values))
            for name, values in request.headers.items()
            if name.startswith(_META)
        },
        _batch(request.body),
        publishing.prefix(),
    )


def _batch(body: bytes) -> list[tuple[str, bytes]]:
    try:
        received = events.decode(body)
    except BadRequest as error:
        hint = ""
        if "\ufffd".encode() in body:
            hint = (
                f"; API Gateway changed its bytes: make {events.CONTENT_TYPE} a binary media type"
            )
        raise BadBatch(f"{error}{hint}") from None
    if any(kind == "OPEN" for kind, _ in received[1:]):
        raise BadBatch("OPEN is the first event of a connection")
    return received


def _bytes(message: str | bytes) -> bytes:
    if isinstance(message, str):
        try:
            return message.encode()
        except UnicodeEncodeError:
            raise InvalidUse(
                "the message has half a surrogate pair, which no text can have"
            ) from None
    if isinstance(message, bytes | bytearray | memoryview):
        return bytes(message)
    raise InvalidUse(f"a message is str or bytes, not {type(message).__name__}")


def _sized(content: bytes) -> bytes:
    if len(content) > MAX_MESSAGE:
        raise InvalidUse(
            f"a message may have {MAX_MESSAGE} bytes, not {len(content)}: the proxy would never"
            " deliver it; subscribe() to a channel and publish() there instead"
        )
    return content
