"""Requests that the front asks for, an nginx that knows a key; see serve/nginx.conf.

It asks for calls here, not through a Pushpin. A call that is not answered in a moment is handed
over: the front then asks a Pushpin for it, at an address below ``HELD`` that it lets nobody else
ask for, and may do so as often as it takes.
"""

from __future__ import annotations

import hmac
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes, urlencode

from werkzeug.wrappers import Request, Response

from ..settings import PATIENCES_S, Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

HELD = "/held"
#: Before an address below ``HELD`` that the front is to ask a backend for, not a Pushpin.
_WHOLE = "/whole"
#: Responses with more bytes do not come through a Pushpin, which may stop in the middle of them.
_THROUGH_MAX = 900_000
#: Where the front asks if an address has characters that none may have: it is in a header then.
_ODD = "/odd"
_FRONT = "grip_lambda.front"
_KEY, _ADDRESS, _BODY, _START = (
    "HTTP_FRONT_KEY",
    "HTTP_FRONT_ADDRESS",
    "HTTP_FRONT_BODY",
    "HTTP_X_REQUEST_START",
)
#: What only a Pushpin says.
_PUSHPINS = ("HTTP_GRIP_SIG", "HTTP_GRIP_LAST", "HTTP_CONNECTION_ID")


@dataclass(frozen=True)
class Front:
    """What the front says of a request.

    Attributes:
        address: what it asks for; empty if that was handed over by a backend.
        arrived: when it came in, in seconds since 1970.
        has_body: whether it has read all of the body, which is small.
    """

    address: str
    arrived: float
    has_body: bool = False


def admit(settings: Settings, environ: WSGIEnvironment) -> None:
    """Note whether a request is the front's; what others say in its headers counts for nothing."""
    shown, address, body, start = (
        environ.pop(name, "") for name in (_KEY, _ADDRESS, _BODY, _START)
    )
    if not (shown and settings.front_key):
        return
    if not hmac.compare_digest(shown.encode("latin-1", "replace"), settings.front_key):
        return
    now = time.time()
    try:
        arrived = min(now, float(start))
    except ValueError:
        arrived = now
    environ[_FRONT] = Front(address, arrived, body != "")
    if not address:
        return
    for name in _PUSHPINS:  # it was not on the way
        environ.pop(name, None)
    if environ["PATH_INFO"] == _ODD:
        path, _, query = address.partition("?")
        environ["PATH_INFO"] = unquote_to_bytes(path).decode("latin-1")
        environ["QUERY_STRING"] = query


def front_of(request: Request) -> Front | None:
    """Return what the front says of a request; None if it came another way."""
    front: Front | None = request.environ.get(_FRONT)
    return front


def arrived(request: Request) -> float:
    """Return when a request came in, in seconds since 1970; 0 if that is not known."""
    front = front_of(request)
    return 0.0 if front is None else front.arrived


def is_direct(request: Request) -> bool:
    """Tell whether the front asks for a call, so that no Pushpin is on the way."""
    front = front_of(request)
    return front is not None and front.address != ""


def hand_over(
    what: str, lambda_id: str, token: str, until: float | None = None, /, **query: object
) -> Response:
    """Have the front ask a Pushpin for a call, which is then held.

    Args:
        what: what it is to ask for; see callers/held.py.
        until: when the caller's time is over, in seconds since 1970; None if it has none.
        query: what it is told beside that: texts, or lists of them.
    """
    patience = ""
    if until is not None:
        query["until"] = until
        if not what.endswith("stream"):
            patience = f"/{_patience_s(until - time.time())}"
    where = f"{HELD}{patience}/{what}/{lambda_id}/{token}"
    return _led_to(where, urlencode(query, doseq=True))


def _patience_s(left_s: float) -> int:
    """Return after how many seconds to ask again for what is to end in ``left_s``."""
    return next((one for one in PATIENCES_S if one >= left_s / 2), PATIENCES_S[-1])


def is_too_large(request: Request, size: int) -> bool:
    """Tell whether a body had better not come through the Pushpin that asks for it."""
    return size > _THROUGH_MAX and not is_direct(request)


def ask_directly(request: Request) -> Response:
    """Have the front ask a backend for what it asked a Pushpin for, an address below ``HELD``."""
    query = request.query_string.decode("latin-1")
    return _led_to(f"{_WHOLE}{request.path}", query)


def _led_to(address: str, query: str) -> Response:
    response = Response()
    del response.headers["Content-Type"]
    response.headers["X-Accel-Redirect"] = f"{address}?{query}" if query else address
    return response
