"""Answers and holds as HTTP responses."""

from __future__ import annotations

from collections.abc import Mapping

from werkzeug.wrappers import Request, Response

from ..grip.node import HOLD_ID
from ..hub import replies
from ..hub.callers import Hold


def held_or_answered(request: Request, found: Hold | replies.Response) -> Response:
    """Return the response to a caller whose call has ended, or has not."""
    return hold(request, found) if isinstance(found, Hold) else answer(request, found)


def answer(
    request: Request, shown: replies.Response, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a response whose body is JSON."""
    kind = shown.headers.get("Content-Type", "application/json")
    response = Response(shown.body, shown.status, headers or shown.headers, content_type=kind)
    if request.method == "GET":
        response.headers["Cache-Control"] = "no-store"
    return response


def hold(request: Request, held: Hold) -> Response:
    """Return what Pushpin sends if nobody publishes an answer in time; its headers stay."""
    return answer(
        request,
        held.response,
        {
            **held.response.headers,
            "Grip-Hold": "response",
            "Grip-Channel": f"{held.channel}; prev-id={HOLD_ID}",
            "Grip-Timeout": str(held.timeout_s),
        },
    )
