"""The domain: open, acknowledge, call, answer, close.

Knows the protocols, Pushpin and the store, and no HTTP framework.
"""

from __future__ import annotations

from ..audit import Audit
from ..grip.nodes import Nodes
from ..grip.signature import Verifier
from ..settings import Settings
from ..store import open_store
from .access import Access, KeyAdmin, KeyRing, Limits
from .calls import (
    MCP_STREAM,
    MEMBER,
    MONOLOGUE,
    STREAM,
    Answers,
    CallEvents,
    Calls,
    CallsOfAll,
    Descriptions,
    KeptCalls,
    PromptCalls,
    Replies,
    StreamedCalls,
    Waiters,
)
from .channels import parse_all_channel
from .delivery import Delivery
from .feeds import Link
from .hosts import (
    Departures,
    Forgotten,
    Hosts,
    HttpHosts,
    MonologueHosts,
    Unacknowledged,
    Uploads,
    WebSocketHosts,
    monologue_sender,
)
from .sweeper import Sweeper
from .watching import Status, Watching

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
        self.audit = Audit(settings.audit)
        self.key_admin = KeyAdmin(settings.api_keys, settings.secret, self.audit)
        self.store = open_store(settings.store)
        self.nodes = Nodes(settings.proxies, in_function=settings.in_function)
        self.verifier = Verifier({proxy.node: proxy.key for proxy in settings.proxies})
        link = None if settings.in_function else self.store.link()
        self.waiters = Waiters(link, threads=settings.threads, patience_s=settings.patience_s)
        self.watching = Watching(self.store, self.nodes, settings, self.access)
        self.status = Status(self.store, self.nodes, settings, self.watching)
        secret = settings.secret
        delivery = Delivery(self.store, self.nodes, secret)
        self.limits = Limits(
            self.store,
            settings.quotas,
            rate=self.access.rate,
            in_function=settings.in_function,
        )
        events = CallEvents(self.store, self.nodes, self.limits)
        answers = Answers(self.store, self.nodes)
        replies = Replies(
            self.store,
            self.nodes,
            self.waiters,
            self.watching,
            senders={
                STREAM: events.finish,
                MCP_STREAM: events.finish,
                MEMBER: answers.add,
                MONOLOGUE: monologue_sender(delivery.websocket),
            },
        )
        self.calls = Calls(self.store, delivery, replies, self.limits, watching=self.watching)
        self.prompt = PromptCalls(
            self.store,
            delivery,
            self.calls,
            self.waiters,
            secret=settings.secret,
            watching=self.watching,
        )
        self.descriptions = Descriptions(self.store, delivery, self.waiters, secret=secret)
        self.kept = KeptCalls(self.store, self.calls, replies, delivery)
        self.streamed = StreamedCalls(
            self.store,
            events,
            self.kept.end,
            link=Link(self.nodes, secret, "events"),
            grace_s=settings.grace_s,
        )
        self.all = CallsOfAll(
            self.store,
            answers,
            delivery,
            self.calls,
            self.kept,
            limits=self.limits,
            link=Link(self.nodes, secret, "all", parse_all_channel),
            watching=self.watching,
        )
        self.hosts = Hosts(
            self.store,
            delivery,
            self.calls,
            self.streamed,
            settings=settings,
            access=self.access,
            limits=self.limits,
            waiters=self.waiters,
            watching=self.watching,
            audit=self.audit,
        )
        self.websocket = WebSocketHosts(self.hosts, settings)
        self.monologue = MonologueHosts(
            self.hosts,
            self.calls,
            self.store,
            self.nodes,
            delivery.websocket,
            settings=settings,
            access=self.access,
            limits=self.limits,
        )
        unacknowledged = Unacknowledged(self.store, max(settings.ping_s, settings.grace_s))
        self.http_hosts = HttpHosts(
            self.store,
            self.hosts,
            delivery.outbox,
            unacknowledged,
            settings=settings,
            link=Link(self.nodes, secret, "next"),
        )
        self.uploads = Uploads(
            self.store, self.hosts, self.calls, delivery, unacknowledged, settings=settings
        )
        departures = Departures(self.store, self.hosts)
        self.watching.on_dropped = self.hosts.dropped
        self.nodes.on_left(self.http_hosts.left, self.streamed.left, self.all.left, departures.left)
        self.nodes.on_leaving(self.waiters.left)
        self.nodes.on_announced(departures.announced)
        self._sweeper = Sweeper(
            self.store,
            self.hosts,
            self.calls,
            self.kept,
            self.http_hosts,
            ping_s=settings.ping_s,
            forgotten=Forgotten(self.store, self.nodes),
            limits=self.limits,
        )
        if not settings.in_function:
            self._sweeper.start()
            self.calls.deadlines.start()
            self.watching.start()

    def sweep(self) -> None:
        """End what is due now; in a function nobody else does.

        Raises:
            StoreError: the store is out of reach.
        """
        self._sweeper.sweep()

    def close(self) -> None:
        """Stop the threads and let go of the store."""
        self._sweeper.stop()
        self.calls.deadlines.stop()
        self.waiters.close()
        self.watching.stop()
        self.nodes.stop()
        self.store.close()
