"""What hosts that get the context may answer: an InvokeReply, which says more than a result.

Hosts are not trusted: a member of another type than it should have says nothing.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from ..protocol import jsontext
from ..store import Outcome

#: The last so many bytes of a host's log lines are kept.
MAX_LOGS = 100_000
_MEMBERS = frozenset({"result", "errortype", "invokeid", "errors", "billing", "logs"})


class Report(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a host said beside its result.

    Attributes:
        errortype: the type of its error; empty if it said none.
        memory: the memory that it had, in words, or None.
        used: the memory that it used, in MB, or None.
        logs: lines, or None where it sent none.
    """

    errortype: str = ""
    memory: str | None = None
    used: int | None = None
    logs: list[str] | None = None


_decoder = msgspec.json.Decoder(Report)


def report_of(outcome: Outcome) -> Report:
    """Return what the host of an ended call said beside its result."""
    return _decoder.decode(outcome.extra) if outcome.extra else Report()


def outcome_of(result: bytes) -> Outcome:
    """Return the outcome that the result of a host with context gives.

    An object with ``errortype`` and no foreign member is an InvokeReply; anything else is the
    result itself.
    """
    try:
        members = jsontext.members(result)
    except ValueError:
        return Outcome(200, result)
    if "errortype" not in members or not members.keys() <= _MEMBERS:
        return Outcome(200, result)
    billing = _read(members.get("billing"))
    billing = billing if isinstance(billing, dict) else {}
    memory, used = billing.get("memory"), billing.get("used")
    errortype = _read(members["errortype"])
    report = Report(
        _clean(errortype) if isinstance(errortype, str) else "",
        _clean(memory) if isinstance(memory, str) else None,
        used if type(used) is int and abs(used) < 2**63 else None,
        _lines(_read(members.get("logs"))),
    )
    value = members.get("result", b"null")
    extra = msgspec.json.encode(report)
    if members.get("errors") == b"true":
        return Outcome(400, b'{"error":%b}' % value, extra)
    return Outcome(200, value, extra)


def _read(text: bytes | None) -> Any:
    try:
        return None if text is None else json.loads(text)
    except (ValueError, RecursionError):  # a number with too many digits, say
        return None


def _lines(value: Any) -> list[str] | None:
    """Return the last log lines, ``MAX_LOGS`` bytes of them at most."""
    if not isinstance(value, list):
        return None
    kept: list[str] = []
    left = MAX_LOGS
    for line in reversed([_clean(one) for one in value if isinstance(one, str)]):
        size = len(line.encode()) + 1
        if size > left:
            kept.append(line.encode()[size - left :].decode(errors="ignore"))
            break
        kept.append(line)
        left -= size
    return kept[::-1]


def _clean(text: str) -> str:
    """Return a text that can be written in UTF-8: without half surrogate pairs."""
    return text.encode(errors="replace").decode()
