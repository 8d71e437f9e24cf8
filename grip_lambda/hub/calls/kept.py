"""Calls whose outcome can be asked for apart from the call: asynchronous and idempotent ones."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace

from ...errors import Busy, NotFound, RateLimited, Unavailable
from ...protocol import ids
from ...store import Call, KnownCall, Outcome, Store, Wait
from ..channels import parse_wait_channel, wait_channel
from ..delivery import Delivery, cancellation
from . import outcomes
from .caller import check_maker
from .lifecycle import Calls
from .replies import Replies, render
from .responses import TOO_LATE, Hold, Response, held
from .waits import SAME, SHOW, WAITS, WaitKind, pending, state

log = logging.getLogger(__name__)

#: How often it is looked whether somebody waits for a call that nobody reads, in seconds: no
#: sooner than a reader that comes back in this moment is given.
_UNREAD_S = 25.0


class KeptCalls:
    """What has become of calls, for as long as that is kept."""

    def __init__(self, store: Store, calls: Calls, replies: Replies, delivery: Delivery) -> None:
        self._store = store
        self._calls = calls
        self._replies = replies
        self._delivery = delivery

    def show(self, token: str, key: str, node: str, wait_s: float | None) -> Response | Hold:
        """Return how a call has ended, or that it has not.

        Args:
            token: the call.
            key: the id of the API key that asks.
            node: the Pushpin that holds who asks.
            wait_s: how long to wait for the end; None for not at all.

        Raises:
            NotFound: no such call is known, or another key made it.
        """
        call, shown = self.known(token, key)
        if shown is None and wait_s is not None:
            return self.wait(call.lambda_id, token, node, wait_s, SHOW)
        return pending(call) if shown is None else shown

    def known(self, token: str, key: str) -> tuple[Call, Response | None]:
        """Return a call, and how it has ended if it has; raises as ``show``."""
        call, outcome = self._find(token, key)
        return call, None if outcome is None else render(call, outcome)

    def state(self, token: str, key: str) -> Response:
        """Return whether a call has ended; raises as ``show``."""
        call, outcome = self._find(token, key)
        return pending(call) if outcome is None else state(call, "ended")

    def wait(
        self, lambda_id: str, token: str, node: str, wait_s: float, kind: WaitKind = SAME
    ) -> Response | Hold:
        """Wait for a call that another began; its response if it has ended already."""
        now = time.time()
        wait = Wait(ids.new_call_token(), token, lambda_id, node, now + wait_s, kind.name)
        known = self._store.wait_for(wait, now)
        if known is None:
            return TOO_LATE
        call, outcome = known
        if outcome is not None:
            return kind.shown(render(call, outcome))
        hold = held(wait_channel(wait), wait_s, kind.unfinished(call))
        return self._calls.deadlines.keep(hold, node, wait.deadline)

    def repeated(
        self, channel: str, wait_s: float, kind: WaitKind, key: Callable[[str], str]
    ) -> Response | Hold | None:
        """Find what a request waits for that Pushpin repeats; None where that is something else.

        Its own deadline is kept by who began to wait.

        Args:
            key: tells the API key of the request, given that of who made the call.

        Raises:
            NotFound: another key made the call.
        """
        token = parse_wait_channel(channel)
        if token is None:
            return None
        known = self._store.find_call(token, time.time())
        if known is None:
            return TOO_LATE
        call, outcome = known
        check_maker(call, key)
        if outcome is None:
            return held(channel, wait_s, kind.unfinished(call))
        return kind.shown(render(call, outcome))

    def waited(self, waits: Iterable[Wait]) -> None:
        """Answer those whose own deadline has passed before the call's end.

        A streamed call that nobody reads any more is cancelled.
        """
        for wait in waits:
            if not wait.node:  # nobody is held
                self._unread(wait)
                continue
            known = self._store.find_call(wait.call, time.time())
            kind = WAITS[wait.kind]
            shown = kind.shown(TOO_LATE) if known is None else kind.unfinished(known.call)
            self._replies.respond(wait.node, wait_channel(wait), shown)

    def _unread(self, wait: Wait) -> None:
        """Cancel a streamed call that nobody reads, unless somebody waits for its outcome."""
        now = time.time()
        if not self._end(wait.lambda_id, wait.call, outcomes.CANCELLED, now, unless_awaited=True):
            # They may give up as well: look again, until the call has ended.
            with suppress(RateLimited):
                self._store.wait_for(replace(wait, deadline=now + _UNREAD_S), now)

    def cancel(self, token: str, key: str) -> None:
        """End a call at the request of who made it; its host is told.

        Raises:
            NotFound: no such call is known, or another key made it.
        """
        call, _ = self._find(token, key)
        self.end(call.lambda_id, token, outcomes.CANCELLED, ended_too=True)

    def end(self, lambda_id: str, token: str, outcome: Outcome, *, ended_too: bool = False) -> None:
        """End a call from outside; its host is told not to go on."""
        self._end(lambda_id, token, outcome, time.time(), ended_too=ended_too)

    def _end(
        self,
        lambda_id: str,
        token: str,
        outcome: Outcome,
        now: float,
        *,
        ended_too: bool = False,
        unless_awaited: bool = False,
    ) -> bool:
        stopped = self._store.cancel_call(
            lambda_id, token, outcome, now, ended_too=ended_too, unless_awaited=unless_awaited
        )
        if stopped is not None and stopped.connection is not None:
            self._replies.send([stopped.call], outcome, stopped.connection)
            self._tell(stopped.call, stopped.connection)
        return stopped is not None

    def _tell(self, call: Call, connection: str) -> None:
        known = self._store.get_lambda(call.lambda_id, time.time())
        if known is None or known.connection != connection:
            return
        message = cancellation(known.host, call.token)
        if message is None:
            return
        try:
            self._delivery.send(call.lambda_id, known.host, message)
        except (Busy, Unavailable) as error:
            log.info("a host was not told of a cancelled call: %s", error)

    def _find(self, token: str, key: str) -> KnownCall:
        known = self._store.find_call(token, time.time()) if ids.is_call_token(token) else None
        if known is None or known.call.key != key:
            raise NotFound("no such call is known; results are kept for ten minutes")
        return known
