"""A connection that ends when nothing comes any more."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from websockets.asyncio.client import ClientConnection

_LOOK_S = 0.5


class WatchedConnection(ClientConnection):
    """A WebSocket that knows when it last heard of the server.

    The server pings hosts, so that a silent connection is a dead one: pings of our own would
    cost the server a request each.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._heard = time.monotonic()

    def data_received(self, data: bytes) -> None:
        self._heard = time.monotonic()
        super().data_received(data)

    async def end_after(self, silence_s: Callable[[], float]) -> None:
        """End the connection, as if it had broken, after so many seconds of silence."""
        while time.monotonic() - self._heard < silence_s():
            await asyncio.sleep(_LOOK_S)
        self.transport.abort()
