"""Which pages may call: any, without credentials, unless a setting names the origins."""

from __future__ import annotations

from flask import Flask, Response, request

from ..grip import events

_METHODS = "GET, POST, PUT, PATCH, DELETE, OPTIONS"
_HEADERS = "Content-Type, Prefer, Accept, Idempotency-Key, Last-Event-ID, Authorization, X-Api-Key"
_EXPOSED = "Location, Last-Event-ID, Retry-After"


def allow_origins(app: Flask, origins: tuple[str, ...]) -> None:
    """Put the CORS headers on every response, and answer preflight requests.

    Args:
        origins: the allowed ones; empty for any.
    """

    def add_headers(response: Response) -> Response:
        if response.content_type == events.CONTENT_TYPE:
            return response
        headers = response.headers
        origin = request.environ.get("HTTP_ORIGIN")
        if not origins:
            headers["Access-Control-Allow-Origin"] = "*"
        else:
            headers.add("Vary", "Origin")
            if origin in origins:
                headers["Access-Control-Allow-Origin"] = origin
        if origin is not None:  # headers cost Pushpin time, and only browsers look at this one
            headers["Access-Control-Expose-Headers"] = _EXPOSED
        if request.method == "OPTIONS":
            headers["Access-Control-Allow-Methods"] = _METHODS
            headers["Access-Control-Allow-Headers"] = _HEADERS
            headers["Access-Control-Max-Age"] = "86400"
        return response

    app.after_request(add_headers)
