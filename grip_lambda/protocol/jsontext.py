"""JSON as text: read no further than needed, and passed on byte for byte.

Numbers of any size, the order of keys, and half surrogate pairs are not ours to change.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, chain
from typing import TypeVar

import msgspec
import orjson

#: How deeply a body may be nested. An answer is read up to about twice that, so that no body can
#: cost a host that echoes it, within something of its own, its connection.
MAX_DEPTH = 500

#: What opens counts 1 up, what closes 1 down, in bytes with a sign.
_STEPS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
_OTHERS = bytes(set(range(256)) - set(b'[]{}"'))
#: Bytes that are looked at at a time, so that a large text takes little memory beside its own.
_PIECE = 65536
_BOM = b"\xef\xbb\xbf"

_judge = msgspec.json.Decoder(msgspec.Raw)
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_elements = msgspec.json.Decoder(list[msgspec.Raw])

Message = TypeVar("Message", bound=msgspec.Struct)
Parts = TypeVar("Parts", dict[str, msgspec.Raw], list[msgspec.Raw])

#: What reading raises where a text is not JSON, not in UTF-8, or nested far too deep.
UNREADABLE = (UnicodeDecodeError, msgspec.MsgspecError, RecursionError)


class TooDeep(ValueError):
    """A text is nested so deep that it can't be read."""


def without_bom(text: bytes) -> bytes:
    """Return a text without the byte order mark that some programs put before it (RFC 8259 8.1)."""
    return text.removeprefix(_BOM)


def is_json(text: bytes) -> bool:
    """Tell whether ``text`` is one JSON value in UTF-8 (RFC 8259), nested ``MAX_DEPTH`` at most.

    Its numbers may be of any size. Takes 50 ms for a megabyte of whatever at most.
    """
    try:
        text.decode()  # which the judge does not look at
        try:
            _judge.decode(text)
        except msgspec.DecodeError:
            _judge.decode(_Halves.of(text).hidden(text))
    except UNREADABLE:
        return False
    return is_flat(text)


def is_flat(text: bytes, depth: int = MAX_DEPTH) -> bool:
    """Tell whether a JSON text is nested ``depth`` at most."""
    if text.count(b"[") + text.count(b"{") <= depth:
        return True
    return max(accumulate(chain.from_iterable(_steps(text))), default=0) <= depth


def _steps(text: bytes) -> Iterator[memoryview]:
    """Return 1 for each bracket in a JSON text that opens and -1 for each that closes, in pieces.

    Two quotation marks side by side change nothing in what is inside of a string and what is not.
    """
    unescaped = text.replace(rb"\\", b"").replace(rb"\"", b"")
    marks = unescaped.translate(_STEPS, _OTHERS).replace(b'""', b"")
    inside = 0
    for at in range(0, len(marks), _PIECE):
        parts = marks[at : at + _PIECE].split(b'"')
        yield memoryview(b"".join(parts[inside::2])).cast("b")
        inside = (inside + len(parts) - 1) % 2


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
        # a string was cut within a character: read something else there, and put it back.
        halves = _Halves.of(data)
        message = decoder.decode(halves.hidden(data))
        for name in message.__struct_fields__:
            value = getattr(message, name)
            if isinstance(value, msgspec.Raw):
                setattr(message, name, msgspec.Raw(halves.restored(bytes(value))))
            elif isinstance(value, str):
                setattr(message, name, halves.restored_text(value))
        return message


def members(text: bytes) -> dict[str, bytes]:
    """Return the members of a JSON object, each as the text that it came in.

    Raises:
        ValueError: it is no JSON object; UnicodeDecodeError if it is not in UTF-8, TooDeep if it
            can't be read for its depth.
    """
    found, halves = _parts(_members, text)
    if halves is None:
        return {name: bytes(value) for name, value in found.items()}
    if any(halves.are_in(name) for name in found):
        raise ValueError("half a character in a name")
    return {
        halves.restored_text(name): halves.restored(bytes(value)) for name, value in found.items()
    }


def elements(text: bytes) -> list[bytes]:
    """Return the elements of a JSON array, each as the text that it came in.

    Raises:
        ValueError: as ``members``.
    """
    found, halves = _parts(_elements, text)
    return [bytes(one) if halves is None else halves.restored(bytes(one)) for one in found]


def _parts(decoder: msgspec.json.Decoder[Parts], text: bytes) -> tuple[Parts, _Halves | None]:
    """Return the parts of a text, and what hides half surrogate pairs there; None if none are."""
    text.decode()
    try:
        try:
            return decoder.decode(text), None
        except msgspec.ValidationError:
            raise
        except msgspec.DecodeError:
            halves = _Halves.of(text)
            return decoder.decode(halves.hidden(text)), halves
    except RecursionError:
        raise TooDeep("nested too deep") from None
    except msgspec.MsgspecError:
        raise ValueError("not what it should be in JSON") from None


def encode_string(text: str) -> bytes:
    """Return ``text`` as a JSON string."""
    return orjson.dumps(text)


@dataclass(frozen=True)
class _Halves:
    """Hides half surrogate pairs, as ``\\u0...`` behind a marker; the text stays JSON, or none.

    Attributes:
        mark: stands before each of them.
        pair: stands for each escaped backslash, so that one is not taken for the begin of another
            escape.
    """

    mark: bytes
    pair: bytes

    @classmethod
    def of(cls, text: bytes) -> _Halves:
        """Return markers that are not in ``text``."""
        while (marker := b"z" + secrets.token_hex(3).encode()) in text:
            pass
        # The first byte is nowhere else in them: no marker is found across the end of another.
        return cls(marker + b"h", marker + b"p")

    def hidden(self, text: bytes) -> bytes:
        text = text.replace(rb"\\", self.pair)
        return text.replace(rb"\ud", self.mark + rb"d\u0").replace(rb"\uD", self.mark + rb"D\u0")

    def restored(self, text: bytes) -> bytes:
        text = text.replace(self.mark + rb"d\u0", rb"\ud").replace(self.mark + rb"D\u0", rb"\uD")
        return text.replace(self.pair, rb"\\")

    def are_in(self, text: str) -> bool:
        """Tell whether there are halves in a string that was read."""
        return self.mark.decode() in text

    def restored_text(self, text: str) -> str:
        """Return a string that was read, with the backslashes that it had."""
        return text.replace(self.pair.decode(), "\\")
