"""Hosts and callers for Python programs.

::

    from grip_lambda.client import Client, Host

    host = Host("http://localhost:7999")

    @host.method
    def greet(body):
        return {"hello": body}

    with host, Client("http://localhost:7999") as client:
        print(client.call(host.id, "greet", "world"))
"""

from .async_caller import AsyncClient
from .caller import Client
from .content import Audio, Image, Resource
from .context import Context
from .entries import Lambda
from .errors import (
    BadRequest,
    Busy,
    Cancelled,
    DeadlineExceeded,
    Deleted,
    Disconnected,
    Forbidden,
    KeyReused,
    LambdaError,
    NotFound,
    RemoteError,
    ResultTooLarge,
    ServerError,
    TakenOver,
    TooLarge,
    Unauthorized,
    Unavailable,
)
from .hosts import AsyncHost, Host
from .monologue import Monologue
from .pending import AsyncPendingCall, PendingCall
from .progress import progress
from .streams import AsyncStream, Stream

__all__ = [
    "AsyncClient",
    "AsyncHost",
    "AsyncPendingCall",
    "AsyncStream",
    "Audio",
    "BadRequest",
    "Busy",
    "Cancelled",
    "Client",
    "Context",
    "DeadlineExceeded",
    "Deleted",
    "Disconnected",
    "Forbidden",
    "Host",
    "Image",
    "KeyReused",
    "Lambda",
    "LambdaError",
    "Monologue",
    "NotFound",
    "PendingCall",
    "RemoteError",
    "Resource",
    "ResultTooLarge",
    "ServerError",
    "Stream",
    "TakenOver",
    "TooLarge",
    "Unauthorized",
    "Unavailable",
    "progress",
]
