"""WebSockets, HTTP streams and long polls in a function-as-a-service, as faas-grip has them.

``lambda_get_websocket`` and ``publish`` are for functions of your own; ``handler`` is the whole
application as one AWS Lambda function. See docs/functions.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..extras import needs
from .errors import (
    BadBatch,
    ClientDisconnected,
    InvalidText,
    InvalidUse,
    NothingToReceive,
    NotWebSocket,
    PublishFailed,
)

with needs("faas", "grip_lambda.faas"):
    from .publishing import flush, publish
    from .websocket import WebSocketContext, lambda_get_websocket

if TYPE_CHECKING:
    from .application import handler

__all__ = [
    "BadBatch",
    "ClientDisconnected",
    "InvalidText",
    "InvalidUse",
    "NotWebSocket",
    "NothingToReceive",
    "PublishFailed",
    "WebSocketContext",
    "flush",
    "handler",
    "lambda_get_websocket",
    "publish",
]


def __getattr__(name: str) -> Any:
    """Return ``handler``, whose web framework and WSGI adapter other functions don't need."""
    if name != "handler":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with needs("faas", "the application as a function"):
        from .application import handler  # noqa: PLC0415

    return handler
