"""What a caller does: requests and pauses out, replies in. No sockets and no clock here.

Each function is a generator: it yields a `Request` or a `Pause`, is sent the `Reply` to the
former or the `Failure` of it, and returns what the caller wanted to know. So the client that
blocks and the one that awaits share everything but the doing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import quote

from .addresses import lambda_path
from .errors import (
    BadRequest,
    DeadlineExceeded,
    Disconnected,
    LambdaError,
    ServerError,
    Unavailable,
    from_response,
)
from .messages import to_json

#: The deadline of a call that names none, in seconds.
DEFAULT_WAIT_S = 60.0
#: How much longer than its deadline a call waits for the server to tell it, in seconds.
MARGIN_S = 5.0
#: How long other requests wait, in seconds.
REQUEST_S = 30.0
#: What the server makes of a deadline, in seconds.
_SHORTEST_S, _LONGEST_S = 0.05, 3600.0

T = TypeVar("T")


@dataclass(frozen=True)
class Request:
    """A request to make; ``timeout_s`` is how long to wait for its reply."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""
    timeout_s: float = REQUEST_S


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    content: bytes
    content_type: str = ""


@dataclass(frozen=True)
class Failure:
    """Why nothing came back.

    Attributes:
        sent: whether some of the request may have reached the server.
        late: whether it is because the time was over.
    """

    reason: str
    sent: bool
    late: bool = False


@dataclass(frozen=True)
class Pause:
    """So many seconds to wait before the next request."""

    seconds: float


#: The seconds before each further try; there are as many as these.
Pauses = Sequence[float]
Flow = Generator[Request | Pause, Reply | Failure | None, T]


@dataclass(frozen=True)
class Lambda:
    """A lambda that is open.

    Attributes:
        id: the id that it is called with.
        timestamp: since when it is open.
        code: how its host speaks, like ``json-rpc``.
        headers: those of its registration; credentials are redacted.
        methods: what its host says it can do; None if it doesn't say, or was not asked.
        raw: the whole entry of the listing.
    """

    id: str
    timestamp: datetime
    code: str
    headers: Mapping[str, list[str]]
    methods: tuple[str, ...] | None
    raw: Mapping[str, Any]


def call(lambda_id: str, method: str, body: Any, wait_s: float, pauses: Pauses) -> Flow[Any]:
    """Call a method; return the result."""
    if not (math.isfinite(wait_s) and wait_s > 0):
        raise ValueError("wait is a number of seconds, more than 0")
    try:
        path, content = lambda_path(lambda_id, method), to_json(body).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise BadRequest(f"this can't be sent as JSON: {error}") from error
    wait_s = min(max(wait_s, _SHORTEST_S), _LONGEST_S)
    headers = {"Prefer": f"wait={wait_s:g}", "Content-Type": "application/json"}
    request = Request("POST", path, headers, content, wait_s + MARGIN_S)
    return _json((yield from _reply(request, pauses)))


def listing(pauses: Pauses) -> Flow[list[Lambda]]:
    """Return all lambdas that are open."""
    entries = _json((yield from _reply(Request("GET", "/lambda"), pauses)))
    try:
        return [_lambda(entry) for entry in entries.values()]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ServerError("the server's listing is not one") from error


def entry(lambda_id: str, pauses: Pauses) -> Flow[Lambda]:
    """Return one lambda."""
    request = Request("GET", lambda_path(lambda_id))
    content = _json((yield from _reply(request, pauses)))
    try:
        return _lambda(content)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ServerError("the server's answer is not a lambda") from error


def delete(lambda_id: str, token: str, pauses: Pauses) -> Flow[None]:
    """Close a lambda."""
    path = lambda_path(lambda_id) + (f"?token={quote(token, safe='')}" if token else "")
    yield from _reply(Request("DELETE", path), pauses)


def _reply(request: Request, pauses: Pauses) -> Flow[Reply]:
    """Make a request, again if it certainly reached no host; return a reply without an error."""
    for pause in [*map(Pause, pauses), None]:
        outcome = yield request
        error = _error(request, outcome)
        if error is None:
            assert isinstance(outcome, Reply)
            return outcome
        if not isinstance(error, Unavailable) or pause is None:
            raise error
        yield pause
    raise AssertionError("unreachable")


def _error(request: Request, outcome: Reply | Failure | None) -> LambdaError | None:
    """Return the error that an outcome means; `Unavailable` if no host can have been asked."""
    assert outcome is not None
    if isinstance(outcome, Failure):
        if not outcome.sent:
            return Unavailable(f"the server is out of reach: {outcome.reason}")
        if outcome.late:
            return DeadlineExceeded(f"no answer came within {request.timeout_s:g} s")
        return Disconnected(f"the server went away: {outcome.reason}")
    if outcome.status < 400:
        return None
    if outcome.status == 502 and outcome.content_type.startswith("text/plain"):
        # Pushpin's own: it could not pass the request on.
        return Unavailable("the proxy can't reach the backend", status=502)
    return from_response(outcome.status, outcome.content)


def _json(reply: Reply) -> Any:
    try:
        return json.loads(reply.content)
    except (ValueError, RecursionError) as error:
        raise ServerError("the server's answer can't be read", status=reply.status) from error


def _lambda(entry: dict[str, Any]) -> Lambda:
    methods = entry.get("methods")
    return Lambda(
        entry["id"],
        datetime.fromisoformat(entry["timestamp"]),
        entry["code"],
        entry["headers"],
        None if methods is None else tuple(methods),
        entry,
    )
