"""What a caller over HTTP gets: a response, or one that is held until there is one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from ...store import Call
from .outcomes import DEADLINE_EXCEEDED

#: The header that names the host of a service which was chosen for a call.
HOST_HEADER = "Lambda-Id"
#: Pushpin gives up a hold this long after the deadline, should every backend be gone by then.
_HOLD_MARGIN_S = 1


@dataclass(frozen=True)
class Response:
    """A response; its body is JSON."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


#: What a plain caller gets whose deadline has passed, or whose call is not known any more.
TOO_LATE = Response(DEADLINE_EXCEEDED.status, DEADLINE_EXCEEDED.body)


def last_event(shown: Response) -> tuple[str, bytes]:
    """Return the name and the data of the event that ends a streamed call so."""
    if shown.status == 200:
        return "result", shown.body
    return "error", b'%b,"status":%d}' % (shown.body[:-1], shown.status)


@dataclass(frozen=True)
class Hold:
    """A caller that waits: what Pushpin is told to hold.

    Attributes:
        channel: what it is held on.
        timeout_s: when Pushpin gives up by itself, in whole seconds.
        response: what it gets then.
    """

    channel: str
    timeout_s: int
    response: Response


def naming_host(call: Call, shown: Response) -> Response:
    """Return a response that tells which host of a service was chosen, if one was."""
    if not call.service:
        return shown
    return Response(shown.status, shown.body, {**shown.headers, HOST_HEADER: call.lambda_id})


def held(channel: str, left_s: float, response: Response) -> Hold:
    """Return a hold for so many seconds; somebody else is to end it in time."""
    return Hold(channel, math.ceil(max(0.0, left_s)) + _HOLD_MARGIN_S, response)
