"""The WebSocket transport: a message goes to the host's channel, large ones in turns."""

from __future__ import annotations

import logging
import time
from contextlib import suppress

from ...errors import Busy, PublishError, StoreError
from ...grip.nodes import Nodes
from ...grip.pace import Lost, turn_s
from ...store import Call, Host, Store
from ..channels import host_channel
from .closing import Closing

log = logging.getLogger(__name__)

#: How long large messages to one WebSocket may have to wait for their turn, in seconds.
_TURN_MAX_S = 10.0


class WebSocketTransport:
    """Sends to the WebSockets of hosts, through the Pushpins that hold them."""

    is_connected = True

    def __init__(self, store: Store, nodes: Nodes) -> None:
        self._store = store
        self._nodes = nodes

    def ensure_reachable(self, host: Host) -> None:
        """Make sure that the Pushpin of a host is there; see Transport."""
        self._nodes[host.node].ensure_reachable()

    def send(
        self,
        lambda_id: str,
        host: Host,
        message: bytes,
        call: Call | None = None,
        *,
        lost: Lost | None = None,
        wait: bool = False,
    ) -> None:
        """Send a message; see Transport."""
        self._nodes[host.node].send(
            host_channel(lambda_id, host.connection),
            message,
            after_s=self._turn(lambda_id, host, len(message)),
            lost=lost,
            wait=wait,
        )

    def say(
        self, lambda_id: str, connection: str, node: str, message: bytes, *, wait: bool = False
    ) -> None:
        """Send a message to a Monologue client once its channel is there; log it if it is lost."""
        channel = host_channel(lambda_id, connection)
        try:
            self._nodes[node].send(channel, message, wait=wait)
        except PublishError as error:
            log.warning("a message was lost: %s", error)

    def close(self, lambda_id: str, host: Host, why: Closing) -> None:
        """Close the WebSocket of a host; see Transport."""
        channel = host_channel(lambda_id, host.connection)
        try:
            self._nodes[host.node].close(channel, why.code, why.reason)
        except PublishError as error:
            log.info("a connection was not closed: %s", error)

    def _turn(self, lambda_id: str, host: Host, size: int) -> float:
        """Return in how many seconds a message may be sent to a WebSocket."""
        now = time.time()
        start = host.busy_until
        if seconds := turn_s(size):
            with suppress(StoreError):  # it is paced here then
                start = self._store.take_turn(lambda_id, host.connection, seconds, now)
        if start - now > _TURN_MAX_S:
            raise Busy("the lambda has more to read than it can; try again later")
        return max(0.0, start - now)
