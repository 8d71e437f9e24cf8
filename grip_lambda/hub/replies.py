"""How callers are answered: by what kind of call theirs is.

A call's stored outcome is what a plain caller gets. Other kinds make something else of it when it
is sent: each is one function in ``KINDS``, which is given the call and its outcome.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping

from ..errors import PublishError
from ..grip.nodes import Nodes
from ..protocol import sse
from ..store import Call, Outcome, Store
from .aws import aws_late, aws_reply
from .channels import call_channel, wait_channel
from .invocations import invoke_reply
from .outcomes import DEADLINE_EXCEEDED
from .responses import Response

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
}


def render(call: Call, outcome: Outcome) -> Response:
    """Return the response that the caller gets."""
    return KINDS[call.kind](call, outcome)


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
    if call.kind == "http":  # as a rule
        return TOO_LATE
    return aws_late(call) if call.kind == "aws" else render(call, DEADLINE_EXCEEDED)


class Replies:
    """Sends outcomes to callers, wherever they are."""

    def __init__(self, store: Store, nodes: Nodes) -> None:
        self._store = store
        self._nodes = nodes
        #: Kinds of calls that are not held as an HTTP response, and how each is answered.
        self.others: dict[str, Callable[[Call, Outcome], None]] = {
            "async": lambda *_: None,
            "event": lambda *_: None,
        }

    def send(self, calls: Iterable[Call], outcome: Outcome) -> None:
        """Tell the callers how their calls have ended; that is stored already."""
        for call in calls:
            other = self.others.get(call.kind)
            if other is not None:
                other(call, outcome)
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
