"""JSON-RPC as a host speaks it: text in, values out, and the other way round."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from .writing import Default, to_json, written

OPEN_ID = 0
#: The id of the host's own request that shows, by its answer, that the lambda is open.
READY_ID = "ready"
CANCEL = "rpc.cancel"
#: The server's request for a description of the methods.
DISCOVER = "rpc.discover"


@dataclass(frozen=True)
class Result:
    """What a function returned.

    Attributes:
        shorter: what is sent where ``value`` makes too long a message; None for nothing.
    """

    value: Any
    shorter: Any = None


@dataclass(frozen=True)
class Failure:
    """What it failed with: any JSON value, which the caller gets."""

    error: Any


Outcome = Result | Failure


@dataclass(frozen=True)
class Message:
    """A message of the server; an answer has no method."""

    id: Any
    method: str | None
    params: list[Any]
    readable: bool = True


def parse(data: str | bytes) -> Message | None:
    """Read a message of the server; None if it is not one."""
    readable = True
    try:
        content = json.loads(data)
    except UnicodeDecodeError:
        return None
    except (ValueError, RecursionError):
        # A whole number may have more digits than Python reads: its call must fail, not all.
        readable = False
        try:
            content = json.loads(data, parse_int=_short)
        except (ValueError, RecursionError):
            return None
    if not isinstance(content, dict):
        return None
    method, params = content.get("method"), content.get("params")
    return Message(
        content.get("id"),
        method if isinstance(method, str) else None,
        params if isinstance(params, list) else [],
        readable,
    )


def _short(digits: str) -> int:
    return int(digits[:20])


def acknowledgement(
    methods: tuple[str, ...] | None, max_calls: int | None, *, context: bool = False
) -> str:
    """Return the answer to `open`."""
    said: dict[str, Any] = {"ok": True}
    if methods is not None:
        said["methods"] = methods
    if max_calls is not None:
        said["max_calls"] = max_calls
    if context:
        said["context"] = True
    return to_json({"id": OPEN_ID, "result": said})


def ready_request() -> str:
    """Return a request that the server answers, with an error, once the lambda is open."""
    return to_json({"id": READY_ID, "method": "rpc.ready", "params": []})


def progress(call_id: Any, value: Any, limit: int, default: Default | None = None) -> str:
    """Return the notification that reports the progress of a call.

    Raises:
        ValueError: it can't be written as JSON, or has more than ``limit`` bytes.
    """
    try:
        text = written({"method": "progress", "params": [call_id, value], "id": None}, default)
    except ValueError as error:
        raise ValueError(f"this can't be written as JSON: {error}") from None
    size = len(text.encode())
    if size > limit:
        raise ValueError(f"this makes a message of {size} bytes; the limit is {limit}")
    return text


def answer(call_id: Any, outcome: Outcome, limit: int, default: Default | None = None) -> str:
    """Return the answer to a call.

    What is not JSON, or has more than ``limit`` bytes with what is around it, becomes an error
    that says so.
    """
    key, value = ("result", outcome.value) if isinstance(outcome, Result) else _error(outcome)
    try:
        text = written({"id": call_id, key: value}, default)
    except ValueError as error:
        return _told(call_id, "NotJson", f"the {key} can't be written as JSON: {str(error)[:200]}")
    size = len(text.encode())
    if size > limit:
        if isinstance(outcome, Result) and outcome.shorter is not None:
            return answer(call_id, Result(outcome.shorter), limit, default)
        why = f"the {key} makes a message of {size} bytes; the limit is {limit}"
        return _told(call_id, "ResultTooLarge", why)
    return text


def _error(outcome: Failure) -> tuple[str, Any]:
    # An error that is null would be a result.
    return "error", "the host failed" if outcome.error is None else outcome.error


def _told(call_id: Any, kind: str, message: str) -> str:
    return to_json({"id": call_id, "error": described(kind, message)})


def described(kind: str, message: str) -> dict[str, str]:
    """Return an error in the form that AWS Lambda gives to exceptions."""
    return {"errorType": kind, "errorMessage": message}
