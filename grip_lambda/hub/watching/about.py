"""What is kept with a call for whoever watches, and what they are told of it.

A call's token gives access to it, so they get a name made from it.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from typing import Any

import msgspec

from ...protocol.traces import Trace
from ...store import Call

_METHOD_MAX = 200
#: Bytes of the name of a call.
_NAME = 12


class About(msgspec.Struct, frozen=True, array_like=True):
    """What is told of a call beside what the store has to know of it.

    Attributes:
        method: what was called.
        address: the caller's; empty if it is not known.
        bytes_in: how many bytes the body has.
        service: the service that was called; empty for the lambda itself.
        trace: as in protocol.traces: trace, span, flags, state and the caller's span; empty for
            none.
    """

    method: str = ""
    address: str = ""
    bytes_in: int = 0
    service: str = ""
    trace: tuple[str, ...] = ()

    @classmethod
    def of(cls, call: Call) -> About:
        """Read what is kept with a call; an earlier version kept nothing."""
        return _decoder.decode(call.about) if call.about else cls()


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(About)


def about_of(method: str, body: bytes, address: str, trace: Trace | None, service: str = "") -> str:
    """Return what is kept with a call.

    Args:
        method, body: what was called, and with what.
        address: that of the caller; empty if it is not known.
        trace: where the call stands in a trace, if it does.
        service: the service that was called; empty for the lambda itself.
    """
    about = About(
        method[:_METHOD_MAX],
        address,
        len(body),
        service,
        trace=() if trace is None else _parts(trace),
    )
    try:
        return _encoder.encode(about).decode()
    except UnicodeEncodeError:  # half of a surrogate pair
        plain = about.method.encode("utf-8", "replace").decode()
        return _encoder.encode(msgspec.structs.replace(about, method=plain)).decode()


def _parts(trace: Trace) -> tuple[str, ...]:
    return trace.trace_id, trace.span_id, trace.flags, trace.state, trace.parent_id


def name_of(secret: bytes, token: str) -> str:
    """Return the name of a call: 16 characters that give no access to it."""
    digest = hmac.digest(secret, f"call-name:{token}".encode(), "sha256")
    return urlsafe_b64encode(digest[:_NAME]).decode()


def instant(time: float) -> str:
    """Return a time, in seconds since 1970, as RFC 3339 with milliseconds."""
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="milliseconds")


def begun(call: Call, secret: bytes) -> dict[str, Any]:
    """Return the data of the event ``call``."""
    about = About.of(call)
    return {
        "time": instant(call.created),
        "lambda": call.lambda_id,
        "call": name_of(secret, call.token),
        "method": about.method,
        "service": about.service or None,
        "from": about.address or None,
        "key": call.key or None,
        "bytes_in": about.bytes_in,
    }
