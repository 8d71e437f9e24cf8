"""JSON-RPC 2.0 as spoken between the server and a lambda's host that chose it.

What it says is what JSON-RPC 1.0 says (jsonrpc.py): the server invokes, the host answers, and
results and errors are kept as the bytes that came. Beyond that, params may have names,
notifications have no ``id``, and messages may come together, as arrays.

Source: the JSON-RPC 2.0 specification.
"""

from __future__ import annotations

from itertools import islice
from typing import Any

import msgspec
import orjson

from ..errors import ProtocolError
from . import jsontext
from .jsonrpc import (
    NULL,
    SPACE,
    Answer,
    Invalid,
    Message,
    Notification,
    Received,
    Request,
    elements,
    is_array,
)
from .jsontext import encode_string

CODE = "jsonrpc-2.0"

_VERSION = "2.0"
_METHOD_NOT_FOUND = -32601
_INVALID_REQUEST = -32600
#: So many elements of a batch may be no messages, and so many errors are told of one: answers to a
#: batch of events have little room.
_INVALID_MAX = _TOLD_MAX = 100


class _Message(msgspec.Struct):
    jsonrpc: Any = msgspec.UNSET
    id: Any = msgspec.UNSET
    method: Any = msgspec.UNSET
    params: msgspec.Raw = msgspec.Raw(b"[]")
    result: msgspec.Raw = msgspec.Raw(NULL)
    error: msgspec.Raw = msgspec.Raw(NULL)


_decoder = msgspec.json.Decoder(_Message)


def call_message(method: str, params: bytes, token: str) -> bytes:
    """Return the message that calls ``method``.

    Args:
        params: JSON texts with a comma between them; see ``named`` for those with names.
    """
    return _invocation(method, b"[%b]" % params, token)


def named(method: str, params: bytes, token: str) -> bytes:
    """Return the message that calls ``method`` with named params, a JSON object."""
    return _invocation(method, params, token)


def _invocation(method: str, params: bytes, token: str) -> bytes:
    return b'{"jsonrpc":"2.0","method":%b,"params":%b,"id":"%b"}' % (
        encode_string(method),
        params,
        token.encode(),
    )


def is_object(text: bytes) -> bool:
    """Tell whether a JSON text is an object, which can be named params."""
    return text.lstrip(SPACE).startswith(b"{")


def cancellation(token: str) -> bytes:
    """Return the notification that nobody waits for a call any more."""
    return b'{"jsonrpc":"2.0","method":"rpc.cancel","params":["%b"]}' % token.encode()


def open_message(lambda_id: str, details: dict[str, Any]) -> bytes:
    """Return the server's first message, which tells a host its id."""
    return orjson.dumps(
        {"jsonrpc": _VERSION, "method": "open", "params": [lambda_id, details], "id": 0}
    )


def receive(data: bytes) -> Received:
    """Read what came on a WebSocket: a message, or a batch of them.

    In a batch, what is none is ``Invalid``, and does not hinder the others.

    Raises:
        ProtocolError: it is neither, in UTF-8, or has a hundred elements that are no messages; the
            connection should end with 1007.
    """
    if not is_array(data):
        return Received([_parse(data)])
    messages: list[Message] = []
    invalid = 0
    for element in elements(data):
        try:
            messages.append(_parse(element))
        except ProtocolError:
            invalid += 1
            if invalid == _INVALID_MAX:  # each is told, which is more than it took to send it
                raise
            messages.append(Invalid())
    return Received(messages or [Invalid()], is_batch=bool(messages))


def parse_all(data: bytes) -> list[Message]:
    """Read what a host posts: one message, or a batch.

    Raises:
        ProtocolError: any of it is not JSON-RPC 2.0 in UTF-8.
    """
    if not is_array(data):
        return [_parse(data)]
    messages = [_parse(element) for element in elements(data)]
    if not messages:
        raise ProtocolError("a JSON-RPC batch can't be empty")
    return messages


def response(received: Received) -> bytes | None:
    """Return what answers a host that asked or sent what it should not; None for nothing."""
    errors = (_refusal(message) for message in received.messages)
    told = list(islice((error for error in errors if error is not None), _TOLD_MAX))
    if not told:
        return None
    return b"[%b]" % b",".join(told) if received.is_batch else told[0]


def _refusal(message: Message) -> bytes | None:
    if isinstance(message, Request):
        shown = message.method[:100]
        return _error(message.id, _METHOD_NOT_FOUND, f"Method not found: {shown}")
    if isinstance(message, Invalid):
        return _error(None, _INVALID_REQUEST, "Invalid Request")
    return None


def _error(id: Any, code: int, message: str) -> bytes:
    error = {"code": code, "message": message}
    return msgspec.json.encode({"jsonrpc": _VERSION, "error": error, "id": id})


def _parse(data: bytes) -> Message:
    try:
        message = jsontext.decode(_decoder, data)
    except msgspec.ValidationError:
        raise ProtocolError("a JSON-RPC message must be an object, or an array of them") from None
    except jsontext.UNREADABLE:
        raise ProtocolError("a message must be JSON in UTF-8") from None
    if message.jsonrpc != _VERSION:
        raise ProtocolError('a JSON-RPC 2.0 message must have "jsonrpc": "2.0"')
    if message.method is not msgspec.UNSET:
        if not isinstance(message.method, str):
            raise ProtocolError("a JSON-RPC method must be a string")
        if message.id is msgspec.UNSET or message.id is None:
            return Notification(message.method, bytes(message.params))
        return Request(_checked(message.id), message.method)
    if message.id is msgspec.UNSET:
        raise ProtocolError("a JSON-RPC response must have an id")
    if message.id is None:
        return None
    error = bytes(message.error)
    if error != NULL:
        return Answer(_checked(message.id), error, is_error=True)
    return Answer(_checked(message.id), bytes(message.result), is_error=False)


def _checked(id: Any) -> str | int | float:
    if isinstance(id, bool) or not isinstance(id, (str, int, float)):
        raise ProtocolError("a JSON-RPC id must be a string or a number")
    return id
