"""How connections end, and whether to connect again."""

from __future__ import annotations

from dataclasses import dataclass

from .errors import (
    BadRequest,
    Deleted,
    Forbidden,
    LambdaError,
    TakenOver,
    Unavailable,
    from_response,
)

_NEVER_AGAIN: dict[int, tuple[type[LambdaError], str]] = {
    4403: (Forbidden, "somebody else has opened the id, or its API key was revoked"),
    4409: (TakenOver, "another host has taken the id over"),
    4410: (Deleted, "the lambda was deleted"),
}


@dataclass(frozen=True)
class Loss:
    """How a connection ended, or that there was none.

    Attributes:
        code: its close code; None if there was no close frame.
        status: the status of a refused handshake, or None.
        text: the reason, or the body of the refusal.
        location: where a refused handshake was redirected to.
        lasting: whether it will be so the next time, too: an untrusted certificate.
    """

    code: int | None = None
    status: int | None = None
    text: str = ""
    location: str = ""
    lasting: bool = False


def loss_reason(loss: Loss) -> str:
    """Return in words how a connection ended."""
    if loss.code is not None:
        return f"{loss.text or 'the connection was closed'} ({loss.code})"
    if loss.status is not None:
        status = loss.status if loss.location else max(loss.status, 400)
        return str(from_response(status, loss.text.encode(), loss.location))
    return loss.text or "the connection was lost"


def lasting_error(loss: Loss, *, was_up: bool) -> LambdaError | None:
    """Return the error for which connecting again is of no use; None if it may be."""
    if loss.code in _NEVER_AGAIN:
        kind, default = _NEVER_AGAIN[loss.code]
        return kind(loss.text or default)
    if loss.status is None or loss.status >= 500 or loss.status in (408, 425, 429):
        lasts = loss.lasting and not was_up
        return Unavailable(f"the server is out of reach: {loss.text}") if lasts else None
    if was_up and (loss.status < 400 or loss.status == 404):
        return None  # something else stands there for a while
    if loss.status < 300:
        return BadRequest("there is no WebSocket at this address", status=426)
    return from_response(loss.status, loss.text.encode(), loss.location)
