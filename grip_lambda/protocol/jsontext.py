"""JSON as text: read no further than needed, and passed on byte for byte.

Numbers of any size, the order of keys, and half surrogate pairs are not ours to change.
"""

from __future__ import annotations

import re
import secrets
from typing import TypeVar

import msgspec
import orjson

#: How deeply a body may be nested. An answer is read up to about twice that, so that no body can
#: cost a host that echoes it, within something of its own, its connection.
MAX_DEPTH = 500

_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
#: An escape in a string; the group is that of half a surrogate pair.
_ESCAPE = re.compile(rb"\\(?:u([dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL)
_ALIKE = bytes.maketrans(b"{}", b"[]")
_OTHERS = bytes(set(range(256)) - set(b"[]{}"))

_judge = msgspec.json.Decoder(msgspec.Raw)
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_elements = msgspec.json.Decoder(list[msgspec.Raw])

Message = TypeVar("Message", bound=msgspec.Struct)
Parts = TypeVar("Parts", dict[str, msgspec.Raw], list[msgspec.Raw])

#: What reading raises where a text is not JSON, not in UTF-8, or nested far too deep.
UNREADABLE = (UnicodeDecodeError, msgspec.MsgspecError, RecursionError)


class TooDeep(ValueError):
    """A text is nested so deep that it can't be read."""


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
    except UNREADABLE:
        return False
    return is_flat(text)


def is_flat(text: bytes, depth: int = MAX_DEPTH) -> bool:
    """Tell whether a JSON text is nested ``depth`` at most."""
    if text.count(b"[") + text.count(b"{") <= depth:
        return True
    brackets = _STRING.sub(b"", text).translate(_ALIKE, _OTHERS)
    for _ in range(depth):
        brackets = brackets.replace(b"[]", b"")  # the innermost ones
    return not brackets


def decode(decoder: msgspec.json.Decoder[Message], data: bytes) -> Message:
    """Read a message whose members are kept as text where they are ``msgspec.Raw``.

    Raises:
        msgspec.ValidationError: it has not that form.
        UnicodeDecodeError, msgspec.MsgspecError, RecursionError: it can't be read.
    """
    data.decode()  # the decoder does not look into what it keeps as bytes
    try:
        return decoder.decode(data)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        # The decoder refuses half a surrogate pair, which JSON allows and JavaScript writes where
        # a string was cut within a character: read it as plain text, and put it back.
        marker = _marker()
        message = decoder.decode(_hide_surrogates(data, marker))
        for name in message.__struct_fields__:
            value = getattr(message, name)
            if isinstance(value, msgspec.Raw):
                setattr(message, name, msgspec.Raw(bytes(value).replace(marker, rb"\u")))
        return message


def members(text: bytes) -> dict[str, bytes]:
    """Return the members of a JSON object, each as the text that it came in.

    Raises:
        ValueError: it is no JSON object; UnicodeDecodeError if it is not in UTF-8, TooDeep if it
            can't be read for its depth.
    """
    found, marker = _parts(_members, text)
    if not marker:
        return {name: bytes(value) for name, value in found.items()}
    if any(marker.decode() in name for name in found):
        raise ValueError("half a character in a name")
    return {name: bytes(value).replace(marker, rb"\u") for name, value in found.items()}


def elements(text: bytes) -> list[bytes]:
    """Return the elements of a JSON array, each as the text that it came in.

    Raises:
        ValueError: as ``members``.
    """
    found, marker = _parts(_elements, text)
    return [bytes(one).replace(marker, rb"\u") if marker else bytes(one) for one in found]


def _parts(decoder: msgspec.json.Decoder[Parts], text: bytes) -> tuple[Parts, bytes]:
    """Return the parts of a text, and the marker that stands for half a surrogate pair."""
    text.decode()
    try:
        try:
            return decoder.decode(text), b""
        except msgspec.ValidationError:
            raise
        except msgspec.DecodeError:
            marker = _marker()
            return decoder.decode(_hide_surrogates(text, marker)), marker
    except RecursionError:
        raise TooDeep("nested too deep") from None
    except msgspec.MsgspecError:
        raise ValueError("not what it should be in JSON") from None


def encode_string(text: str) -> bytes:
    """Return ``text`` as a JSON string."""
    return orjson.dumps(text)


def _marker() -> bytes:
    return b"z" + secrets.token_hex(16).encode()  # no digit, which could complete an escape


def _hide_surrogates(text: bytes, marker: bytes) -> bytes:
    return _ESCAPE.sub(lambda found: marker + found[1] if found[1] else found[0], text)
