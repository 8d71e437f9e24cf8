"""How callers are answered: by what kind of call theirs is.

A call's stored outcome is what a plain caller gets. Other kinds make something else of it when it
is sent: each is one function in ``KINDS``, which is given the call and its outcome.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping

from ...errors import PublishError
from ...grip.nodes import Nodes
from ...protocol import sse
from ...store import Call, Outcome, Store
from ...store.links import is_address
from ..channels import call_channel, wait_channel
from ..watching import UNWATCHED, Watcher
from .kinds import MCP, MCP_STREAM, aws_late, aws_reply, invoke_reply, mcp_reply
from .outcomes import DEADLINE_EXCEEDED
from .responses import Response, naming_host
from .waiting import Waiters

__all__ = ["KINDS", "Replies", "Response", "render", "render_late"]

log = logging.getLogger(__name__)


def _plain(call: Call, outcome: Outcome) -> Response:
    return Response(outcome.status, outcome.body)


#: How the outcome of a call that is held as an HTTP response is shown, by kind.
KINDS: Mapping[str, Callable[[Call, Outcome], Response]] = {
    "http": _plain,
    "async": _plain,
    "stream": _plain,
    "invoke": invoke_reply,
    "aws": aws_reply,
    "event": _plain,
    "monologue": _plain,
    MCP: mcp_reply,
    MCP_STREAM: mcp_reply,
}


def render(call: Call, outcome: Outcome) -> Response:
    """Return the response that the caller gets."""
    shown = KINDS[call.kind](call, outcome)
    return shown if not call.service else naming_host(call, shown)


#: The kind of a wait whose caller wants events.
SAME_STREAM = "same stream"


def last_event(shown: Response) -> tuple[str, bytes]:
    """Return the name and the data of the event that ends a streamed call so."""
    if shown.status == 200:
        return "result", shown.body
    return "error", b'%b,"status":%d}' % (shown.body[:-1], shown.status)


def for_wait(kind: str, shown: Response) -> Response:
    """Return what somebody gets who waits for another's call, by the kind of the wait."""
    if kind != SAME_STREAM:
        return shown
    name, data = last_event(shown)
    return Response(200, sse.encode(data, name=name), {"Content-Type": sse.CONTENT_TYPE})


#: What a plain caller gets whose deadline has passed, or whose call is not known any more.
TOO_LATE = Response(DEADLINE_EXCEEDED.status, DEADLINE_EXCEEDED.body)


def render_late(call: Call) -> Response:
    """Return what Pushpin is to send by itself, should no backend be there at the deadline.

    Its headers stay, whatever the response is in the end.
    """
    if call.kind == "http" and not call.service:  # as a rule
        return TOO_LATE
    if call.kind == "aws":
        return naming_host(call, aws_late(call))
    return render(call, DEADLINE_EXCEEDED)


class Replies:
    """Sends outcomes to callers, wherever they are."""

    def __init__(
        self,
        store: Store,
        nodes: Nodes,
        waiters: Waiters | None = None,
        watching: Watcher = UNWATCHED,
    ) -> None:
        """Prepare to send.

        Args:
            waiters: the threads that wait for calls; None if there are none.
            watching: is told of each end.
        """
        self._watching = watching
        self._store = store
        self._nodes = nodes
        self._waiters = waiters
        #: Kinds of calls that are not held as an HTTP response, and how each is answered.
        self.others: dict[str, Callable[[Call, Outcome], None]] = {
            "async": lambda *_: None,
            "event": lambda *_: None,
        }

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
            other = self.others.get(call.kind)
            if other is not None:
                other(call, outcome)
            elif self._waiters is not None and is_address(call.node):
                self._waiters.ended(call.node, call.token, render(call, outcome))
            else:
                self.respond(call.node, call_channel(call), render(call, outcome))
            if call.is_kept:
                for wait in self._store.take_waits(call.lambda_id, call.token):
                    if wait.node:
                        shown = for_wait(wait.kind, render(call, outcome))
                        self.respond(wait.node, wait_channel(wait), shown)

    def respond(self, node: str, channel: str, shown: Response) -> None:
        """Answer the request that is held on a channel."""
        try:
            self._nodes[node].reply(channel, shown.status, shown.body, shown.headers)
        except PublishError as error:
            log.warning("a reply was lost: %s", error)
