"""Requests and replies as httpx has them."""

from __future__ import annotations

import re
from typing import Any

import httpx

from .exchange import Failure, Reply, Request

_CONNECT_S = 5.0


def options(url: str, request: Request) -> dict[str, Any]:
    """Return what httpx is asked for a request."""
    return {
        "method": request.method,
        "url": url + request.path,
        "headers": request.headers,
        "content": request.content,
        "timeout": httpx.Timeout(request.timeout_s, connect=_CONNECT_S, pool=_CONNECT_S),
    }


def reply_of(response: httpx.Response) -> Reply:
    """Return a response that was read."""
    content_type = response.headers.get("Content-Type", "")
    location = response.headers.get("Location", "")
    return Reply(response.status_code, response.content, content_type, location)


def failure_of(error: httpx.HTTPError) -> Failure:
    """Return why there was no response, or not all of it."""
    never = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
    late = isinstance(error, httpx.TimeoutException)
    reason = re.sub(r"^\[Errno \d+\] ", "", str(error)) or type(error).__name__
    return Failure(reason, not isinstance(error, never), late)
