"""A Pushpin whose control port is HTTP, for where ZeroMQ can't reach.

A publish costs more, and nothing tells which channels are held. A reply that overtakes its hold is
lost; so a reply is published once more a moment later, and comes with Pushpin's repeat after a
second at the latest.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping

import requests
from gripcontrol import GripPubControl
from pubcontrol import Format, Item

from ..errors import PublishError
from .node import HOLD_ID, REPLY_ID, Node, response

log = logging.getLogger(__name__)

#: A hold is in place this long after its request was answered, as a rule; in seconds.
_AGAIN_S = 0.05
_TIMEOUT_S = 0.5


class HttpNode(Node):
    """Publishes with a request each."""

    def __init__(self, name: str, control_uri: str) -> None:
        super().__init__(name)
        self._control_uri = control_uri
        self._publisher = GripPubControl({"control_uri": control_uri})

    @property
    def is_connected(self) -> bool:
        try:
            requests.get(self._control_uri, timeout=_TIMEOUT_S)
        except requests.RequestException:
            return False
        return True

    def require(self) -> None:
        if not self.is_connected:
            raise PublishError(f"the proxy {self.name} is out of reach; try again later")

    def reply(
        self, channel: str, status: int, body: bytes, headers: Mapping[str, str] | None = None
    ) -> None:
        message = response(status, body, headers)
        self._publish(channel, self._item(message, REPLY_ID, HOLD_ID))
        again = threading.Timer(_AGAIN_S, self._again, (channel, message))
        again.daemon = True
        again.start()

    def stop(self) -> None:
        self._publisher.wait_all_sent()

    def _again(self, channel: str, message: Format) -> None:
        try:
            # An id of its own: Pushpin drops what it has seen.
            self._publish(channel, self._item(message, f"{REPLY_ID}a", HOLD_ID))
        except PublishError as error:
            log.info("a reply was not repeated: %s", error)

    def _publish_held(self, channel: str, item: Item) -> None:
        # One that comes too early is missed, which the next link makes good a second later.
        self._publish(channel, item)

    def _publish(self, channel: str, item: Item) -> None:
        try:
            self._publisher.publish(channel, item, blocking=True)
        except ValueError as error:
            raise PublishError(f"publishing through {self.name} failed: {error}") from None
