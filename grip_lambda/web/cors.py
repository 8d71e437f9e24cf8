"""What browsers are told: which pages may read, what a response is, and what it is not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from werkzeug.wrappers import Response

from ..grip import events
from .origins import is_allowed

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from ..settings import Settings

_METHODS = "GET, POST, PUT, PATCH, DELETE, OPTIONS"
#: What may be sent, beside what a preflight asks for.
_HEADERS = (
    "Content-Type, Prefer, Accept, Idempotency-Key, Last-Event-ID, Authorization, X-Api-Key,"
    " X-Amz-Client-Context, X-Amz-Content-Sha256, X-Amz-Date, X-Amz-Invocation-Type,"
    " X-Amz-Log-Type, X-Amz-Security-Token, X-Amz-User-Agent, Amz-Sdk-Invocation-Id,"
    " Amz-Sdk-Request"
)
_NAMES = re.compile(r"[\w!#$%&'*+.^`|~, -]{1,8192}", re.ASCII)
_EXPOSED = (
    "Location, Last-Event-ID, Retry-After, Preference-Applied, Lambda-Id, Allow, WWW-Authenticate,"
    " X-Amzn-RequestId, X-Amzn-ErrorType, X-Amz-Function-Error, X-Amz-Log-Result,"
    " X-Amz-Executed-Version"
)


def finish(response: Response, environ: WSGIEnvironment, settings: Settings) -> None:
    """Put on a response what browsers look at; also on one that answers a preflight request."""
    if response.content_type == events.CONTENT_TYPE:
        return
    headers = response.headers
    headers["X-Content-Type-Options"] = "nosniff"
    origin = environ.get("HTTP_ORIGIN")
    may = origin is None or is_allowed(settings, origin)
    if not settings.origins:
        headers["Access-Control-Allow-Origin"] = "*"
    else:
        headers.add("Vary", "Origin")
        if origin is not None and may:
            headers["Access-Control-Allow-Origin"] = origin
    if origin is not None:  # headers cost Pushpin time, and only browsers look at this one
        headers["Access-Control-Expose-Headers"] = _EXPOSED
    if environ["REQUEST_METHOD"] == "OPTIONS":
        asked = environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "")
        headers["Access-Control-Allow-Methods"] = _METHODS
        allowed = f"{_HEADERS}, {asked}" if may and _NAMES.fullmatch(asked) else _HEADERS
        headers["Access-Control-Allow-Headers"] = allowed
        headers["Access-Control-Max-Age"] = "86400"
        headers.add("Vary", "Access-Control-Request-Headers")
