"""What a host says of itself when it acknowledges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

_NAMES_MAX = 1000


@dataclass(frozen=True)
class Terms:
    """On which a lambda is open.

    Attributes:
        max_calls: how many calls it takes at a time; None for any number.
        methods: the names that it gave; None where it gave none.
        context: whether it wants the context of each call.
    """

    max_calls: int | None = None
    methods: list[str] | None = None
    context: bool = False


def parse_terms(result: bytes) -> Terms:
    """Read the host's answer to ``open``: any JSON; what makes no sense in it says nothing."""
    try:
        said = orjson.loads(result)
    except orjson.JSONDecodeError:  # a number beyond all floats, which says nothing to us
        return Terms()
    if not isinstance(said, dict):
        return Terms()
    return Terms(
        _count(said.get("max_calls")), _names(said.get("methods")), said.get("context") is True
    )


def _names(value: Any) -> list[str] | None:
    if not isinstance(value, list):
        return None
    return [name for name in value if isinstance(name, str)][:_NAMES_MAX]


def _count(value: Any) -> int | None:
    return value if type(value) is int and 0 < value < 2**31 else None
