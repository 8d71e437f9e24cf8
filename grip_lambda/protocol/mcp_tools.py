"""Methods as tools of the Model Context Protocol, and what they return as results of tools."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import orjson

from . import jsontext
from .mcp import as_text
from .openrpc import Description, Method
from .schemas import Schema, as_object, clean_text

#: How many characters the name of a tool may have, and its description.
_NAME_MAX, _TEXT_MAX = 64, 4_000
#: How many bytes the schemas of all tools may have together; others say less.
_SCHEMAS_MAX = 1_000_000
_ODD = re.compile(r"[^A-Za-z0-9_-]")
_BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}", re.ASCII)
_MIME = re.compile(r"[\w.+-]{1,100}/[\w.+-]{1,100}(;[ -~]{0,100})?", re.ASCII)


class Structure(IntEnum):
    """What of a result is structured.

    Attributes:
        ANY: an object is, and nothing is known of the result.
        OBJECT: an object is, as the schema says; another value is wrapped in one.
        WRAPPED: all that is returned is wrapped in an object, as the schema says.
    """

    ANY = 0
    OBJECT = 1
    WRAPPED = 2


@dataclass(frozen=True)
class Tool:
    """A method as a tool.

    Attributes:
        method: what is called.
        wrapped: the one argument that is the body; None if all of them are.
        structure: what becomes of its results.
        shown: as clients are shown it.
    """

    method: str
    wrapped: str | None
    structure: Structure
    shown: Mapping[str, Any]


@functools.lru_cache(maxsize=64)
def tools_of(description: Description) -> Mapping[str, Tool]:
    """Return the tools that a host has, by their names."""
    found: dict[str, Tool] = {}
    left = _SCHEMAS_MAX
    for method in description.methods:
        name = _name(method.name, found)
        tool = _tool(name, method)
        size = len(orjson.dumps(tool.shown))
        if size > left:
            bare = Method(method.name, method.summary, members={"type": "object"})
            tool = _tool(name, bare)
        else:
            left -= size
        found[name] = tool
    return found


def _name(method: str, taken: Mapping[str, Tool]) -> str:
    """Return a name that clients and models take: letters, digits, ``_`` and ``-``."""
    name = plain = _ODD.sub("_", method)[:_NAME_MAX]
    number = 1
    while name in taken:
        number += 1
        name = f"{plain[: _NAME_MAX - 5]}_{number}"
    return name


def _tool(name: str, method: Method) -> Tool:
    wrapped = None
    members = method.members
    if members is None:
        wrapped = method.first
        members = _wrapping(method.body, wrapped, needed=method.needs_body)
    shown: dict[str, Any] = {"name": name}
    text = clean_text(method.text or method.summary, _TEXT_MAX)
    if name != method.name:
        shown["title"] = clean_text(method.name, _NAME_MAX)
    if text:
        shown["description"] = text
    shown["inputSchema"] = members
    structure = Structure.ANY
    if method.result is not None:
        output = as_object(method.result)
        structure = Structure.WRAPPED if output is None else Structure.OBJECT
        shown["outputSchema"] = output or _wrapping(method.result, "result", needed=True)
    return Tool(method.name, wrapped, structure, shown)


def _wrapping(schema: Schema, name: str, *, needed: bool) -> Schema:
    """Return the schema of an object with one member."""
    definitions = schema.get("$defs")
    inner = {word: value for word, value in schema.items() if word != "$defs"}
    made: Schema = {"type": "object", "properties": {name: inner}}
    if needed:
        made["required"] = [name]
    return made | ({"$defs": definitions} if definitions else {})


def body_of(tool: Tool, arguments: bytes) -> bytes | None:
    """Return the body of the call that a tool's arguments make; None if they are no object."""
    try:
        given = jsontext.members(arguments)
    except ValueError:
        return None
    return arguments if tool.wrapped is None else given.get(tool.wrapped, b"null")


def call_result(value: bytes, structure: Structure) -> dict[str, bytes]:
    """Return the members of a tool's result, each a JSON text.

    Args:
        value: what the host returned, a JSON text.
    """
    if structure is Structure.ANY and (content := _content(value)) is not None:
        return {"content": content}
    text = b'[{"type":"text","text":%b}]' % as_text(value)
    is_object = value.lstrip(b" \t\r\n").startswith(b"{")
    if is_object and structure is not Structure.WRAPPED:
        return {"content": text, "structuredContent": value}
    if structure is Structure.ANY:
        return {"content": text}
    return {"content": text, "structuredContent": b'{"result":%b}' % value}


def call_error(text: str) -> dict[str, bytes]:
    """Return the members of the result of a tool that failed."""
    shown = jsontext.encode_string(text)
    return {"content": b'[{"type":"text","text":%b}]' % shown, "isError": b"true"}


def error_text(error: bytes) -> str:
    """Return what a host's error says, in words: a string, ``type: message``, or its JSON."""
    try:
        said = orjson.loads(error)
    except orjson.JSONDecodeError:
        return error.decode()
    if isinstance(said, str):
        return said
    if isinstance(said, dict):
        for message, kind in (("errorMessage", "errorType"), ("message", "code")):
            told = said.get(message)
            if isinstance(told, str):
                named = said.get(kind)
                is_named = isinstance(named, str | int) and named != ""
                return f"{named}: {told}" if is_named else told
    return error.decode()


def _content(value: bytes) -> bytes | None:
    """Return a result as content blocks, if it is one, or an array with one; else None."""
    if b'"type"' not in value:
        return None
    try:
        said = orjson.loads(value)
    except orjson.JSONDecodeError:
        return None
    if isinstance(said, dict):
        block = _block(said)
        return None if block is None else orjson.dumps([block])
    if not isinstance(said, list):
        return None
    blocks = [_block(one) for one in said]
    if not any(blocks):
        return None
    return orjson.dumps(
        [block or _text_block(one) for block, one in zip(blocks, said, strict=True)]
    )


def _text_block(value: Any) -> dict[str, Any]:
    is_text = isinstance(value, dict) and value.get("type") == "text"
    told = value.get("text") if is_text else value
    text = told if isinstance(told, str) else orjson.dumps(value).decode()
    return {"type": "text", "text": text}


def _block(said: Any) -> dict[str, Any] | None:
    """Return an image, a sound or a resource as clients are given it; None if it is none."""
    kind = said.get("type") if isinstance(said, dict) else None
    if kind in ("image", "audio"):
        if _is_base64(said.get("data")) and _is_mime(said.get("mimeType")):
            return {"type": kind, "data": said["data"], "mimeType": said["mimeType"]}
    elif kind == "resource_link":
        if isinstance(said.get("uri"), str) and isinstance(said.get("name"), str):
            return {"type": kind} | _texts(said, ("uri", "name", "title", "description"))
    elif kind == "resource" and isinstance(resource := said.get("resource"), dict):
        has_text = isinstance(resource.get("text"), str)
        if isinstance(resource.get("uri"), str) and (has_text or _is_base64(resource.get("blob"))):
            kept = _texts(resource, ("uri", "text" if has_text else "blob"))
            return {"type": kind, "resource": kept}
    return None


def _texts(said: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    kept = {name: said[name] for name in names if isinstance(said.get(name), str)}
    return kept | ({"mimeType": said["mimeType"]} if _is_mime(said.get("mimeType")) else {})


def _is_base64(value: Any) -> bool:
    return isinstance(value, str) and _BASE64.fullmatch(value) is not None


def _is_mime(value: Any) -> bool:
    return isinstance(value, str) and _MIME.fullmatch(value) is not None
