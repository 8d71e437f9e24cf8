"""Calls as invocations of functions: what they need of the hub beside a plain call.

The rules for errors are AWS Lambda's: a function's error is an object with ``errorMessage`` and
``errorType``.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import orjson

from ....protocol import jsontext, mless
from ....protocol.http import WAIT_MAX_S, WAIT_MIN_S
from ....store import Call, Outcome
from ..outcomes import remarks_of
from ..responses import Response
from .base import Kind

#: What the error of a call without an answer is called, by its code.
_ERROR_TYPES = {
    "disconnected": "Disconnected",
    "deadline_exceeded": "Timeout",
    "result_too_large": "ResultTooLarge",
    "cancelled": "Cancelled",
}


class InvocationDetails(msgspec.Struct, frozen=True):
    """What is kept of an invocation for its reply.

    Attributes:
        id: the id of the invocation.
        tail: whether the last of the logs are wanted.
    """

    id: str
    tail: bool = False

    def encode(self) -> str:
        """Return the details of a call."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def of(cls, call: Call) -> InvocationDetails:
        """Read the details of a call."""
        return _decoder.decode(call.details)


_decoder = msgspec.json.Decoder(InvocationDetails)


@dataclass(frozen=True)
class FunctionError:
    """How an invocation failed.

    Attributes:
        type: in one word.
        result: an object with ``errorMessage`` and ``errorType``, as JSON.
        handled: whether it is the host's own answer.
    """

    type: str
    result: bytes
    handled: bool


def bounded_wait(wait_s: float, remaining_ms: int, deadline_ms: int, now: float) -> float:
    """Return the nearest of three deadlines, in seconds from now.

    Args:
        wait_s: in seconds from now.
        remaining_ms: in ms from now; 0 for not given.
        deadline_ms: in ms since 1970; 0 for not given.
    """
    if remaining_ms:
        wait_s = min(wait_s, remaining_ms / 1000)
    if deadline_ms:
        wait_s = min(wait_s, deadline_ms / 1000 - now)
    return min(max(wait_s, WAIT_MIN_S), WAIT_MAX_S)


def error_of(outcome: Outcome) -> FunctionError | None:
    """Return how an invocation failed; None if it did not."""
    failure, error = outcome.failure(), outcome.host_error()
    if failure is not None:
        kind = _ERROR_TYPES.get(failure.code, failure.code)
        return FunctionError(kind, _described(kind, orjson.dumps(failure.error)), handled=False)
    if error is None:
        return None
    members = _members(error)
    kind = remarks_of(outcome).errortype or _string(members.get("errorType")) or "Error"
    if not {"errorMessage", "errorType"} <= members.keys():
        error = _described(kind, _message(error, members))
    return FunctionError(kind, error, handled=True)


class InvokeKind(Kind):
    """``POST /invoke/…``."""

    def response(self, call: Call, outcome: Outcome) -> Response:
        if not outcome.may_have_been_asked:
            return Response(outcome.status, outcome.body)
        details, report, error = InvocationDetails.of(call), remarks_of(outcome), error_of(outcome)
        reply = mless.InvokeReply(
            result=mless.Json(error.result if error else outcome.body),
            errortype=error.type if error else report.errortype,
            invokeid=details.id,
            errors=error is not None,
            billing=mless.RequestBilling(
                duration=round(max(0.0, time.time() - call.created) * 1000, 3),
                memory=report.memory,
                used=report.used,
            ),
            logs=report.logs,
        )
        return Response(200, reply.encode())


INVOKE = InvokeKind("invoke")


def _message(error: bytes, members: Mapping[str, bytes]) -> bytes:
    """Return the message of a host's error, a JSON string."""
    for text in (error, members.get("message", b"")):
        if text.startswith(b'"'):
            return text
    return jsontext.encode_string(error.decode())


def _described(kind: str, message: bytes) -> bytes:
    return b'{"errorMessage":%b,"errorType":%b}' % (message, jsontext.encode_string(kind))


def _members(error: bytes) -> dict[str, bytes]:
    try:
        return jsontext.members(error)
    except ValueError:
        return {}


def _string(text: bytes | None) -> str:
    try:
        value: Any = orjson.loads(text or b"null")
    except orjson.JSONDecodeError:
        return ""
    return value if isinstance(value, str) else ""
