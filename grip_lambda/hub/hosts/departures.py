"""Hosts on WebSocket that went without a word: Pushpin holds their channel no more.

Pushpin tells of most connections that end with a ``DISCONNECT``, but not of all: not of one whose
message was too large, or whose batch it could not pass on.
"""

from __future__ import annotations

import logging
import time

from ...grip.departures import Announced
from ...store import Store
from ..channels import host_channel, parse_host_channel
from .registry import Hosts

log = logging.getLogger(__name__)


class Departures:
    """Closes their lambdas. One that is closed by mistake comes back with its next pong."""

    def __init__(self, store: Store, hosts: Hosts) -> None:
        self._store = store
        self._hosts = hosts

    def left(self, channel: str) -> None:
        """Close the lambda of a connection that holds its channel no more."""
        place = parse_host_channel(channel)
        if place is None:
            return
        lambda_id, connection = place
        known = self._store.get_lambda(lambda_id, time.time())  # as a rule it is closed already
        if known is not None and known.connection == connection:
            self._gone(lambda_id, connection)

    def announced(self, node: str, announced: Announced) -> None:
        """Close the lambdas of a node whose hosts left while nobody could see it."""
        for known in self._store.list_lambdas(time.time()):
            if (
                known.node == node
                and known.ends_with_its_node
                and known.opened < announced.since
                and host_channel(known.id, known.connection) not in announced.held
            ):
                self._gone(known.id, known.connection)

    def _gone(self, lambda_id: str, connection: str) -> None:
        log.info("%s: its host went without a word", lambda_id)
        self._hosts.gone(lambda_id, connection)
