"""What callers have in common, whether they block or await."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from .addresses import USER_AGENT
from .backoff import Backoff
from .exchange import Pauses
from .server import Server

#: Callers wait long, and many do: neither they nor the pool should be in each other's way.
_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=20)


class BaseCaller:
    """What both have in common; `Client` says what the options are."""

    def __init__(
        self,
        url: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        retries: int = 4,
        key: str | None = None,
    ) -> None:
        self._server = Server(url, key, headers)
        self.url = self._server.url
        self._retries = retries
        self._open(
            headers={"User-Agent": USER_AGENT}, limits=_LIMITS, **self._server.http_options()
        )

    def _open(self, **options: Any) -> None:
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.url}>"

    def pauses(self) -> Pauses:
        """Return how long to wait before each further try."""
        backoff = Backoff(0.2, 1.6)
        return [backoff.next() for _ in range(self._retries)]
