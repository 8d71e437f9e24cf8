"""How callers are answered: by what kind of call theirs is.

A call's stored outcome is what a plain caller gets. Other kinds make something else of it when it
is sent: each is one function in ``KINDS``, which is given the call and its outcome.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping

from ..errors import PublishError
from ..grip.nodes import Nodes
from ..store import Call, Outcome, Store
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
    "invoke": invoke_reply,
}


def render(call: Call, outcome: Outcome) -> Response:
    """Return the response that the caller gets."""
    return KINDS[call.kind](call, outcome)


def render_late(call: Call) -> Response:
    """Return what Pushpin is to send by itself, should no backend be there at the deadline.

    Its headers stay, whatever the response is in the end.
    """
    return render(call, DEADLINE_EXCEEDED)


class Replies:
    """Sends outcomes to callers, wherever they are."""

    def __init__(self, store: Store, nodes: Nodes) -> None:
        self._store = store
        self._nodes = nodes

    def send(self, calls: Iterable[Call], outcome: Outcome) -> None:
        """Tell the callers how their calls have ended; that is stored already."""
        for call in calls:
            shown = render(call, outcome)
            if call.kind != "async":
                self.respond(call.node, call_channel(call), shown)
            if call.is_kept:
                for wait in self._store.take_waits(call.lambda_id, call.token):
                    self.respond(wait.node, wait_channel(wait), shown)

    def respond(self, node: str, channel: str, shown: Response) -> None:
        """Answer the request that is held on a channel."""
        try:
            self._nodes[node].reply(channel, shown.status, shown.body, shown.headers)
        except PublishError as error:
            log.warning("a reply was lost: %s", error)
