"""A Pushpin whose control port is HTTP, for where ZeroMQ can't reach.

A publish costs more, and nothing tells which channels are held. A reply that overtakes its hold is
lost; so a reply is published once more a moment later, and comes with Pushpin's repeat after a
second at the latest.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping

import requests
from gripcontrol import HttpResponseFormat
from pubcontrol import Format, Item

from ..errors import PublishError
from ..proxies import Proxy
from .control import http_publisher
from .node import HOLD_ID, REPLY_ID, Node, response
from .pace import Lost

log = logging.getLogger(__name__)

#: A hold is in place this long after its request was answered, as a rule; in seconds.
_AGAIN_S = 0.05
#: The same in a function: the host's next messages wait for so long.
_FROZEN_S = 0.03
_TIMEOUT_S = 0.5
#: Pushpin's HTTP port takes no more than a million bytes. For what has more, which is stored,
#: Pushpin is told to ask the backend.
_MOST = 900_000


class HttpNode(Node):
    """Publishes with a request each."""

    def __init__(self, proxy: Proxy) -> None:
        super().__init__(proxy.node)
        self._control_uri = proxy.control_uri
        self._publisher = http_publisher(proxy)

    @property
    def is_connected(self) -> bool:
        try:
            requests.get(self._control_uri, timeout=_TIMEOUT_S)
        except requests.RequestException:
            return False
        return True

    def ensure_reachable(self) -> None:
        if not self.is_connected:
            raise PublishError(f"the proxy {self.name} is out of reach; try again later")

    def reply(
        self, channel: str, status: int, body: bytes, headers: Mapping[str, str] | None = None
    ) -> None:
        fits = len(body) <= _MOST
        message = response(status, body, headers) if fits else HttpResponseFormat(action="hint")
        self._publish(channel, self._item(message, REPLY_ID, HOLD_ID))
        self._later(channel, message)

    def _later(self, channel: str, message: Format) -> None:
        again = threading.Timer(_AGAIN_S, self._again, (channel, message))
        again.daemon = True
        again.start()

    def stream(self, channel: str, seq: int, data: bytes) -> None:
        if len(data) <= _MOST:
            super().stream(channel, seq, data)
        else:
            self.ask_again(channel)

    def stop(self) -> None:
        self._publisher.wait_all_sent()

    def _again(self, channel: str, message: Format) -> None:
        try:
            # An id of its own: Pushpin drops what it has seen.
            self._publish(channel, self._item(message, f"{REPLY_ID}a", HOLD_ID))
        except PublishError as error:
            log.info("a reply was not repeated: %s", error)

    def _publish_held(self, channel: str, item: Item, lost: Lost | None = None) -> None:
        # One that comes too early is missed, which the next link makes good a second later.
        self._publish(channel, item)

    def _publish(self, channel: str, item: Item) -> None:
        try:
            self._publisher.publish(channel, item, blocking=True)
        except ValueError as error:
            raise PublishError(f"publishing through {self.name} failed: {error}") from None


class FrozenNode(HttpNode):
    """The same in a function, where nothing happens between two requests."""

    _frozen = True

    def __init__(self, proxy: Proxy) -> None:
        super().__init__(proxy)
        self._waiting: list[tuple[float, str, Format]] = []

    def ensure_reachable(self) -> None:
        """Take it for reachable: whether it is, the publish tells before the response is given."""

    def _later(self, channel: str, message: Format) -> None:
        self._waiting.append((time.monotonic() + _FROZEN_S, channel, message))

    def flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        for due, channel, message in waiting:
            time.sleep(max(0.0, due - time.monotonic()))
            self._again(channel, message)
