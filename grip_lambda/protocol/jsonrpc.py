"""JSON-RPC 1.0 as spoken between the server and a lambda's host.

The server invokes with ``{"method", "params", "id"}``; the host answers ``{"id", "result"}`` or
``{"id", "error"}``, with or without the other key. Results and errors are kept as the bytes that
the host sent: numbers and the order of keys are not ours to change.

Source: the JSON-RPC 1.0 specification, and the pmesh Lambda API (its client sends ``{"id"}``
alone when a handler returns nothing, which counts as a null result).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import orjson

from ..errors import ProtocolError
from . import jsontext
from .jsontext import encode_string

CODE = "json-rpc"
#: So many messages may come together, in an array.
MESSAGES_MAX = 10_000
_MESSAGE_TOO_BIG = 1009
NULL = b"null"
SPACE = b" \t\r\n"


class _Message(msgspec.Struct):
    id: Any = msgspec.UNSET
    method: Any = msgspec.UNSET
    params: msgspec.Raw = msgspec.Raw()
    result: msgspec.Raw = msgspec.Raw(NULL)
    error: msgspec.Raw = msgspec.Raw(NULL)


_decoder = msgspec.json.Decoder(_Message)
_pair = msgspec.json.Decoder(tuple[str, msgspec.Raw])


class TooMany(ProtocolError):
    """More messages came together than may."""


@dataclass(frozen=True)
class Answer:
    """A host's answer; ``id`` is the call's token, or 0 for the ``open`` message.

    Attributes:
        extra: what the host said beside it, as JSON; else empty.
    """

    id: str | int | float
    value: bytes
    is_error: bool
    extra: bytes = b""


@dataclass(frozen=True)
class Notification:
    """A message with ``"id": null``, which wants no answer."""

    method: str
    params: bytes


@dataclass(frozen=True)
class Request:
    """A call from the host to the server, which knows no methods."""

    id: Any
    method: str


@dataclass(frozen=True)
class Invalid:
    """What is no message, among others that are."""


#: What a host may send; None says nothing.
Message = Answer | Notification | Request | Invalid | None


@dataclass(frozen=True)
class Received:
    """What came in one piece on a WebSocket; several messages, if that is a batch."""

    messages: Sequence[Message]
    is_batch: bool = False


def call_message(method: str, body: bytes, token: str) -> bytes:
    """Return the message that calls ``method`` with ``body``, a JSON text, as its one parameter."""
    return b'{"method":%b,"params":[%b],"id":"%b"}' % (encode_string(method), body, token.encode())


def cancellation(token: str) -> bytes:
    """Return the notification that nobody waits for a call any more."""
    return b'{"method":"rpc.cancel","params":["%b"],"id":null}' % token.encode()


def open_message(lambda_id: str, details: dict[str, Any]) -> bytes:
    """Return the server's first message, which tells a host its id."""
    return orjson.dumps({"method": "open", "params": [lambda_id, details], "id": 0})


def unknown_method(request: Request) -> bytes:
    """Return the error that answers a host's own request."""
    error = f"unknown method: {request.method[:100]}"
    return msgspec.json.encode({"id": request.id, "result": None, "error": error})


def receive(data: bytes) -> Received:
    """Read what came on a WebSocket; as ``parse``."""
    return Received([parse(data)])


def response(received: Received) -> bytes | None:
    """Return what answers a host that asked something; None for nothing."""
    for message in received.messages:
        if isinstance(message, Request):
            return unknown_method(message)
    return None


def parse_all(data: bytes) -> list[Message]:
    """Read what a host posts: one message, or an array of them.

    Raises:
        ProtocolError: any of it is not JSON-RPC in UTF-8.
    """
    if not is_array(data):
        return [parse(data)]
    return [parse(one) for one in elements(data)]


def is_array(data: bytes) -> bool:
    """Tell whether several messages come together."""
    return data.lstrip(SPACE).startswith(b"[")


def elements(data: bytes) -> list[bytes]:
    """Return messages that come together, each as its text.

    Raises:
        ProtocolError: it is no array, or TooMany, of ``MESSAGES_MAX``.
    """
    try:
        found = jsontext.elements(data)
    except ValueError:
        raise ProtocolError("a message must be JSON in UTF-8") from None
    if len(found) > MESSAGES_MAX:
        raise TooMany(f"{MESSAGES_MAX} messages at most may come together", _MESSAGE_TOO_BIG)
    return found


def progress(message: Notification) -> tuple[str, bytes] | None:
    """Return the call and the value of a ``progress`` notification; None where it is none."""
    if message.method != "progress":
        return None
    try:
        token, value = _pair.decode(message.params)
    except msgspec.DecodeError:
        return None
    return token, bytes(value)


def parse(data: bytes) -> Answer | Notification | Request | None:
    """Read one message of a host.

    Returns:
        What it is, or None where it says nothing (``"id": null`` and no method).

    Raises:
        ProtocolError: it is not JSON-RPC in UTF-8; the connection should end with 1007.
    """
    try:
        message = jsontext.decode(_decoder, data)
    except msgspec.ValidationError:
        raise ProtocolError("a JSON-RPC message must be an object") from None
    except (UnicodeDecodeError, msgspec.MsgspecError, RecursionError):
        raise ProtocolError("a message must be JSON in UTF-8") from None
    if message.id is msgspec.UNSET:
        raise ProtocolError("a JSON-RPC message must have an id")
    if message.method is not msgspec.UNSET and message.method is not None:
        if not isinstance(message.method, str):
            raise ProtocolError("a JSON-RPC method must be a string")
        if message.id is None:
            return Notification(message.method, bytes(message.params))
        return Request(message.id, message.method)
    if message.id is None or isinstance(message.id, bool):
        return None
    if not isinstance(message.id, (str, int, float)):
        raise ProtocolError("a JSON-RPC id must be the one that was sent")
    error = bytes(message.error)
    if error != NULL:
        return Answer(message.id, error, is_error=True)
    return Answer(message.id, bytes(message.result), is_error=False)
