"""The Model Context Protocol: messages of its clients, over Streamable HTTP.

Revision 2026-07-28 has no sessions: each request says what it speaks. Clients of earlier revisions
begin with ``initialize``, after which nothing is kept here either. Requests come from strangers.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from . import jsontext

MODERN = "2026-07-28"
LEGACY = ("2025-11-25", "2025-06-18", "2025-03-26")
VERSIONS = (MODERN, *LEGACY)

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND = -32700, -32600, -32601
INVALID_PARAMS, INTERNAL_ERROR = -32602, -32603
HEADER_MISMATCH, UNSUPPORTED_VERSION = -32020, -32022

_META = "io.modelcontextprotocol/"
#: How many characters an id or a progress token may have.
_ID_MAX = 200
#: How long clients may take a list for true, in milliseconds.
_TTL_MS = 10_000
_SENTINEL = "=?base64?"
#: Requests whose name a header repeats.
_NAMED = frozenset({"tools/call", "resources/read", "prompts/get"})


class Refused(Exception):
    """A message that is answered with an error.

    Attributes:
        status: that of the response.
        body: the error, as a JSON-RPC response.
    """

    def __init__(
        self, code: int, message: str, *, id: bytes = b"", status: int = 400, data: Any = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = error(id, code, message, data)


@dataclass(frozen=True)
class Headers:
    """What the headers of a request repeat of its message; None for what they don't."""

    version: str | None = None
    method: str | None = None
    name: str | None = None


@dataclass(frozen=True)
class Message:
    """A request or a notification.

    Attributes:
        method: what it is about.
        id: the id of a request, a JSON text; empty for a notification.
        params: its parameters, each a JSON text.
        modern: whether it is of a revision without sessions.
        progress_token: what progress is reported with, a JSON text; empty for not at all.
    """

    method: str
    id: bytes = b""
    params: Mapping[str, bytes] = field(default_factory=dict)
    modern: bool = False
    progress_token: bytes = b""

    @property
    def is_request(self) -> bool:
        """Whether it is to be answered."""
        return self.id != b""

    def text(self, name: str) -> str:
        """Return a parameter that is a string.

        Raises:
            Refused: it is missing, or something else.
        """
        value = _loaded(self.params.get(name))
        if not isinstance(value, str):
            raise self.refusal(INVALID_PARAMS, f"params.{name} must be a string")
        return value

    def refusal(self, code: int, message: str, *, status: int = 200, data: Any = None) -> Refused:
        """Return an error that answers it."""
        return Refused(code, message, id=self.id, status=status, data=data)


def parse(body: bytes, headers: Headers) -> Message | None:
    """Read what a client posted; None for a response, to which nothing is said.

    Raises:
        Refused: it is no message, or of no revision that is spoken here.
    """
    if not jsontext.is_json(body):
        raise Refused(PARSE_ERROR, "the body must be one JSON-RPC message, in UTF-8")
    try:
        found = jsontext.members(body)
    except ValueError:
        raise Refused(
            INVALID_REQUEST, "the body must be one JSON-RPC message; batches are not taken"
        ) from None
    id = _id(found)
    method = _loaded(found.get("method"))
    if _loaded(found.get("jsonrpc")) != "2.0":
        raise Refused(INVALID_REQUEST, 'a message has "jsonrpc": "2.0"', id=id)
    if "method" not in found and id and ("result" in found or "error" in found):
        return None
    if not isinstance(method, str):
        raise Refused(INVALID_REQUEST, "a message has a method", id=id)
    params = _members(found.get("params", b"{}"))
    if params is None:
        raise Refused(INVALID_PARAMS, "params must be an object", id=id)
    meta = _members(params.get("_meta", b"{}"))
    if meta is None:
        raise Refused(INVALID_PARAMS, "params._meta must be an object", id=id)
    message = Message(method, id, params, _is_modern(meta, headers), _token(meta))
    if message.modern:
        _check(message, meta, headers)
    elif headers.version is not None and headers.version not in LEGACY and method != "initialize":
        raise _unsupported(message, headers.version)
    return message


def _is_modern(meta: Mapping[str, bytes], headers: Headers) -> bool:
    return f"{_META}protocolVersion" in meta or headers.version == MODERN


def _check(message: Message, meta: Mapping[str, bytes], headers: Headers) -> None:
    """Check what each request of a revision without sessions has to say."""
    if not message.is_request:
        return
    version = _loaded(meta.get(f"{_META}protocolVersion"))
    if not isinstance(version, str):
        name = f"{_META}protocolVersion"
        raise message.refusal(INVALID_PARAMS, f"params._meta needs {name!r}", status=400)
    if headers.version != version:
        raise _mismatch(message, "MCP-Protocol-Version", headers.version, version)
    if version != MODERN:
        raise _unsupported(message, version)
    if headers.method != message.method:
        raise _mismatch(message, "Mcp-Method", headers.method, message.method)
    if message.method in _NAMED:
        name = _loaded(message.params.get("uri" if message.method == "resources/read" else "name"))
        if isinstance(name, str) and _unwrapped(headers.name) != name:
            raise _mismatch(message, "Mcp-Name", headers.name, name)
    if _members(meta.get(f"{_META}clientCapabilities", b"null")) is None:
        name = f"{_META}clientCapabilities"
        raise message.refusal(INVALID_PARAMS, f"params._meta needs {name!r}", status=400)


def _mismatch(message: Message, header: str, said: str | None, meant: str) -> Refused:
    told = "is missing" if said is None else f"says {said[:100]!r}"
    text = f"the header {header} {told}, and the message {meant[:100]!r}"
    return message.refusal(HEADER_MISMATCH, text, status=400)


def _unsupported(message: Message, version: str) -> Refused:
    data = {"supported": VERSIONS, "requested": version[:100]}
    text = f"this protocol version is not spoken here; those are: {', '.join(VERSIONS)}"
    return message.refusal(UNSUPPORTED_VERSION, text, status=400, data=data)


def _unwrapped(value: str | None) -> str | None:
    """Return the value of a header that may be in base64."""
    if value is None or not (value.startswith(_SENTINEL) and value.endswith("?=")):
        return value
    try:
        return base64.b64decode(value[len(_SENTINEL) : -2], validate=True).decode()
    except (binascii.Error, ValueError):
        return None


def _id(found: Mapping[str, bytes]) -> bytes:
    """Return the id of a message, a JSON text; empty if it has none."""
    raw = found.get("id")
    if raw is None:
        return b""
    if not _is_name(raw):
        raise Refused(INVALID_REQUEST, f"an id is a string or a whole number, of {_ID_MAX} bytes")
    return raw


def _token(meta: Mapping[str, bytes]) -> bytes:
    raw = meta.get("progressToken", b"")
    return raw if raw and _is_name(raw) else b""


def _is_name(raw: bytes) -> bool:
    """Tell whether a JSON text is a string or a whole number, and not too long."""
    if len(raw) > _ID_MAX:
        return False
    return raw.startswith(b'"') or raw.removeprefix(b"-").isdigit()


def _members(raw: bytes) -> dict[str, bytes] | None:
    try:
        return jsontext.members(raw)
    except ValueError:
        return None


def _loaded(raw: bytes | None) -> Any:
    try:
        return None if raw is None else orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None


def error(id: bytes, code: int, message: str, data: Any = None) -> bytes:
    """Return a response that is an error; without an id if that is not known."""
    said: dict[str, Any] = {"code": code, "message": message}
    if data is not None:
        said["data"] = data
    told = b'"id":%b,' % id if id else b""
    return b'{"jsonrpc":"2.0",%b"error":%b}' % (told, orjson.dumps(said))


def result(message: Message, server: str, members: Mapping[str, Any]) -> bytes:
    """Return a response that is a result.

    Args:
        server: the version of this software.
    """
    said = dict(members)
    if message.modern:
        said = {"resultType": "complete", **said, "_meta": _about(server)}
    return b'{"jsonrpc":"2.0","id":%b,"result":%b}' % (message.id, orjson.dumps(said))


def _about(server: str) -> dict[str, Any]:
    return {f"{_META}serverInfo": {"name": "grip-lambda", "version": server}}


def server_info(server: str) -> bytes:
    """Return the ``_meta`` of each result of a revision without sessions, a JSON text."""
    return orjson.dumps(_about(server))


def introduced(message: Message, server: str, title: str, text: str) -> bytes:
    """Return the answer to ``initialize`` and to ``server/discover``.

    Args:
        server: the version of this software.
        title: what the tools are together, or empty.
        text: more about them.
    """
    capabilities = {"tools": {"listChanged": False}}
    said: dict[str, Any] = {"capabilities": capabilities}
    if text:
        said["instructions"] = text
    if message.modern:
        listed = {"supportedVersions": VERSIONS, **said}
        return result(message, server, listed | {"ttlMs": _TTL_MS, "cacheScope": "private"})
    asked = _loaded(message.params.get("protocolVersion"))
    info = {"name": "grip-lambda", "version": server} | ({"title": title} if title else {})
    version = asked if asked in LEGACY else LEGACY[0]
    return result(message, server, {"protocolVersion": version, **said, "serverInfo": info})


def listed(message: Message, server: str, tools: Sequence[Mapping[str, Any]]) -> bytes:
    """Return the answer to ``tools/list``."""
    said: dict[str, Any] = {"tools": tools}
    if message.modern:
        said |= {"ttlMs": _TTL_MS, "cacheScope": "private"}
    return result(message, server, said)


def notification(token: bytes, value: bytes, previous: Callable[[], bytes]) -> bytes:
    """Return the notification of progress that a host has reported.

    Args:
        token: that of the request, a JSON text.
        value: what the host said, a JSON text: a number is the progress, an object may have
            ``progress``, ``total`` and ``message``, anything else is a message.
        previous: gives the notification before, from which is counted on if the host says no
            number; empty if this is the first one.
    """
    said = _loaded(value)
    shown: dict[str, bytes] = {"progressToken": token}
    if _is_number(said):
        return _progress(shown | {"progress": value})
    if isinstance(said, dict) and said.keys() & {"progress", "total", "message"}:
        parts = jsontext.members(value)
        shown |= {one: parts[one] for one in ("progress", "total") if _is_number(said.get(one))}
        if isinstance(said.get("message"), str):
            shown["message"] = parts["message"]
    else:
        shown["message"] = as_text(value)
    if "progress" not in shown:
        shown["progress"] = orjson.dumps(_number_of(previous()) + 1)
    return _progress(shown)


def _number_of(notification: bytes) -> float:
    """Return the progress that a notification of ours tells; 0 if there is none."""
    said = _loaded(notification) if notification else None
    return said["params"]["progress"] if said else 0


def _progress(shown: Mapping[str, bytes]) -> bytes:
    params = b",".join(b'"%b":%b' % (name.encode(), text) for name, text in shown.items())
    return b'{"jsonrpc":"2.0","method":"notifications/progress","params":{%b}}' % params


def as_text(value: bytes) -> bytes:
    """Return a string that shows a JSON value: its JSON; that of a string is the string."""
    return value if value.startswith(b'"') else jsontext.encode_string(value.decode())


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
