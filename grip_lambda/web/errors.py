"""Errors as JSON, whoever raises them."""

from __future__ import annotations

import logging

from flask import Flask, Response, jsonify
from werkzeug.exceptions import HTTPException

from ..errors import RequestError

log = logging.getLogger(__name__)

_CODES = {404: "not_found", 405: "method_not_allowed", 413: "too_large", 415: "not_acceptable"}


def register(app: Flask) -> None:
    """Answer every error with ``{"error", "code"}``."""
    app.register_error_handler(RequestError, _request_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)


def error_response(status: int, code: str, message: str) -> Response:
    """Return the body that every error has."""
    response = jsonify(error=message, code=code)
    response.status_code = status
    return response


def _request_error(error: RequestError) -> Response:
    response = error_response(error.status, error.code, str(error))
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
    response = error_response(status, _CODES.get(status, "bad_request"), message)
    allow = dict(error.get_headers()).get("Allow")
    if allow:
        response.headers["Allow"] = allow
    return response


def _unexpected(error: Exception) -> Response:
    log.exception("a request failed")
    return error_response(500, "internal_error", "something went wrong here; it has been logged")
