"""Hosts that a store has forgotten which has lost all it knew: they are asked for at once.

A host on WebSocket enters its lambda again with the answer to its next ping, half a minute later at
most; one that reads a stream is offered its lambda again at the stream's next link. Hosts that poll
come by themselves.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Iterable

from ...errors import GripLambdaError
from ...grip.node import Node
from ...protocol.ids import HttpConnection
from ...store import Store
from ..channels import parse_host_channel, parse_log_channel

log = logging.getLogger(__name__)

#: So long, in seconds, a process waits at most before it asks: the processes should not ask for the
#: same hosts at once. Between two hosts it rests: a backend takes some hundred batches a second.
_APART_S, _REST_S = 0.5, 0.003


class Forgotten:
    """Asks for them, each time that the store has lost what it knew."""

    def __init__(self, store: Store, nodes: Iterable[Node]) -> None:
        self._store = store
        self._nodes = nodes
        self._lost_at: float | None = None

    def look(self, lost_at: float) -> None:
        """Begin to ask, in a thread of its own, if the store has lost something since last time.

        Args:
            lost_at: when it did, in seconds since 1970; 0 for never.
        """
        before, self._lost_at = self._lost_at, lost_at
        if before is not None and lost_at > before:
            threading.Thread(target=self._ask, name="forgotten", daemon=True).start()

    def _ask(self) -> None:
        time.sleep(random.uniform(0.0, _APART_S))  # noqa: S311 - nothing is secret
        try:
            count = sum(self.ask_for(node) for node in self._nodes)
        except GripLambdaError as error:  # their pings do the rest
            log.info("hosts that the store has forgotten were not asked for: %s", error)
        else:
            log.warning("the store has lost what it knew; %d hosts were asked for", count)

    def ask_for(self, node: Node) -> int:
        """Ask for the hosts of a node that the store does not know; return how many.

        Raises:
            StoreError, PublishError: it is out of reach.
        """
        count = 0
        for channel in node.of_hosts():
            socket, stream = parse_host_channel(channel), _stream_of(channel)
            place = socket or stream
            if place is None or self._store.get_lambda(place[0], time.time()) is not None:
                continue
            if socket is not None:
                node.ping(channel)
            else:
                node.ask_again(channel)
            count += 1
            time.sleep(_REST_S)
        return count


def _stream_of(channel: str) -> tuple[str, str] | None:
    """Return the lambda id and the connection of a host that reads a stream."""
    place = parse_log_channel(channel)
    return place[:2] if place is not None and HttpConnection.is_one(place[1]) else None
