"""The domain: open, acknowledge, call, answer, close.

Knows the protocols, Pushpin and the store, and no HTTP framework.
"""

from __future__ import annotations

from ..grip.nodes import Nodes
from ..grip.signature import Verifier
from ..settings import Settings
from ..store import open_store
from .access import Access
from .calls import Calls
from .hosts import Hosts
from .keyring import KeyRing
from .replies import Replies
from .results import Results
from .streams import STREAM, Streams
from .sweeper import Sweeper
from .websocket import WebSocketHosts

__all__ = ["Hub"]


class Hub:
    """Everything that a backend process needs to answer requests; holds no call and no host."""

    def __init__(self, settings: Settings) -> None:
        """Open the store, and find the Pushpins in the background.

        Raises:
            ConfigError: the store's URL makes no sense, or the file of API keys.
            StoreError: the store can't be opened.
        """
        self.settings = settings
        ring = KeyRing(settings.api_keys, settings.secret) if settings.api_keys else None
        self.access = Access(ring, settings.secret)
        self.store = open_store(settings.store)
        self.nodes = Nodes(settings.proxies, in_function=settings.in_function)
        self.verifier = Verifier({proxy.node: proxy.key for proxy in settings.proxies})
        replies = Replies(self.store, self.nodes)
        self.calls = Calls(self.store, self.nodes, replies)
        self.results = Results(self.store, self.calls, replies)
        self.streams = Streams(self.store, self.nodes, self.results.end)
        replies.others[STREAM] = self.streams.finish
        self.hosts = Hosts(
            self.store, self.nodes, self.calls, self.streams, settings=settings, access=self.access
        )
        self.websocket = WebSocketHosts(self.hosts, settings)
        self._sweeper = Sweeper(self.store, self.hosts, self.calls, self.results, settings.ping_s)
        if not settings.in_function:
            self._sweeper.start()

    def sweep(self) -> None:
        """End what is due now; in a function nobody else does.

        Raises:
            StoreError: the store is out of reach.
        """
        self._sweeper.sweep()

    def close(self) -> None:
        """Stop the threads and let go of the store."""
        self._sweeper.stop()
        self.nodes.stop()
        self.store.close()
