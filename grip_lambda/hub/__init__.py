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
from .http_hosts import HttpHosts
from .keyring import KeyRing
from .monologue import CALL, MonologueHosts
from .openings import Openings
from .outbox import Outbox
from .posts import Posts
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
        secret = settings.secret
        outbox = Outbox(self.store, self.nodes, secret)
        self.calls = Calls(self.store, self.nodes, outbox, replies)
        self.results = Results(self.store, self.calls, replies)
        self.streams = Streams(
            self.store, self.nodes, self.results.end, secret=secret, grace_s=settings.grace_s
        )
        replies.others[STREAM] = self.streams.finish
        self.hosts = Hosts(
            self.store, self.nodes, self.calls, self.streams, settings=settings, access=self.access
        )
        self.websocket = WebSocketHosts(self.hosts, settings)
        self.monologue = MonologueHosts(
            self.hosts, self.calls, self.store, self.nodes, settings=settings, access=self.access
        )
        replies.others[CALL] = self.monologue.finish
        openings = Openings(self.store, max(settings.ping_s, settings.grace_s))
        self.http_hosts = HttpHosts(self.store, self.hosts, outbox, openings, settings)
        self.posts = Posts(self.store, self.hosts, self.calls, openings, settings)
        self.nodes.on_left(self.http_hosts.left, self.streams.left)
        self._sweeper = Sweeper(
            self.store,
            self.hosts,
            self.calls,
            self.results,
            self.http_hosts,
            ping_s=settings.ping_s,
        )
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
