"""How calls end, as their callers see it, and what a host may say beside its result.

A host that gets the context may answer with an InvokeReply. Hosts are not trusted: a member of
another type than it should have is ignored.
"""

from __future__ import annotations

import json
from typing import Any, TypeGuard

import msgspec

from ...protocol import jsontext
from ...protocol.jsonrpc import Answer
from ...store import Outcome

#: The last so many bytes of a host's log lines are kept.
MAX_LOGS = 100_000
_MEMBERS = frozenset({"result", "errortype", "invokeid", "errors", "billing", "logs"})


DISCONNECTED = Outcome.of_failure(502, "disconnected", "lambda disconnected")
DEADLINE_EXCEEDED = Outcome.of_failure(
    504, "deadline_exceeded", "the lambda did not answer in time"
)
CANCELLED = Outcome.of_failure(410, "cancelled", "the call was cancelled")
RESULT_TOO_LARGE = Outcome.of_failure(
    502, "result_too_large", "the result is larger than a result may be"
)
BUSY = Outcome.of_failure(429, "busy", "the lambda has more to read than is kept; try again later")
TOO_MUCH = Outcome.of_failure(
    502, "result_too_large", "the lambda reported more progress than is kept"
)
UNAVAILABLE = Outcome.of_failure(
    503, "unavailable", "the lambda's proxy is out of reach; try again later"
)


def outcome_of_answer(answer: Answer, *, context: bool = False) -> Outcome:
    """Return the outcome that a host's answer gives, its value as it came.

    Args:
        context: whether the host gets the context of each call, and may answer in its terms.
    """
    if answer.is_error:
        return Outcome.of_host_error(answer.value, answer.extra)
    if context:
        return outcome_of_reply(answer.value)
    return Outcome.of_result(answer.value, answer.extra)


class HostRemarks(msgspec.Struct, frozen=True, omit_defaults=True):
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


_decoder = msgspec.json.Decoder(HostRemarks)


def remarks_of(outcome: Outcome) -> HostRemarks:
    """Return what the host of an ended call said beside its result."""
    return _decoder.decode(outcome.extra) if outcome.extra else HostRemarks()


def outcome_of_reply(result: bytes) -> Outcome:
    """Return the outcome that the result of a host with context gives.

    An object with ``errortype`` and no foreign member is an InvokeReply; anything else is the
    result itself.
    """
    try:
        members = jsontext.members(result)
    except ValueError:
        return Outcome.of_result(result)
    if "errortype" not in members or not members.keys() <= _MEMBERS:
        return Outcome.of_result(result)
    billing = _read(members.get("billing"))
    billing = billing if isinstance(billing, dict) else {}
    memory, used = billing.get("memory"), billing.get("used")
    errortype = _read(members["errortype"])
    report = HostRemarks(
        _clean(errortype) if isinstance(errortype, str) else "",
        _clean(memory) if isinstance(memory, str) else None,
        used if type(used) is int and abs(used) < 2**63 else None,
        _lines(_read(members.get("logs"))),
    )
    value = members.get("result", b"null")
    extra = msgspec.json.encode(report)
    if members.get("errors") == b"true":
        return Outcome.of_host_error(value, extra)
    return Outcome.of_result(value, extra)


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
    for line in map(_clean, filter(_is_text, reversed(value))):
        size = len(line.encode()) + 1
        if size > left:
            kept.append(line.encode()[size - left :].decode(errors="ignore"))
            break
        kept.append(line)
        left -= size
    return kept[::-1]


def _is_text(value: Any) -> TypeGuard[str]:
    return isinstance(value, str)


def _clean(text: str) -> str:
    """Return a text that can be written in UTF-8: without half surrogate pairs."""
    return text.encode(errors="replace").decode()
