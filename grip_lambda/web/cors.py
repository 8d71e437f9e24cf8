"""Which pages may call: any, without credentials, unless a setting names the origins."""

from __future__ import annotations

from flask import Flask, Response, request

_METHODS = "GET, POST, PUT, PATCH, DELETE, OPTIONS"
_HEADERS = "Content-Type, Prefer, Accept, Idempotency-Key, Last-Event-ID, Authorization, X-Api-Key"
_EXPOSED = "Location, Last-Event-ID, Retry-After"


def allow_origins(app: Flask, origins: tuple[str, ...]) -> None:
    """Put the CORS headers on every response, and answer preflight requests.

    Args:
        origins: the allowed ones; empty for any.
    """

    def add_headers(response: Response) -> Response:
        headers = response.headers
        if not origins:
            headers["Access-Control-Allow-Origin"] = "*"
        else:
            headers.add("Vary", "Origin")
            origin = request.headers.get("Origin", "")
            if origin in origins:
                headers["Access-Control-Allow-Origin"] = origin
        headers["Access-Control-Expose-Headers"] = _EXPOSED
        if request.method == "OPTIONS":
            headers["Access-Control-Allow-Methods"] = _METHODS
            headers["Access-Control-Allow-Headers"] = _HEADERS
            headers["Access-Control-Max-Age"] = "86400"
        return response

    app.after_request(add_headers)
