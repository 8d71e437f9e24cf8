"""Requests and replies as httpx has them."""

from __future__ import annotations

import logging
from typing import Any

import httpx

from ..protocol.sse import CONTENT_TYPE
from .addresses import without_secrets
from .exchange import Failure, Reply, Request
from .server import Server, untrusted_certificate

_CONNECT_S = 5.0
#: Errors of requests of which the server has certainly heard nothing.
_NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)


def _redact(record: logging.LogRecord) -> bool:
    """Take secrets out of the addresses that are logged."""
    record.msg = without_secrets(str(record.msg))
    if isinstance(record.args, tuple):
        args = (without_secrets(str(a)) if isinstance(a, httpx.URL) else a for a in record.args)
        record.args = tuple(args)
    return True


for _logger in ("httpx", "httpcore.http11"):
    logging.getLogger(_logger).addFilter(_redact)


def options(server: Server, request: Request) -> dict[str, Any]:
    """Return what httpx is asked for a request."""
    path, headers = server.credentials.present(request.path)
    return {
        "method": request.method,
        "url": server.url + path,
        "headers": {**headers, **request.headers},
        "content": request.content,
        "timeout": httpx.Timeout(request.timeout_s, connect=_CONNECT_S, pool=_CONNECT_S),
    }


def reply_of(response: httpx.Response) -> Reply:
    """Return a response that was read."""
    content_type = response.headers.get("Content-Type", "")
    location = response.headers.get("Location", "")
    host = response.headers.get("Lambda-Id", "")
    return Reply(response.status_code, response.content, content_type, location, host)


def is_stream(response: httpx.Response) -> bool:
    """Tell whether a response is a stream of events."""
    return response.status_code == 200 and response.headers.get("Content-Type", "").startswith(
        CONTENT_TYPE
    )


def failure_of(server: Server, error: httpx.HTTPError) -> Failure:
    """Return why there was no response, or not all of it."""
    late = isinstance(error, httpx.TimeoutException)
    never = isinstance(error, _NEVER_SENT)
    lasting = untrusted_certificate(error) is not None
    return Failure(server.why(error), not never, late, lasting, server.url)
