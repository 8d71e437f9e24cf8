"""The Pushpins of the deployment."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from ..errors import ConfigError, PublishError
from ..proxies import Proxy
from .departures import Announced
from .http_node import FrozenNode, HttpNode
from .node import Node
from .zmq_node import ZmqNode


class Nodes:
    """All Pushpins, by name."""

    def __init__(self, proxies: Iterable[Proxy], *, in_function: bool = False) -> None:
        """Find them in the background.

        Args:
            in_function: whether nothing runs between two requests.

        Raises:
            ConfigError: one can't be published to from a function.
        """
        make = _in_function if in_function else _lasting
        self._nodes = {proxy.node: make(proxy) for proxy in proxies}

    def __iter__(self) -> Iterator[Node]:
        return iter(self._nodes.values())

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
            node.on_left = listeners

    def on_leaving(self, listener: Callable[[str], None]) -> None:
        """Have ``listener`` told at once of each channel of hosts that may have been left.

        All of them are told of if a link breaks.
        """
        for node in self._nodes.values():
            node.on_leaving = listener

    def on_announced(self, listener: Callable[[str, Announced], None]) -> None:
        """Have ``listener`` told which channels a node holds, some time after each new link."""
        for node in self._nodes.values():
            node.on_announced = listener

    def reachable(self) -> dict[str, bool]:
        """Tell which of them are connected."""
        return {name: node.is_connected for name, node in self._nodes.items()}

    def sync(self, names: Iterable[str]) -> None:
        """Wait until these nodes have taken what was sent before."""
        for name in names:
            if name in self._nodes:
                self._nodes[name].sync()

    def flush(self) -> None:
        """Do now what they would do later."""
        for node in self._nodes.values():
            node.flush()

    def stop(self) -> None:
        for node in self._nodes.values():
            node.stop()


def _lasting(proxy: Proxy) -> Node:
    return HttpNode(proxy) if proxy.is_http else ZmqNode(proxy.node, proxy.control_uri)


def _in_function(proxy: Proxy) -> Node:
    if not proxy.is_http:
        raise ConfigError(
            "a function publishes by HTTP: set GRIP_URL or GRIP_PROXIES to control ports, http://…"
        )
    return FrozenNode(proxy)
