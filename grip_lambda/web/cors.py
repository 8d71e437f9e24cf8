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
#: What AWS's clients send and read; they have an address of their own.
_AWS = "/2015-03-31/"
_AWS_HEADERS = (
    "Authorization, Content-Type, Prefer, X-Amz-Client-Context, X-Amz-Content-Sha256, X-Amz-Date,"
    " X-Amz-Invocation-Type, X-Amz-Log-Type, X-Amz-Security-Token, X-Amz-User-Agent,"
    " Amz-Sdk-Invocation-Id, Amz-Sdk-Request"
)
_AWS_EXPOSED = (
    "X-Amzn-RequestId, X-Amzn-ErrorType, X-Amz-Function-Error, X-Amz-Log-Result,"
    " X-Amz-Executed-Version, Retry-After"
)


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
            exposed = _AWS_EXPOSED if environ["PATH_INFO"].startswith(_AWS) else _EXPOSED
            headers["Access-Control-Expose-Headers"] = exposed
        if environ["REQUEST_METHOD"] == "OPTIONS":
            headers["Access-Control-Allow-Methods"] = _METHODS
            allowed = _AWS_HEADERS if environ["PATH_INFO"].startswith(_AWS) else _HEADERS
            headers["Access-Control-Allow-Headers"] = allowed
            headers["Access-Control-Max-Age"] = "86400"
