"""Errors as JSON, whoever raises them."""

from __future__ import annotations

import logging

import orjson
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from ..errors import RequestError

log = logging.getLogger(__name__)

_CODES = {404: "not_found", 405: "method_not_allowed", 413: "too_large", 415: "not_acceptable"}


def respond(error: Exception) -> Response:
    """Return the response that tells of an error: ``{"error", "code"}``."""
    if isinstance(error, RequestError):
        return _request_error(error)
    if isinstance(error, HTTPException):
        return _http_error(error)
    log.error("a request failed", exc_info=error)
    return _response(500, "internal_error", "something went wrong here; it has been logged")


def _response(status: int, code: str, message: str) -> Response:
    body = orjson.dumps({"error": message, "code": code})
    return Response(body, status, content_type="application/json")


def _request_error(error: RequestError) -> Response:
    response = _response(error.status, error.code, str(error))
    if error.status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="grip-lambda"'
    if error.status == 426:
        response.headers["Upgrade"] = "websocket"
    if error.status in (429, 503):
        response.headers["Retry-After"] = "1"
    return response


def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    if status == 404:
        message = "there is nothing at this address"
    else:
        message = error.description or error.name
    response = _response(status, _CODES.get(status, "bad_request"), message)
    allow = dict(error.get_headers()).get("Allow")
    if allow:
        response.headers["Allow"] = allow
    return response
