"""How calls end, as their callers see it."""

from __future__ import annotations

import orjson

from ..protocol.jsonrpc import Answer
from ..store import Outcome
from .reports import outcome_of


def failure(status: int, code: str, error: str) -> Outcome:
    """Return an outcome with the body that every error has."""
    return Outcome(status, orjson.dumps({"error": error, "code": code}))


DISCONNECTED = failure(502, "disconnected", "lambda disconnected")
DEADLINE_EXCEEDED = failure(504, "deadline_exceeded", "the lambda did not answer in time")
CANCELLED = failure(410, "cancelled", "the call was cancelled")
RESULT_TOO_LARGE = failure(502, "result_too_large", "the result is larger than a result may be")
BUSY = failure(429, "busy", "the lambda has more to read than is kept; try again later")
TOO_MUCH = failure(502, "result_too_large", "the lambda reported more progress than is kept")
UNAVAILABLE = failure(503, "unavailable", "the lambda's proxy is out of reach; try again later")


def from_answer(answer: Answer, *, context: bool = False) -> Outcome:
    """Return the outcome that a host's answer gives, its value as it came.

    Args:
        context: whether the host gets the context of each call, and may answer in its terms.
    """
    if answer.is_error:
        return Outcome(400, b'{"error":%b}' % answer.value, answer.extra)
    if context:
        return outcome_of(answer.value)
    return Outcome(200, answer.value, answer.extra)
