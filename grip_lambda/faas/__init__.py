"""WebSockets, HTTP streams and long polls in a function-as-a-service, as faas-grip has them.

``lambda_get_websocket`` and ``publish`` are for functions of your own; ``handler`` is the whole
application as one AWS Lambda function. See docs/functions.md.
"""

from __future__ import annotations

from .errors import (
    BadBatch,
    ClientDisconnected,
    InvalidText,
    InvalidUse,
    NothingToReceive,
    NotWebSocket,
    PublishFailed,
)
from .publishing import flush, publish
from .websocket import WebSocketContext, lambda_get_websocket

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
    "lambda_get_websocket",
    "publish",
]
