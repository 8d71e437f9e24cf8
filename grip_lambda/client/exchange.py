"""What a caller does: requests and pauses out, replies in. No sockets and no clock here.

Each function is a generator: it yields a `Request` or a `Pause`, is sent the `Reply` to the
former or the `Failure` of it, and returns what the caller wanted to know. So the client that
blocks and the one that awaits share everything but the doing.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar
from urllib.parse import quote

from .addresses import callee_path, described_path, invoke_path, lambda_path, service_path
from .entries import Lambda, ServiceEntry, lambda_of, service_of
from .errors import (
    BadRequest,
    DeadlineExceeded,
    Disconnected,
    LambdaError,
    ServerError,
    Unavailable,
    error_in,
    from_response,
)
from .writing import to_json

#: The deadline of a call that names none, in seconds.
DEFAULT_WAIT_S = 60.0
#: How much longer than its deadline a call waits for the server to tell it, in seconds.
MARGIN_S = 5.0
#: How long other requests wait, in seconds.
REQUEST_S = 30.0
#: Where the result of a call is.
_CALL = re.compile(r"(?:^|/)calls/([^/?#]+)$")
#: What the server makes of a deadline, in seconds.
_SHORTEST_S, _LONGEST_S = 0.05, 3600.0

T = TypeVar("T")


@dataclass(frozen=True)
class Request:
    """A request to make.

    Attributes:
        path: where; a reopen token in its query is a header when it is sent.
        timeout_s: how long to wait for its reply.
        is_safe: whether it may be made again though it may have been heard.
    """

    method: str
    path: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""
    timeout_s: float = REQUEST_S
    is_safe: bool = False


@dataclass(frozen=True)
class Reply:
    """What came back.

    Attributes:
        host: the lambda that was chosen, of the hosts of a service; else empty.
    """

    status: int
    content: bytes
    content_type: str = ""
    location: str = ""
    host: str = ""


@dataclass(frozen=True)
class Failure:
    """Why nothing came back.

    Attributes:
        sent: whether some of the request may have reached the server.
        late: whether it is because the time was over.
        lasting: whether trying again is of no use.
        server: the address that was tried, without secrets; empty if it is not known.
    """

    reason: str
    sent: bool
    late: bool = False
    lasting: bool = False
    server: str = ""


@dataclass(frozen=True)
class Pause:
    """So many seconds to wait before the next request."""

    seconds: float


#: The seconds before each further try; there are as many as these.
Pauses = Sequence[float]
Flow = Generator[Request | Pause, Reply | Failure | None, T]


@dataclass(frozen=True)
class Terms:
    """How a call is to be made.

    Attributes:
        wait_s: its deadline, in seconds from now.
        key: its idempotency key; None without one.
    """

    wait_s: float = DEFAULT_WAIT_S
    key: str | None = None


def request(lambda_id: str, method: str, body: Any, terms: Terms, *prefer: str) -> Request:
    """Return the request that makes a call.

    Raises:
        ValueError: the deadline makes no sense.
        BadRequest: the body can't be written as JSON, or the method or the idempotency key
            can't be sent.
    """
    if not (math.isfinite(terms.wait_s) and terms.wait_s > 0):
        raise ValueError("wait is a number of seconds, more than 0")
    try:
        path, content = callee_path(lambda_id, method), to_json(body).encode()
    except (TypeError, ValueError) as error:
        raise BadRequest(f"this can't be sent as JSON: {error}") from error
    wait_s = min(max(terms.wait_s, _SHORTEST_S), _LONGEST_S)
    headers = {
        "Prefer": ", ".join((*prefer, f"wait={wait_s:g}")),
        "Content-Type": "application/json",
    }
    if terms.key is not None:
        if not (1 <= len(terms.key) <= 255 and terms.key.isascii() and terms.key.isprintable()):
            raise BadRequest("an idempotency key has 1 to 255 characters, all of ASCII")
        headers["Idempotency-Key"] = terms.key
    is_safe = terms.key is not None
    return Request("POST", path, headers, content, wait_s + MARGIN_S, is_safe)


def call(lambda_id: str, method: str, body: Any, terms: Terms, pauses: Pauses) -> Flow[Any]:
    """Call a method; return the result."""
    wanted = request(lambda_id, method, body, terms)
    return _json((yield from _reply(wanted, pauses)))


def invoke(
    lambda_id: str, method: str, content: bytes, wait_s: float, pauses: Pauses
) -> Flow[bytes]:
    """Invoke a method with a ProxyRequest of mless; return the InvokeReply."""
    try:
        path = invoke_path(lambda_id, method)
    except ValueError as error:
        raise BadRequest(f"this method can't be sent: {error}") from error
    headers = {"Prefer": f"wait={wait_s:g}", "Content-Type": "application/json"}
    wanted = Request("POST", path, headers, content, wait_s + MARGIN_S)
    return (yield from _reply(wanted, pauses)).content


def submit(lambda_id: str, method: str, body: Any, terms: Terms, pauses: Pauses) -> Flow[str]:
    """Begin a call; return its id, with which its result is asked for."""
    wanted = request(lambda_id, method, body, terms, "respond-async")
    reply = yield from _reply(replace(wanted, timeout_s=REQUEST_S), pauses, _is(200, 202))
    call_id = _CALL.search(reply.location)
    if reply.status != 202 or call_id is None:
        raise ServerError("the server does not take calls without waiting", status=reply.status)
    return call_id[1]


def result(call_id: str, wait_s: float, pauses: Pauses) -> Flow[tuple[bool, Any]]:
    """Ask for the result of a call; return whether it has ended, and its result then."""
    waits = {"Prefer": f"wait={wait_s:g}"} if wait_s else {}
    path = f"/calls/{quote(call_id, safe='')}"
    wanted = Request("GET", path, waits, b"", wait_s + REQUEST_S, is_safe=True)
    reply = yield from _reply(wanted, pauses, _is(200, 202))
    return (False, None) if reply.status == 202 else (True, _json(reply))


def has_ended(call_id: str, pauses: Pauses) -> Flow[bool]:
    """Tell whether a call has ended, in whatever way."""
    wanted = Request("GET", f"/calls/{quote(call_id, safe='')}", is_safe=True)
    return (yield from _reply(wanted, pauses, _tells_the_end)).status != 202


def cancel(call_id: str, pauses: Pauses) -> Flow[None]:
    """Cancel a call."""
    wanted = Request("DELETE", f"/calls/{quote(call_id, safe='')}", is_safe=True)
    yield from _reply(wanted, pauses, _is(204))


def listing(pauses: Pauses) -> Flow[list[Lambda]]:
    """Return all lambdas that are open."""
    return (yield from _listed("/lambda", lambda_of, pauses))


def hosts(name: str, pauses: Pauses) -> Flow[list[Lambda]]:
    """Return the lambdas of a service's hosts."""
    return (yield from _listed(service_path(name), lambda_of, pauses))


def services(pauses: Pauses) -> Flow[list[ServiceEntry]]:
    """Return all services that have a host."""
    return (yield from _listed("/service", service_of, pauses))


def _listed(path: str, read: Callable[[dict[str, Any]], T], pauses: Pauses) -> Flow[list[T]]:
    entries = _json((yield from _reply(Request("GET", path), pauses)))
    try:
        return [read(entry) for entry in entries.values()]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ServerError("the server's listing is not one") from error


def entry(lambda_id: str, pauses: Pauses) -> Flow[Lambda]:
    """Return one lambda."""
    request = Request("GET", lambda_path(lambda_id))
    content = _json((yield from _reply(request, pauses)))
    try:
        return lambda_of(content)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ServerError("the server's answer is not a lambda") from error


def description(address: str, pauses: Pauses) -> Flow[dict[str, Any]]:
    """Return the OpenRPC document of a lambda or a service."""
    content = _json((yield from _reply(Request("GET", described_path(address)), pauses)))
    if not isinstance(content, dict) or not isinstance(content.get("methods"), list):
        raise ServerError("the server's answer is not a description")
    return content


def document(path: str, pauses: Pauses) -> Flow[dict[str, Any]]:
    """Return an object that the server shows at a path, like ``/status``."""
    content = _json((yield from _reply(Request("GET", path), pauses)))
    if not isinstance(content, dict):
        raise ServerError("the server's answer is not an object")
    return content


def delete(lambda_id: str, token: str, pauses: Pauses) -> Flow[None]:
    """Close a lambda."""
    path = lambda_path(lambda_id) + (f"?token={quote(token, safe='')}" if token else "")
    yield from _reply(Request("DELETE", path), pauses, _is(204))


def _is(*statuses: int) -> Callable[[Reply], bool]:
    """Return what tells our server's success from a page that a proxy or a portal answers with."""
    return lambda reply: reply.status in statuses and (reply.status == 204 or _is_json(reply))


def _is_json(reply: Reply) -> bool:
    return not reply.content_type or "json" in reply.content_type.lower()


def _tells_the_end(reply: Reply) -> bool:
    """Tell whether this is the outcome of a call, not of asking for it."""
    if reply.status >= 400:
        asking = reply.status in (401, 403, 404, 429, 503)
        return not asking and _is_json(reply) and error_in(reply.content) is not None
    return _is(200, 202)(reply)


_IS_OK = _is(200)


def _reply(
    request: Request, pauses: Pauses, is_wanted: Callable[[Reply], bool] = _IS_OK
) -> Flow[Reply]:
    """Make a request, again if it may be; return a reply that is wanted."""
    for pause in [*map(Pause, pauses), None]:
        outcome = yield request
        if isinstance(outcome, Reply) and is_wanted(outcome):
            return outcome
        assert outcome is not None
        error = error_of(request, outcome)
        if pause is None or not may_try_again(request, outcome, error):
            raise error
        yield pause
    raise AssertionError("unreachable")


def may_try_again(request: Request, outcome: Reply | Failure, error: LambdaError) -> bool:
    """Tell whether a request may be made again that had this outcome."""
    if isinstance(outcome, Reply):
        return isinstance(error, Unavailable) and outcome.status >= 400
    if outcome.lasting:
        return False
    return isinstance(error, Unavailable) or (not outcome.late and request.is_safe)


def error_of(request: Request, outcome: Reply | Failure) -> LambdaError:
    """Return the error that an outcome means which is no success.

    It is `Unavailable` if no host can have been asked.
    """
    if isinstance(outcome, Failure):
        if not outcome.sent:
            server = f"the server {outcome.server}".rstrip()
            return Unavailable(f"{server} is out of reach: {outcome.reason}")
        if outcome.late:
            return DeadlineExceeded(f"no answer came within {request.timeout_s:g} s")
        return Disconnected(f"the server went away: {outcome.reason}")
    if outcome.status == 502 and outcome.content_type.startswith("text/plain"):
        # Pushpin's own: it could not pass the request on.
        return Unavailable("the proxy can't reach the backend", status=502)
    error = from_response(outcome.status, outcome.content, outcome.location)
    error.host = outcome.host
    return error


def _json(reply: Reply) -> Any:
    try:
        return json.loads(reply.content)
    except (ValueError, RecursionError) as error:
        raise ServerError("the server's answer can't be read", status=reply.status) from error
