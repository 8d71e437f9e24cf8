"""JSON-RPC 1.0 as spoken between the server and a lambda's host.

The server invokes with ``{"method", "params", "id"}``; the host answers ``{"id", "result"}`` or
``{"id", "error"}``, with or without the other key. Results and errors are kept as the bytes that
the host sent: numbers and the order of keys are not ours to change.

Source: the JSON-RPC 1.0 specification, and the pmesh Lambda API (its client sends ``{"id"}``
alone when a handler returns nothing, which counts as a null result).
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import Any

import msgspec
import orjson

from ..errors import ProtocolError

CODE = "json-rpc"
#: How deeply a body may be nested. An answer is read up to about twice that, so that no body can
#: cost a host that echoes it, within something of its own, its connection.
MAX_DEPTH = 500
_NULL = b"null"
_SPACE = b" \t\r\n"
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
#: An escape in a string; the group is that of half a surrogate pair.
_ESCAPE = re.compile(rb"\\(?:u([dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL)
_ALIKE = bytes.maketrans(b"{}", b"[]")
_OTHERS = bytes(set(range(256)) - set(b"[]{}"))


class _Message(msgspec.Struct):
    id: Any = msgspec.UNSET
    method: Any = msgspec.UNSET
    params: msgspec.Raw = msgspec.Raw()
    result: msgspec.Raw = msgspec.Raw(_NULL)
    error: msgspec.Raw = msgspec.Raw(_NULL)


_decoder = msgspec.json.Decoder(_Message)
_array = msgspec.json.Decoder(list[msgspec.Raw])
_pair = msgspec.json.Decoder(tuple[str, msgspec.Raw])
_judge = msgspec.json.Decoder(msgspec.Raw)
_object = msgspec.json.Decoder(dict[str, msgspec.Raw])


@dataclass(frozen=True)
class Answer:
    """A host's answer; ``id`` is the call's token, or 0 for the ``open`` message."""

    id: str | int | float
    value: bytes
    is_error: bool


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


def is_json(text: bytes) -> bool:
    """Tell whether ``text`` is one JSON value in UTF-8 (RFC 8259), nested ``MAX_DEPTH`` at most.

    Its numbers may be of any size.
    """
    try:
        text.decode()  # which the judge does not look at
        try:
            _judge.decode(text)
        except msgspec.DecodeError:
            _judge.decode(_hide_surrogates(text, _marker()))
    except (UnicodeDecodeError, msgspec.MsgspecError, RecursionError):
        return False
    return text.count(b"[") + text.count(b"{") <= MAX_DEPTH or _is_flat(text)


def members(text: bytes) -> dict[str, bytes]:
    """Return the members of a JSON object, each as the text that it came in.

    Raises:
        ValueError: it is no JSON object in UTF-8.
    """
    marker = b""
    try:
        text.decode()
        try:
            found = _object.decode(text)
        except msgspec.ValidationError:
            raise
        except msgspec.DecodeError:
            marker = _marker()
            found = _object.decode(_hide_surrogates(text, marker))
    except (UnicodeDecodeError, msgspec.MsgspecError, RecursionError):
        raise ValueError("no JSON object") from None
    if not marker:
        return {name: bytes(value) for name, value in found.items()}
    if any(marker.decode() in name for name in found):
        raise ValueError("half a character in a name")
    return {name: bytes(value).replace(marker, rb"\u") for name, value in found.items()}


def _is_flat(text: bytes) -> bool:
    """Tell whether a JSON text is nested ``MAX_DEPTH`` at most."""
    brackets = _STRING.sub(b"", text).translate(_ALIKE, _OTHERS)
    for _ in range(MAX_DEPTH):
        brackets = brackets.replace(b"[]", b"")  # the innermost ones
    return not brackets


def _decode(data: bytes) -> _Message:
    try:
        return _decoder.decode(data)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        # The decoder refuses half a surrogate pair, which JSON allows and JavaScript writes where
        # a string was cut within a character: read it as plain text, and put it back.
        marker = _marker()
        message = _decoder.decode(_hide_surrogates(data, marker))
        for name in ("params", "result", "error"):
            shown = bytes(getattr(message, name)).replace(marker, rb"\u")
            setattr(message, name, msgspec.Raw(shown))
        return message


def _marker() -> bytes:
    return b"z" + secrets.token_hex(16).encode()  # no digit, which could complete an escape


def _hide_surrogates(text: bytes, marker: bytes) -> bytes:
    return _ESCAPE.sub(lambda found: marker + found[1] if found[1] else found[0], text)


def encode_string(text: str) -> bytes:
    """Return ``text`` as a JSON string."""
    return orjson.dumps(text)


def invocation(method: str, body: bytes, token: str) -> bytes:
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


def parse_all(data: bytes) -> list[Answer | Notification | Request | None]:
    """Read what a host posts: one message, or an array of them.

    Raises:
        ProtocolError: any of it is not JSON-RPC in UTF-8.
    """
    if not data.lstrip(_SPACE).startswith(b"["):
        return [parse(data)]
    try:
        data.decode()
        try:
            messages = _array.decode(data)
        except msgspec.DecodeError:
            marker = _marker()
            hidden = _array.decode(_hide_surrogates(data, marker))
            messages = [msgspec.Raw(bytes(one).replace(marker, rb"\u")) for one in hidden]
    except (UnicodeDecodeError, msgspec.MsgspecError, RecursionError):
        raise ProtocolError("a message must be JSON in UTF-8") from None
    return [parse(bytes(one)) for one in messages]


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
        data.decode()  # the decoder does not look into what it keeps as bytes
        message = _decode(data)
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
    if error != _NULL:
        return Answer(message.id, error, is_error=True)
    return Answer(message.id, bytes(message.result), is_error=False)
