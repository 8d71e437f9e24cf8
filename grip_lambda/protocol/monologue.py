"""Monologue: calls between clients that are connected to the same server.

A client says ``whoami`` and gets its connection id, as plain text. From then on each message is
``{"to", "payload"}``, and reaches the connection ``to`` as ``{"from", "payload"}``. Two types of
payload make a call: ``{"type": "REQ", "data": {"token", "name", "args"}}`` and, back again,
``{"type": "ACK", "data": {"token", "ret"}}``. Ours is ``{"type": "NAK", "data": {"token",
"error"}}``, which the original client passes over.

Payloads are kept as the bytes that came: a client may have types of its own.

Source: the behaviour of @rootstream/monologue, client and router.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from ..errors import ProtocolError
from . import jsontext
from .ids import is_lambda_id
from .jsontext import encode_string, members
from .names import is_service

CODE = "monologue"
#: How long a call may take that does not say so, in seconds.
DEFAULT_WAIT_S = 15.0

_WHOAMI = b"whoami"
_NULL = b"null"
#: Bytes of a token: it is kept with its call, and sent back.
_TOKEN_MAX = 1000
_SHOWN_MAX = 100
#: A payload is nested that much deeper than the arguments in it.
_AROUND_ARGS = 3


@dataclass(frozen=True)
class Whoami:
    """A client asks for its id."""


@dataclass(frozen=True)
class Request:
    """A call.

    Attributes:
        to: whom it calls.
        token: the client's own, as JSON text.
        name: the listener; None where it is no text.
        args: the arguments, as JSON text: an array, if the client is right.
        payload: all of it, as it came.
    """

    to: str
    token: bytes
    name: str | None
    args: bytes
    payload: bytes


@dataclass(frozen=True)
class Refused:
    """A call that can be made to nobody.

    Attributes:
        to: whom it was meant to call.
        token: the client's own, as JSON text.
        why: what is wrong with it.
    """

    to: str
    token: bytes
    why: str


@dataclass(frozen=True)
class Answer:
    """The answer to a call.

    Attributes:
        to: who called, as told with the call.
        token: the caller's own, as JSON text.
        value: what the listener returned (null where it returned nothing), or its error.
        payload: all of it as it came, where it says more than that; else empty.
    """

    to: str
    token: bytes
    value: bytes
    is_error: bool
    payload: bytes


@dataclass(frozen=True)
class Other:
    """A message of a type that is the clients' own."""

    to: str
    payload: bytes


def parse(data: bytes) -> Whoami | Request | Refused | Answer | Other | None:
    """Read one message of a client.

    Returns:
        What it is, or None where nothing can be done with it.

    Raises:
        ProtocolError: it is not UTF-8, or nested far too deep; the connection should end.
    """
    if data == _WHOAMI:
        return Whoami()
    try:
        return _read(data)
    except UnicodeDecodeError:
        raise ProtocolError("a message must be in UTF-8") from None
    except jsontext.TooDeep:
        raise ProtocolError("a message must not be nested so deep") from None
    except ValueError:
        return None


def _read(data: bytes) -> Request | Refused | Answer | Other | None:
    message = members(data)
    whole = message.get("payload", _NULL)
    payload = members(whole)
    content = members(payload["data"]) if "data" in payload else {}
    to, kind = _text(message.get("to")), _text(payload.get("type"))
    token = content.get("token")
    if kind == "REQ" and token is not None and token_key(token) is not None:
        return _request(to, token, content, whole)
    if to is None or kind is None:
        return None
    if kind in ("ACK", "NAK"):
        return _answer(to, kind, payload, content, whole)
    return Other(to, whole) if is_lambda_id(to) and _is_flat(whole) else None


def _request(
    to: str | None, token: bytes, content: dict[str, bytes], payload: bytes
) -> Request | Refused:
    if to is None or not (is_lambda_id(to) or is_service(to)):
        shown = to if to is not None and len(to) <= _SHOWN_MAX else ""
        return Refused(
            shown, token, "`to` must be the id of a connection or a lambda, or a service"
        )
    if not _is_flat(payload):
        return Refused(to, token, f"arguments may be nested {jsontext.MAX_DEPTH} levels deep")
    return Request(to, token, _text(content.get("name")), content.get("args", b"[]"), payload)


def _answer(
    to: str, kind: str, payload: dict[str, bytes], content: dict[str, bytes], whole: bytes
) -> Answer | None:
    token = content.get("token")
    if token is None or token_key(token) is None:
        return None
    name = "ret" if kind == "ACK" else "error"
    is_plain = payload.keys() == {"type", "data"} and content.keys() == {"token", name}
    value = content.get(name, _NULL)
    return Answer(to, token, value, kind == "NAK", b"" if is_plain else whole)


def _is_flat(payload: bytes) -> bool:
    return jsontext.is_flat(payload, jsontext.MAX_DEPTH + _AROUND_ARGS)


def token_key(token: bytes) -> bytes | None:
    """Return what is the same for all spellings of a token; None where it can't be one."""
    if len(token) > _TOKEN_MAX:
        return None
    try:
        value = orjson.loads(token)
    except orjson.JSONDecodeError:
        return None
    return orjson.dumps(value) if type(value) in (str, int) else None


def _text(value: bytes | None) -> str | None:
    """Return a JSON text as a string, if it is one."""
    try:
        text = orjson.loads(value or _NULL)
    except orjson.JSONDecodeError:  # half a surrogate pair
        return None
    return text if isinstance(text, str) else None


def routed(sender: str, payload: bytes) -> bytes:
    """Return the message that brings a payload to its connection."""
    return b'{"from":%b,"payload":%b}' % (encode_string(sender), payload)


def request(sender: str, token: str, name: str, args: bytes) -> bytes:
    """Return the message that calls the listener ``name`` with ``args``, a JSON array."""
    data = b'{"token":%b,"name":%b,"args":%b}' % (encode_string(token), encode_string(name), args)
    return routed(sender, b'{"type":"REQ","data":%b}' % data)


def ack(sender: str, token: bytes, ret: bytes) -> bytes:
    """Return the message that answers a call of ``token`` with ``ret``; both are JSON texts."""
    return routed(sender, b'{"type":"ACK","data":{"token":%b,"ret":%b}}' % (token, ret))


def nak(sender: str, token: bytes, error: bytes, code: str | None = None) -> bytes:
    """Return the message that tells of a call that failed.

    Args:
        sender: who was called.
        token: the caller's own, as JSON text.
        error: JSON text; the listener's own, or ours with a ``code``.
        code: the machine-readable word beside it, as over HTTP.
    """
    more = b"" if code is None else b',"code":%b' % encode_string(code)
    data = b'{"token":%b,"error":%b%b}' % (token, error, more)
    return routed(sender, b'{"type":"NAK","data":%b}' % data)


def whoami(lambda_id: str, details: dict[str, Any]) -> bytes:
    """Return the answer to ``whoami`` for clients that asked for more than the id."""
    return orjson.dumps({"id": lambda_id, **details})
