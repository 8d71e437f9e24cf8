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

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .progress import progress

if TYPE_CHECKING:
    from .answers import Answer
    from .async_caller import AsyncClient
    from .bound import AsyncService, Bound, Service
    from .caller import Client
    from .content import Audio, Image, Resource
    from .context import Context
    from .entries import Lambda, ServiceEntry
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
    from .streams import AsyncStream, Stream

__all__ = [
    "Answer",
    "AsyncClient",
    "AsyncHost",
    "AsyncPendingCall",
    "AsyncService",
    "AsyncStream",
    "Audio",
    "BadRequest",
    "Bound",
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
    "Service",
    "ServiceEntry",
    "Stream",
    "TakenOver",
    "TooLarge",
    "Unauthorized",
    "Unavailable",
    "progress",
]

#: Where the names are. Each is imported when it is asked for: a caller needs nothing of hosts.
_MODULES = {
    "answers": ("Answer",),
    "async_caller": ("AsyncClient",),
    "bound": ("AsyncService", "Bound", "Service"),
    "caller": ("Client",),
    "content": ("Audio", "Image", "Resource"),
    "context": ("Context",),
    "entries": ("Lambda", "ServiceEntry"),
    "hosts": ("AsyncHost", "Host"),
    "monologue": ("Monologue",),
    "pending": ("AsyncPendingCall", "PendingCall"),
    "streams": ("AsyncStream", "Stream"),
}
_WHERE = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_WHERE.get(name, 'errors')}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
