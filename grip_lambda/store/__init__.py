"""Facts: which lambdas are open, and which calls wait for an answer."""

from __future__ import annotations

from ..errors import ConfigError
from .base import Call, Closed, Host, Lambda, Outcome, Store
from .sqlite import SQLiteStore

__all__ = ["Call", "Closed", "Host", "Lambda", "Outcome", "Store", "open_store"]


def open_store(url: str) -> Store:
    """Open the store that ``url`` names.

    Args:
        url: ``sqlite:///<path>``; the path is relative with three slashes, absolute with four.

    Raises:
        ConfigError: the URL names no store that is known here.
        StoreError: the store can't be opened.
    """
    scheme, _, rest = url.partition("://")
    if scheme == "sqlite" and len(rest) > 1 and rest.startswith("/"):
        return SQLiteStore(rest[1:])
    raise ConfigError(f"GRIP_LAMBDA_STORE must be sqlite:///<path>, not {scheme}://…")
