"""The way of a message to a host, whatever its transport."""

from __future__ import annotations

from collections.abc import Mapping

from ...grip.nodes import Nodes
from ...grip.pace import Lost
from ...store import WEBSOCKET, Call, Host, Store
from .closing import Closing
from .outbox import POLL, SSE, Outbox
from .transport import Transport
from .websocket import WebSocketTransport


class Delivery:
    """Gives each message to the transport of its host.

    Attributes:
        websocket: the transport of hosts on WebSocket.
        outbox: that of hosts that read a stream or poll.
    """

    def __init__(self, store: Store, nodes: Nodes, secret: bytes) -> None:
        self.websocket = WebSocketTransport(store, nodes)
        self.outbox = Outbox(store, nodes, secret)
        self._transports: Mapping[str, Transport] = {
            WEBSOCKET: self.websocket,
            SSE: self.outbox,
            POLL: self.outbox,
        }

    def is_connected(self, transport: str) -> bool:
        """Tell whether hosts on a transport are connected all the time; see Transport."""
        return self._transports[transport].is_connected

    def ensure_reachable(self, host: Host) -> None:
        """Make sure that a message to a host can be sent now; see Transport."""
        self._transports[host.transport].ensure_reachable(host)

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
        """Send a message to the host of a lambda; see Transport."""
        transport = self._transports[host.transport]
        transport.send(lambda_id, host, message, call, lost=lost, wait=wait)

    def close(self, lambda_id: str, host: Host, why: Closing) -> None:
        """End the connection of a host, and tell it why; see Transport."""
        self._transports[host.transport].close(lambda_id, host, why)
