"""Events for whoever watches, published by the process that sees a thing happen.

Who watches is held by a Pushpin on a channel that says what may be seen there. Each process hears
which channels are held, so nothing is done for nobody. It hears a little late of a new one: so the
process that answers has all others expect it before the response goes out.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from ... import metrics
from ...errors import PublishError
from ...grip.node import WATCHERS
from ...grip.nodes import Nodes
from ...protocol import sse
from ...store import Lambda
from ..access import Access

log = logging.getLogger(__name__)

_ANY = "any"
#: For so long a channel is expected to be held soon, in seconds.
_EXPECTED_S = 3.0


@dataclass(frozen=True)
class View:
    """What may be seen on a channel.

    Attributes:
        key: the id of the API key that watches; empty if none are configured.
        lambda_id: the only lambda that is watched; empty for all.
    """

    key: str = ""
    lambda_id: str = ""

    @property
    def channel(self) -> str:
        """The channel, which all have in common who see the same."""
        return f"{WATCHERS}{self.key or _ANY}-{self.lambda_id or _ANY}"

    @classmethod
    def of(cls, channel: str) -> View:
        """Return what may be seen on a channel."""
        key, _, lambda_id = channel[len(WATCHERS) :].partition("-")
        return cls("" if key == _ANY else key, "" if lambda_id == _ANY else lambda_id)


class Feed:
    """Publishes events, if anybody is there."""

    def __init__(self, nodes: Nodes, access: Access) -> None:
        self._nodes = nodes
        #: The channels that are held, of each node: looked at for each call.
        self._watchers = [node.watchers for node in nodes]
        self._access = access
        #: Until when channels of nodes are expected, on a monotonic clock.
        self._expected: dict[tuple[str, str], float] = {}

    @property
    def is_watched(self) -> bool:
        """Whether anybody watches."""
        return bool(self._expected) or any(self._watchers)

    def expect(self, node: str, channel: str) -> None:
        """Expect a channel to be held on a node in a moment."""
        self._forget()
        self._expected.pop((node, channel), None)  # the last one is expected the longest
        self._expected[node, channel] = time.monotonic() + _EXPECTED_S

    def publish(
        self, name: str, lambda_id: str, data: dict[str, Any], owner: Callable[[], str]
    ) -> None:
        """Publish an event to whoever may see it.

        Args:
            name: of the event.
            data: what happened.
            owner: tells the id of the API key that opened the lambda.
        """
        message = b""
        for node, channel in self._watched(lambda_id):
            view = View.of(channel)
            if view.lambda_id not in ("", lambda_id) or not self._may(view.key, owner):
                continue
            message = message or sse.encode(orjson.dumps(data), name=name)
            try:
                self._nodes[node].tell(channel, message)
                metrics.EVENTS.inc()
            except PublishError as error:
                log.info("an event was lost: %s", error)

    def _watched(self, lambda_id: str) -> set[tuple[str, str]]:
        """Return the nodes and channels where a lambda may be watched."""
        self._forget()
        held = {
            (node.name, channel)
            for node in self._nodes
            if node.watchers
            for channel in node.watchers.of(_ANY, lambda_id)
        }
        return held | self._expected.keys()

    def _forget(self) -> None:
        """Expect no more what has not come."""
        now = time.monotonic()
        for place, until in list(self._expected.items()):
            if until >= now:  # so are those behind it
                break
            self._expected.pop(place, None)

    def _may(self, key_id: str, owner: Callable[[], str]) -> bool:
        """Tell whether a key may still see a lambda."""
        ring = self._access.ring
        if ring is None:
            return True
        key = ring.get(key_id)
        if key is None or "list" not in key.may:
            return False
        return key.owners is None or key.reaches(owner())


def opened(known: Lambda) -> dict[str, Any]:
    """Return what is told of a lambda that has opened, beside its id."""
    return {
        "transport": known.transport,
        "code": known.code,
        "node": known.node,
        "methods": known.methods,
        "key": known.owner or None,
    }
