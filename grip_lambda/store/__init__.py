"""Facts: which lambdas are open, and which calls wait for an answer."""

from __future__ import annotations

from ..errors import ConfigError
from ..extras import needs
from .base import Store
from .facts import (
    ANYBODY,
    WEBSOCKET,
    Call,
    Callee,
    Chosen,
    Closed,
    Due,
    Host,
    IdempotencyKey,
    KnownCall,
    Lambda,
    Past,
    Permit,
    Population,
    SameCall,
    StoppedCall,
    Wait,
)
from .logs import Appended, Entry, Logs, Reader, Tail
from .outcome import Failure, Outcome
from .sqlite import SQLiteStore

__all__ = [
    "ANYBODY",
    "WEBSOCKET",
    "Appended",
    "Call",
    "Callee",
    "Chosen",
    "Closed",
    "Due",
    "Entry",
    "Failure",
    "Host",
    "IdempotencyKey",
    "KnownCall",
    "Lambda",
    "Logs",
    "Outcome",
    "Past",
    "Permit",
    "Population",
    "Reader",
    "SameCall",
    "StoppedCall",
    "Store",
    "Tail",
    "Wait",
    "open_store",
]


def open_store(url: str) -> Store:
    """Open the store that ``url`` names.

    Args:
        url: ``sqlite:///<path>``, relative with three slashes and absolute with four, or
            ``redis://host:port/db`` (``rediss://`` for TLS) for Redis or Valkey.

    Raises:
        ConfigError: the URL names no store that is known here, or its driver is not installed.
        StoreError: the store can't be opened.
    """
    scheme, _, rest = url.partition("://")
    if scheme == "sqlite" and len(rest) > 1 and rest.startswith("/"):
        return SQLiteStore(rest[1:])
    if scheme in ("redis", "rediss"):
        with needs("redis", "a Redis store"):
            from .redis import RedisStore  # noqa: PLC0415 - a driver that not everybody needs
        return RedisStore(url)
    raise ConfigError(
        f"GRIP_LAMBDA_STORE must be sqlite:///<path> or redis://host:port/db, not {scheme}://…"
    )
