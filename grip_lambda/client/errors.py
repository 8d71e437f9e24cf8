"""What a caller, or a host, can be told.

LambdaError
├── RemoteError         400                     the host answered with an error, which is `error`
├── BadRequest          400 bad_request         and any other status of 4xx
├── Unauthorized        401 unauthorized
├── Forbidden           403 forbidden
├── NotFound            404 not_found           no such lambda is open
├── TakenOver           409 taken_over          another host has opened the id
├── Cancelled           410 cancelled
├── Deleted             410 deleted             somebody has closed the lambda
├── TooLarge            413 too_large           the body of the call
├── KeyReused           422 key_reused
├── Busy                429 busy                the host runs as many calls as it takes
├── ServerError         500 internal_error      and any other status of 5xx
├── Disconnected        502 disconnected        the host, or the server, went away meanwhile
├── ResultTooLarge      502 result_too_large
├── Unavailable         503 unavailable         the server is out of reach
└── DeadlineExceeded    504 deadline_exceeded

Each has a `status` and a `code`, those of the response where there was one, and says with
`may_have_run` whether the host may have done the work.
"""

from __future__ import annotations

import json
import re
from typing import Any, ClassVar

from ..errors import GripLambdaError
from .addresses import location_of
from .telling import text_of


class LambdaError(GripLambdaError):
    """Base of all errors of calls and hosts.

    Attributes:
        status: the HTTP status; that of the table above where there was no response.
        code: the machine-readable word beside it; None for a RemoteError.
        may_have_run: whether the host may have done the work. If not, calling again is safe.
        host: the lambda that was chosen, if a service was called; else empty.
    """

    default_status: ClassVar[int] = 500
    default_code: ClassVar[str | None] = "internal_error"
    may_have_run: ClassVar[bool] = False
    host: str = ""

    def __init__(
        self, message: str = "", *, status: int | None = None, code: str | None = None
    ) -> None:
        super().__init__(message or type(self).__name__)
        self.status = status or self.default_status
        self.code = code or self.default_code


class RemoteError(LambdaError):
    """The host answered with an error.

    A function of a host may raise it, too: its caller gets the same `error`.

    Attributes:
        error: any JSON value, as the host sent it. For an exception in a function of a
            `Host`, it is `{"errorType": "ValueError", "errorMessage": "no such order"}`.
    """

    default_status = 400
    default_code = None
    may_have_run = True

    def __init__(self, error: Any, *, status: int | None = None) -> None:
        super().__init__(_shown(error), status=status)
        self.error = error


class BadRequest(LambdaError):
    """The call makes no sense: its body, the id, the name of the method or a header."""

    default_status = 400
    default_code = "bad_request"


class Unauthorized(LambdaError):
    """A key is missing, or is not known."""

    default_status = 401
    default_code = "unauthorized"


class Forbidden(LambdaError):
    """The key or the token does not allow this."""

    default_status = 403
    default_code = "forbidden"


class NotFound(LambdaError):
    """No such lambda is open."""

    default_status = 404
    default_code = "not_found"


class TakenOver(LambdaError):
    """Another host has opened the id, and answers its calls from now on."""

    default_status = 409
    default_code = "taken_over"


class Cancelled(LambdaError):
    """The call was cancelled before it was answered."""

    default_status = 410
    default_code = "cancelled"
    may_have_run = True


class Deleted(LambdaError):
    """Somebody who has the token has closed the lambda."""

    default_status = 410
    default_code = "deleted"


class TooLarge(LambdaError):
    """The body is over the limit."""

    default_status = 413
    default_code = "too_large"


class KeyReused(LambdaError):
    """The idempotency key came with another body before."""

    default_status = 422
    default_code = "key_reused"


class Busy(LambdaError):
    """The host has as many calls in flight as it takes; try again later."""

    default_status = 429
    default_code = "busy"


class ServerError(LambdaError):
    """The server, or a proxy before it, failed."""

    may_have_run = True


class Disconnected(LambdaError):
    """The host, or the server, went away before there was an answer."""

    default_status = 502
    default_code = "disconnected"
    may_have_run = True


class ResultTooLarge(LambdaError):
    """The host's answer was over the limit."""

    default_status = 502
    default_code = "result_too_large"
    may_have_run = True


class Unavailable(LambdaError):
    """The server, or what it needs, is out of reach; the host was not asked."""

    default_status = 503
    default_code = "unavailable"


class DeadlineExceeded(LambdaError):
    """The deadline passed before there was an answer."""

    default_status = 504
    default_code = "deadline_exceeded"
    may_have_run = True


_BY_CODE: dict[str | None, type[LambdaError]] = {
    kind.default_code: kind for kind in LambdaError.__subclasses__() if kind is not RemoteError
}
_BY_STATUS: dict[int, type[LambdaError]] = {
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    413: TooLarge,
    429: Busy,
    503: Unavailable,
    504: DeadlineExceeded,
}


_IS_HTML = re.compile(r"<(?:!doctype\s+html|html)\b", re.IGNORECASE).match
_TITLE = re.compile(r"<title>([^<]*)", re.IGNORECASE).search


def from_response(status: int, content: bytes, location: str = "") -> LambdaError:
    """Return the error that a response means which is no success.

    Args:
        location: where it redirects to.
    """
    if 300 <= status < 400:
        return redirected(status, location)
    page = _page(status, content)
    if status < 400:
        return ServerError(page or "the server's answer can't be read", status=status)
    body = error_in(content)
    if body is not None:
        if "code" not in body and status == 400:
            return RemoteError(body["error"], status=status)
        message, code = str(body["error"]), body.get("code")
    else:
        message, code = page or content[:200].decode(errors="replace").strip(), None
    code = code if isinstance(code, str) else None
    fallback = BadRequest if status < 500 else ServerError
    kind = _BY_CODE.get(code) if code else None
    kind = kind or _BY_STATUS.get(status, fallback)
    return kind(message or f"the server answered with {status}", status=status, code=code)


def _page(status: int, content: bytes) -> str:
    """Return what a page of HTML is told as; empty if the content is none."""
    text = content[:2000].decode(errors="replace").strip()
    if not _IS_HTML(text):
        return ""
    found = _TITLE(text)
    title = " ".join(found[1].split())[:100] if found else ""
    shown = f"{status}, {title}" if title else f"{status}"
    return f"a page of HTML came ({shown}): another server, a proxy or a portal has answered"


def error_in(content: bytes) -> dict[str, Any] | None:
    """Return what a response of our server says of an error; None if this is none."""
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) and "error" in body else None


def redirected(status: int, location: str) -> Unavailable:
    """Return the error for a server that redirects: nobody is asked elsewhere than was meant."""
    target = location_of(location) or "elsewhere"
    return Unavailable(f"this address redirects to {target}; take that one", status=status)


def _shown(error: Any) -> str:
    """Return a host's error in a line. A function may have made it of anything."""
    if isinstance(error, str):
        return error
    if isinstance(error, dict):
        kind, message = error.get("errorType"), error.get("errorMessage", error.get("message"))
        if isinstance(message, str):
            return f"{kind}: {message}" if isinstance(kind, str) else message
    try:
        return json.dumps(error, default=text_of)
    except (TypeError, ValueError, RecursionError):
        return text_of(error)
