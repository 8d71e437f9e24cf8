"""Bodies of calls as people type them: JSON, `name=Oslo n:=3 @file`, or standard input."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

_MEMBER = re.compile(r"([^=\s\"{\[][^=]*?)(:?=)(.*)", re.DOTALL)


def body_of(items: Sequence[str], data: str | None) -> Any:
    """Return the body that arguments mean, decoded.

    Args:
        items: JSON alone; ``-`` or ``@file`` alone; or members of an object, ``name=text``,
            ``name:=JSON``, ``name=@file``, ``name:=@file``. If there are none, standard input is
            the body, unless it is a terminal or empty.
        data: what ``-d`` says, JSON or ``@file`` or ``-``; None without it.

    Raises:
        click.UsageError: they make no sense, or a file can't be read.
    """
    if data is not None:
        if items:
            raise click.UsageError(f"-d is the whole body; take it or {items[0]!r}, not both")
        return _whole(data)
    if not items:
        return _from_input()
    if len(items) == 1 and (items[0] == "-" or items[0].startswith("@")):
        return _whole(items[0])
    if len(items) == 1:
        found = _MEMBER.fullmatch(items[0])
        return _decoded(items[0]) if found is None else _members(items)
    return _members(items)


def _members(items: Sequence[str]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for item in items:
        found = _MEMBER.fullmatch(item)
        if found is None:
            raise click.UsageError(
                f"{item!r} is no member of a body: write name=text, name:=JSON or name=@file"
            )
        name, separator, text = found.groups()
        if name in members:
            raise click.UsageError(f"the body has {name!r} twice")
        if text.startswith("@"):
            text = _read(text[1:])
        members[name] = text if separator == "=" else _decoded(text, f"the value of {name}")
    return members


def _whole(text: str) -> Any:
    if text == "-":
        return _decoded(_input())
    return _decoded(_read(text[1:]) if text.startswith("@") else text)


def _from_input() -> Any:
    if sys.stdin is None or sys.stdin.isatty():
        return None
    text = _input()
    return _decoded(text) if text.strip() else None


def _input() -> bytes:
    try:
        return sys.stdin.buffer.read()
    except OSError as error:
        raise click.UsageError(f"standard input can't be read: {error.strerror}") from None


def _read(name: str) -> str:
    try:
        return Path(name).expanduser().read_text(encoding="utf-8")
    except OSError as error:
        raise click.UsageError(f"{name} can't be read: {error.strerror}") from None
    except (UnicodeDecodeError, ValueError):
        raise click.UsageError(f"{name} is no text in UTF-8") from None


def _decoded(text: str | bytes, what: str = "the body") -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        hint = ""
        if isinstance(text, str) and text[:1] not in ("{", "[", '"'):
            hint = "; for an object write name=text or name:=JSON, for a file @name"
        raise click.UsageError(f"{what} is not JSON: {error}{hint}") from None
