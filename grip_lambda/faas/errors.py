"""What can go wrong in a function, and what the original library raised there.

Each is also of the built-in class that faas-grip users catch.
"""

from __future__ import annotations

from ..errors import BadRequest, GripLambdaError, ProtocolError, PublishError


class NotWebSocket(BadRequest, ValueError):
    """The event is no request of WebSocket-over-HTTP, or none of API Gateway at all."""


class BadBatch(NotWebSocket):
    """The event says that it is a batch of a WebSocket, and is none that Pushpin would make."""


class InvalidUse(GripLambdaError, ValueError):
    """A function asked for what can't be sent: a close code, a value of meta, a message."""


class NothingToReceive(GripLambdaError, IndexError):
    """``recv`` where ``can_recv`` is false."""


class ClientDisconnected(GripLambdaError, OSError):
    """The client went away without a close frame."""


class InvalidText(ProtocolError, ValueError):
    """The client sent a text that is not UTF-8; the connection is to be closed with 1007."""


class PublishFailed(PublishError, ValueError):
    """A message was not published through at least one proxy."""
