"""Calls as invocations of functions: what they need of the hub beside a plain call.

The rules for errors are AWS Lambda's: a function's error is an object with ``errorMessage`` and
``errorType``.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import orjson

from ..protocol import jsontext, mless
from ..protocol.http import WAIT_MAX_S, WAIT_MIN_S
from ..store import Call, Outcome
from .reports import report_of
from .responses import Response

_ARN = "arn:aws:lambda:local:000000000000:function:{}:{}"
#: The statuses of calls that never reached their host, and of those that it answered with an error.
_NOT_ASKED, _HOSTS_ERROR = 503, 400
#: What the error of a call without an answer is called, by its code.
_ERROR_TYPES = {
    "disconnected": "Disconnected",
    "deadline_exceeded": "Timeout",
    "result_too_large": "ResultTooLarge",
    "cancelled": "Cancelled",
}


class Details(msgspec.Struct, frozen=True):
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
    def of(cls, call: Call) -> Details:
        """Read the details of a call."""
        return _decoder.decode(call.details)


_decoder = msgspec.json.Decoder(Details)


@dataclass(frozen=True)
class Given:
    """What a caller gives of the context that a host may get."""

    context: mless.Context = field(default_factory=mless.Context)
    env: dict[str, str] = field(default_factory=dict)


#: What plain callers give.
NOTHING_GIVEN = Given()


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


def new_request_id() -> str:
    """Return a fresh id of an invocation, in the form that AWS gives to it."""
    return str(uuid.uuid4())


def with_id(context: mless.Context) -> mless.Context:
    """Return a context that has an id, a new one if need be."""
    if context.aws_request_id:
        return context
    return msgspec.structs.replace(context, aws_request_id=new_request_id())


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


def host_context(call: Call, method: str, given: Given) -> bytes:
    """Return the context of a call as its host gets it, a JSON text."""
    context = with_id(given.context)
    mine = {"deadline", "env"}
    return mless.HostContext(
        aws_request_id=context.aws_request_id,
        client_context=context.client_context,
        identity=context.identity,
        invoked_function_arn=context.invoked_function_arn or _ARN.format(call.lambda_id, method),
        deadline=int(call.deadline * 1000),
        env=given.env,
        others={name: text for name, text in context.others.items() if name not in mine},
    ).encode()


def was_asked(outcome: Outcome) -> bool:
    """Tell whether the host of an ended call may have been asked."""
    return outcome.status != _NOT_ASKED


def error_of(outcome: Outcome) -> FunctionError | None:
    """Return how an invocation failed; None if it did not."""
    if outcome.status == 200:
        return None
    if outcome.status != _HOSTS_ERROR:
        told = orjson.loads(outcome.body)
        kind = _ERROR_TYPES.get(told["code"], told["code"])
        return FunctionError(kind, _described(kind, orjson.dumps(told["error"])), handled=False)
    error = outcome.body[len(b'{"error":') : -1]
    members = _members(error)
    kind = report_of(outcome).errortype or _string(members.get("errorType")) or "Error"
    if not {"errorMessage", "errorType"} <= members.keys():
        error = _described(kind, _message(error, members))
    return FunctionError(kind, error, handled=True)


def invoke_reply(call: Call, outcome: Outcome) -> Response:
    """Return the response to ``POST /invoke/…``."""
    if not was_asked(outcome):
        return Response(outcome.status, outcome.body)
    details, report, error = Details.of(call), report_of(outcome), error_of(outcome)
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
