"""What a host says of itself when it acknowledges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

_NAMES_MAX = 1000
#: How much a host may say of its methods beside their names, in bytes; more of it is ignored.
_DESCRIBED_MAX = 32_000
_MEMBERS = ("name", "description", "params", "result")


@dataclass(frozen=True)
class Acknowledgement:
    """What a host asks for when it opens a lambda.

    Attributes:
        max_calls: how many calls it takes at a time; None for any number.
        methods: the names that it gave; None where it gave none.
        context: whether it wants the context of each call.
        described: what it said of methods beside their names, as JSON; else empty.
    """

    max_calls: int | None = None
    methods: list[str] | None = None
    context: bool = False
    described: str = ""

    @classmethod
    def parse(cls, result: bytes) -> Acknowledgement:
        """Read the host's answer to ``open``: any JSON; members that make no sense are ignored."""
        try:
            said = orjson.loads(result)
        except orjson.JSONDecodeError:  # a number beyond all floats, which says nothing to us
            return cls()
        if not isinstance(said, dict):
            return cls()
        methods = said.get("methods")
        return cls(
            _count(said.get("max_calls")),
            _names(methods),
            said.get("context") is True,
            _described(methods),
        )


def _names(value: Any) -> list[str] | None:
    if not isinstance(value, list):
        return None
    names = (one.get("name") if isinstance(one, dict) else one for one in value)
    return [name for name in names if isinstance(name, str)][:_NAMES_MAX]


def _described(value: Any) -> str:
    objects = [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
    said = [
        {member: one[member] for member in _MEMBERS if member in one}
        for one in objects[:_NAMES_MAX]
        if isinstance(one.get("name"), str)
    ]
    text = orjson.dumps(said) if said else b""
    return text.decode() if len(text) <= _DESCRIBED_MAX else ""


def _count(value: Any) -> int | None:
    return value if type(value) is int and 0 < value < 2**31 else None
