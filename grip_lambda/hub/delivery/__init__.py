"""A message on its way to a host: in the host's codec, with its context, by its transport.

It may use the store, Pushpin and the names of channels; whose call it is, it does not know.
"""

from __future__ import annotations

from .closing import Closing
from .context import NO_CONTEXT, CallerContext, new_request_id, with_id
from .delivery import Delivery
from .encoding import MonologueCall, call_message, cancellation
from .outbox import CURSOR, LATE_S, LIVES_S, POLL, SEEN_S, SSE, Outbox, array
from .transport import Transport
from .websocket import WebSocketTransport

__all__ = [
    "CURSOR",
    "LATE_S",
    "LIVES_S",
    "NO_CONTEXT",
    "POLL",
    "SEEN_S",
    "SSE",
    "CallerContext",
    "Closing",
    "Delivery",
    "MonologueCall",
    "Outbox",
    "Transport",
    "WebSocketTransport",
    "array",
    "call_message",
    "cancellation",
    "new_request_id",
    "with_id",
]
