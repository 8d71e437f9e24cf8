"""What each transport of hosts provides."""

from __future__ import annotations

from typing import Protocol

from ...grip.pace import Lost
from ...store import Call, Host
from .closing import Closing


class Transport(Protocol):
    """A way of messages to hosts. Safe for many threads.

    Attributes:
        is_connected: whether a host is connected all the time, so that its departure is seen and a
            message reaches it at once. Otherwise messages are kept until the host reads them.
    """

    is_connected: bool

    def ensure_reachable(self, host: Host) -> None:
        """Make sure that a message to a host can be sent now.

        Raises:
            PublishError: its Pushpin is out of reach.
        """

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
        """Send a message to the host of a lambda.

        Args:
            call: the call that the message asks for; None for a message beside calls.
            lost: is told if the message is lost later, as far as that is seen.
            wait: whether to return only when the message has left.

        Raises:
            Busy: the host has too much to read already.
            Unavailable: its Pushpin is out of reach.
            StoreError: the store is out of reach.
        """

    def close(self, lambda_id: str, host: Host, why: Closing) -> None:
        """End the connection of a host, and tell it why; log it if that fails."""
