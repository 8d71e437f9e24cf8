"""Callable addresses for anything that can open a WebSocket.

``Host``, ``Client`` and their like are those of `grip_lambda.client`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .client import (
        AsyncClient,
        AsyncHost,
        Client,
        Host,
        LambdaError,
        RemoteError,
    )

__all__ = [
    "AsyncClient",
    "AsyncHost",
    "Client",
    "Host",
    "LambdaError",
    "RemoteError",
]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name in __all__:  # now: the server has no use of them
        return getattr(import_module(".client", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
