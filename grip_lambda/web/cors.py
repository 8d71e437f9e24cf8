"""Which pages may call: any, without credentials, unless a setting names the origins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from werkzeug.wrappers import Response

from ..grip import events

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_METHODS = "GET, POST, PUT, PATCH, DELETE, OPTIONS"
_HEADERS = "Content-Type, Prefer, Accept, Idempotency-Key, Last-Event-ID, Authorization, X-Api-Key"
_EXPOSED = "Location, Last-Event-ID, Retry-After"


def allow_origins(response: Response, environ: WSGIEnvironment, origins: tuple[str, ...]) -> None:
    """Put the CORS headers on a response; also those that answer a preflight request.

    Args:
        origins: the allowed ones; empty for any.
    """
    if response.content_type != events.CONTENT_TYPE:
        headers = response.headers
        origin = environ.get("HTTP_ORIGIN")
        if not origins:
            headers["Access-Control-Allow-Origin"] = "*"
        else:
            headers.add("Vary", "Origin")
            if origin in origins:
                headers["Access-Control-Allow-Origin"] = origin
        if origin is not None:  # headers cost Pushpin time, and only browsers look at this one
            headers["Access-Control-Expose-Headers"] = _EXPOSED
        if environ["REQUEST_METHOD"] == "OPTIONS":
            headers["Access-Control-Allow-Methods"] = _METHODS
            headers["Access-Control-Allow-Headers"] = _HEADERS
            headers["Access-Control-Max-Age"] = "86400"
