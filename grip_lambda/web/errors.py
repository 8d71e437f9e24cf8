"""Errors as JSON, whoever raises them; on AWS's paths in AWS's form."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

import orjson
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request, Response

from .. import metrics
from ..errors import (
    BadSignature,
    Forbidden,
    InvalidParameter,
    RateLimited,
    RequestError,
    Unauthorized,
    Unavailable,
)
from ..grip import events
from ..hub.calls import HOST_HEADER, aws_error
from ..hub.delivery import new_request_id
from .incoming import address

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from ..hub import Hub

log = logging.getLogger(__name__)

_CODES = {404: "not_found", 405: "method_not_allowed", 413: "too_large", 415: "not_acceptable"}
_NOTHING_HERE = "there is nothing at this address"
_NO_SOCKET = "no WebSocket is spoken at this address: hosts open /lambda/new"
#: Each operation of AWS Lambda has the date of its version before its path.
_AWS = re.compile(r"/20\d\d-\d\d-\d\d/", re.ASCII)
_AWS_UNKNOWN = "of AWS Lambda's operations only Invoke is known here"
#: AWS's names for what is refused, by status.
_AWS_NAMES = {
    400: "InvalidRequestContentException",
    401: "MissingAuthenticationTokenException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    413: "RequestTooLargeException",
    429: "TooManyRequestsException",
}


def respond(error: Exception, environ: WSGIEnvironment, hub: Hub) -> Response:
    """Return the response that tells of an error: ``{"error", "code"}``."""
    if isinstance(error, RequestError):
        metrics.REFUSED.labels(error.code).inc()
        if hub.settings.audit and isinstance(error, (Unauthorized, Forbidden)):
            hub.audit.refused(
                error.code,
                client=address(hub, Request(environ)),
                method=environ["REQUEST_METHOD"],
                path=environ["PATH_INFO"],
            )
    elif not isinstance(error, HTTPException):
        log.error("a request failed", exc_info=error)
    if _AWS.match(environ["PATH_INFO"]):
        return _aws_error(error)
    if isinstance(error, RequestError):
        return _request_error(error)
    if isinstance(error, HTTPException):
        is_batch = environ.get("CONTENT_TYPE") == events.CONTENT_TYPE
        return _response(404, "not_found", _NO_SOCKET) if is_batch else _http_error(error)
    return _response(500, "internal_error", "something went wrong here; it has been logged")


def _aws_error(error: Exception) -> Response:
    """Return an error as AWS's clients read it; also of operations that are not known here."""
    status, name, message = 500, "ServiceException", "something went wrong here"
    if isinstance(error, RequestError):
        status, message = 403 if error.status == 401 else error.status, str(error)
        name = _AWS_NAMES.get(error.status, name)
        if isinstance(error, InvalidParameter):
            name = "InvalidParameterValueException"
        elif isinstance(error, BadSignature):
            name = error.name
    elif isinstance(error, HTTPException):
        status, name, message = 404, "UnknownOperationException", _AWS_UNKNOWN
    told = aws_error(status, name, message, new_request_id())
    return Response(told.body, told.status, told.headers, content_type="application/json")


def _response(status: int, code: str, message: str) -> Response:
    body = orjson.dumps({"error": message, "code": code})
    return Response(body, status, content_type="application/json")


def _request_error(error: RequestError) -> Response:
    response = _response(error.status, error.code, str(error))
    if error.status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="grip-lambda"'
    if error.host:
        response.headers[HOST_HEADER] = error.host
    if error.status == 426:
        response.headers["Upgrade"] = "websocket"
    if isinstance(error, (RateLimited, Unavailable)):
        response.headers["Retry-After"] = str(error.retry_after)
        if isinstance(error, RateLimited) and error.policy:
            # As the IETF's draft "RateLimit header fields for HTTP" has them.
            response.headers["RateLimit-Policy"] = error.policy
            name = error.policy.partition(";")[0]
            response.headers["RateLimit"] = f"{name};r=0;t={error.retry_after}"
    elif error.status == 429:
        response.headers["Retry-After"] = "1"
    return response


def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    message = _NOTHING_HERE if status == 404 else error.description or error.name
    response = _response(status, _CODES.get(status, "bad_request"), message)
    allow = dict(error.get_headers()).get("Allow")
    if allow:
        response.headers["Allow"] = allow
    return response
