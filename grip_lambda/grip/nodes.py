"""The Pushpins of the deployment."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..errors import PublishError
from .http_node import HttpNode
from .node import Node
from .zmq_node import ZmqNode


class Nodes:
    """All Pushpins, by name."""

    def __init__(self, control_uris: Mapping[str, str]) -> None:
        self._nodes: dict[str, Node] = {
            name: HttpNode(name, uri) if uri.startswith("http") else ZmqNode(name, uri)
            for name, uri in control_uris.items()
        }

    def __getitem__(self, name: str) -> Node:
        """Return the node called ``name``.

        Raises:
            PublishError: it is not configured here.
        """
        try:
            return self._nodes[name]
        except KeyError:
            raise PublishError(f"the proxy {name} is not configured") from None

    def on_left(self, *listeners: Callable[[str], None]) -> None:
        """Have ``listeners`` told of each channel that nobody is held on any more."""
        for node in self._nodes.values():
            node.left = listeners

    def reachable(self) -> dict[str, bool]:
        """Tell which of them are connected."""
        return {name: node.is_connected for name, node in self._nodes.items()}

    def stop(self) -> None:
        for node in self._nodes.values():
            node.stop()
