"""Outcomes on their way to callers: each is answered as its kind of call says (kinds/)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from ...errors import PublishError
from ...grip.nodes import Nodes
from ...store import Call, Outcome, Store
from ...store.links import is_address
from ..channels import call_channel, wait_channel
from ..watching import UNWATCHED, Watcher
from .kinds import Kind, kind_of
from .responses import Response, naming_host
from .waiting import Waiters
from .waits import WAITS

log = logging.getLogger(__name__)

#: Tells a caller how its call has ended who is not held as an HTTP response.
Sender: TypeAlias = Callable[[Call, Outcome], None]


def render(call: Call, outcome: Outcome) -> Response:
    """Return the response that the caller gets."""
    return naming_host(call, kind_of(call).response(call, outcome))


def render_late(call: Call) -> Response:
    """Return what Pushpin is to send by itself, should no backend be there at the deadline."""
    return naming_host(call, kind_of(call).late(call))


class Replies:
    """Sends outcomes to callers, wherever they are."""

    def __init__(
        self,
        store: Store,
        nodes: Nodes,
        waiters: Waiters | None = None,
        watching: Watcher = UNWATCHED,
        *,
        senders: Mapping[Kind, Sender] | None = None,
    ) -> None:
        """Prepare to send.

        Args:
            waiters: the threads that wait for calls; None if there are none.
            watching: is told of each end.
            senders: how callers are told that are not held as an HTTP response, by their kind.
        """
        self._watching = watching
        self._store = store
        self._nodes = nodes
        self._waiters = waiters
        self._senders = dict(senders or {})

    def send(
        self, calls: Iterable[Call], outcome: Outcome, connection: str = "", *, again: bool = False
    ) -> None:
        """Tell the callers how their calls have ended; that is stored already.

        Args:
            connection: that of the host which was asked; empty if it is not known.
            again: whether they may have been told before.
        """
        for call in calls:
            if not again:
                self._watching.ended(call, outcome, connection)
            self._tell(call, outcome)
            if call.is_kept:
                for wait in self._store.take_waits(call.lambda_id, call.token):
                    if wait.node:
                        shown = WAITS[wait.kind].shown(render(call, outcome))
                        self.respond(wait.node, wait_channel(wait), shown)

    def _tell(self, call: Call, outcome: Outcome) -> None:
        kind = kind_of(call)
        sender = self._senders.get(kind)
        if sender is not None:
            sender(call, outcome)
        elif not kind.is_awaited:
            return
        elif self._waiters is not None and is_address(call.node):
            self._waiters.ended(call.node, call.token, render(call, outcome))
        else:
            self.respond(call.node, call_channel(call), render(call, outcome))

    def is_held(self, node: str, channel: str) -> bool:
        """Tell whether a request may be held on a channel; True if that can't be seen."""
        try:
            return self._nodes[node].is_held(channel) is not False
        except PublishError:
            return False

    def respond(self, node: str, channel: str, shown: Response) -> None:
        """Answer the request that is held on a channel."""
        try:
            self._nodes[node].reply(channel, shown.status, shown.body, shown.headers)
        except PublishError as error:
            log.warning("a reply was lost: %s", error)
