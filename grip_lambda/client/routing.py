"""Monologue as a client speaks it: text in, values out, and the other way round."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from .errors import LambdaError, RemoteError, from_response
from .messages import Failure, Outcome, Result, described
from .writing import to_json, written

WHOAMI = "whoami"
PATH = "/monologue"


@dataclass(frozen=True)
class Identity:
    """The answer to ``whoami``.

    Attributes:
        id: the connection id.
        token: what opens it again; empty where the server has none.
        ping_s: how often the server pings, in seconds; None where it does not say.
        limit: how many bytes a message may have; None where it does not say.
    """

    id: str
    token: str = ""
    ping_s: float | None = None
    limit: int | None = None


@dataclass(frozen=True)
class Request:
    """A call to a listener."""

    sender: str
    token: Any
    name: str
    args: list[Any]


@dataclass(frozen=True)
class Answer:
    """How a call has ended."""

    token: Any
    value: Any = None
    error: LambdaError | None = None


def identity(text: str | bytes) -> Identity:
    """Read the answer to ``whoami``: the id alone, or an object."""
    text = text.decode() if isinstance(text, bytes) else text
    try:
        told = json.loads(text)
    except ValueError:
        return Identity(text)
    if not isinstance(told, dict) or not isinstance(told.get("id"), str):
        return Identity(text)
    limits = told.get("limits")
    limit = limits.get("message") if isinstance(limits, dict) else None
    ping_s, token = told.get("ping"), told.get("token")
    return Identity(
        told["id"],
        token if isinstance(token, str) else "",
        ping_s if isinstance(ping_s, int | float) and ping_s > 0 else None,
        limit if isinstance(limit, int) and limit > 0 else None,
    )


def connecting_url(endpoint: str, timeout_s: float, known: Identity | None) -> str:
    """Return the address to connect to: that of the endpoint, with what this client asks for.

    Args:
        known: the id to open again, if its token is known; a server that gave none knows only
            how to give a new one.
    """
    parts = urlsplit(endpoint)
    query = [parts.query] if parts.query else []
    path = parts.path
    if known is not None and known.token:
        path = f"{path[: path.rindex(PATH)]}{PATH}/{quote(known.id, safe='')}"
        query = [part for part in parts.query.split("&") if part and not part.startswith("token=")]
        query.append(urlencode({"token": known.token}))
    query.append(urlencode({"whoami": "json", "timeout": timeout_s}))
    return urlunsplit((parts.scheme, parts.netloc, path, "&".join(query), ""))


def parse(text: str | bytes) -> Request | Answer | None:
    """Read a message; None where it is of no use."""
    try:
        message = json.loads(text)
        payload = message["payload"]
        kind, data, sender = payload["type"], payload["data"], message["from"]
        token = data["token"]
    except (ValueError, RecursionError, KeyError, TypeError):
        return None
    if not isinstance(token, str | int) or not isinstance(sender, str):
        return None
    if kind == "REQ":
        name, args = data.get("name"), data.get("args", [])
        if isinstance(name, str) and isinstance(args, list):
            return Request(sender, token, name, args)
    if kind == "ACK":
        return Answer(token, data.get("ret"))
    if kind == "NAK":
        return Answer(token, error=_error(data.get("error"), data.get("code")))
    return None


def _error(error: Any, code: Any) -> LambdaError:
    if not isinstance(code, str):
        return RemoteError(error)
    return from_response(_STATUS.get(code, 500), to_json({"error": error, "code": code}).encode())


#: The statuses that the codes of a NAK have over HTTP.
_STATUS = {
    "bad_request": 400,
    "unauthorized": 401,
    "forbidden": 403,
    "not_found": 404,
    "too_large": 413,
    "busy": 429,
    "disconnected": 502,
    "result_too_large": 502,
    "unavailable": 503,
    "deadline_exceeded": 504,
}


def request(to: str, token: str, name: str, args: tuple[Any, ...]) -> str:
    """Return the message that calls a listener.

    Raises:
        TypeError, ValueError: the arguments can't be written as JSON.
    """
    data = {"token": token, "name": name, "args": args}
    return to_json({"to": to, "payload": {"type": "REQ", "data": data}})


def answer(asked: Request, outcome: Outcome, limit: int | None) -> str:
    """Return the answer to a call; what can't be sent becomes an error that says so."""
    try:
        text = _answer(asked, outcome)
    except ValueError as error:
        why = f"the result can't be written as JSON: {str(error)[:200]}"
        return _answer(asked, Failure(described("NotJson", why)))
    size = len(text.encode())
    if limit is not None and size > limit:
        why = f"the result makes a message of {size} bytes; the limit is {limit}"
        return _answer(asked, Failure(described("ResultTooLarge", why)))
    return text


def _answer(asked: Request, outcome: Outcome) -> str:
    data: dict[str, Any]
    if isinstance(outcome, Result):
        kind, data = "ACK", {"token": asked.token, "ret": outcome.value}
    else:
        kind, data = "NAK", {"token": asked.token, "error": outcome.error}
    return written({"to": asked.sender, "payload": {"type": kind, "data": data}})
