"""Calls: begun by a caller, ended once, by whoever is first."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from itertools import islice

from ..errors import (
    BadRequest,
    Busy,
    Forbidden,
    KeyReused,
    PublishError,
    StoreError,
    TooLarge,
    Unavailable,
)
from ..grip.nodes import Nodes
from ..protocol import ids, jsontext, monologue
from ..store import Call, Earlier, Host, Outcome, Store
from . import outcomes
from .access import refusal
from .callers import (
    Caller,
    Hold,
    Invocation,
    call_of,
    check_lambda_id,
    check_maker,
    check_method,
    hold_of,
    once_of,
)
from .channels import host_channel
from .messages import invocation
from .outbox import Outbox
from .replies import Replies, Response, render

log = logging.getLogger(__name__)

#: How long after it began a hold is repeated at the earliest, in seconds.
_REPEAT_S = 1.0
#: So many answers of a batch are looked up that ended no call.
_AGAIN_MAX = 100
#: For so many seconds a message that belongs to no call waits for a host that is away.
_TOLD_S = 60.0


class Calls:
    """The way of a call from its caller to its host and back.

    Attributes:
        outbox: what is sent to hosts without WebSocket.
    """

    def __init__(self, store: Store, nodes: Nodes, outbox: Outbox, replies: Replies) -> None:
        self._store = store
        self._nodes = nodes
        self.outbox = outbox
        self._replies = replies

    def begin(
        self, lambda_id: str, method: str, body: bytes, caller: Caller
    ) -> Invocation | Earlier:
        """Enter a call; or find the earlier one that it is the same as.

        Args:
            lambda_id: whom to call.
            method: what to call there.
            body: a JSON text; empty for null.

        Raises:
            BadRequest, TooLarge: the call makes no sense.
            KeyReused: it has the key of an earlier call, which had another body.
            NotFound, Busy: the lambda can't take it.
            Unauthorized, Forbidden: the caller may not call it.
            Unavailable: the store or the host's Pushpin is out of reach.
        """
        check_lambda_id(lambda_id)
        if caller.sent is None:
            check_method(method)
        if len(body) > caller.max_body:
            raise TooLarge(f"the body may have {caller.max_body} bytes at most")
        body = body or b"null"
        if not jsontext.is_json(body):
            raise BadRequest(
                f"the body must be JSON in UTF-8, nested no deeper than {jsontext.MAX_DEPTH} levels"
            )
        now = time.time()
        token = ids.new_call_token() if caller.sent is None else caller.sent.token
        call = call_of(lambda_id, token, caller, now)
        once = once_of(method, body, caller)
        try:
            host = self._store.begin_call(call, now, once, caller.permit)
        except Forbidden:
            raise refusal(caller.permit) from None
        except Busy:
            host = self._begun_before(call, now)
        if isinstance(host, Earlier):
            if once is not None and host.fingerprint != once.fingerprint:
                raise KeyReused("this Idempotency-Key came with another body before; use a new one")
            return host
        try:
            if host.transport == "websocket":  # others may be on their way to another Pushpin
                self._nodes[host.node].require()
            message = invocation(host, method, body, call, caller.given, sent=caller.sent)
        except (PublishError, BadRequest):
            self._store.end_calls(
                lambda_id, host.connection, {call.token: outcomes.UNAVAILABLE}, now
            )
            self._free_key(call)
            raise
        return Invocation(call, hold_of(call, now), host, message)

    def _begun_before(self, call: Call, now: float) -> Host:
        """Find the host of a call whose batch comes twice, as its process died on the way.

        Such a call was entered, and its host was not asked.

        Raises:
            Busy: it is no such call.
        """
        if call.kind == monologue.CODE:
            known = self._store.get_call(call.lambda_id, call.token, now)
            to = self._store.get_lambda(call.lambda_id, now)
            if known is not None and to is not None and known[1] is None:
                if known[0].details == call.details:
                    return Host(to.connection, to.node, to.code, to.transport, to.context)
                raise Busy("the last call with this token has not ended yet")
        raise Busy("the lambda has as many calls in flight as it takes; try again later")

    def deliver(self, invocation: Invocation) -> None:
        """Send the call to its host.

        Comes after the answer to the caller's Pushpin: if this process dies before, a request
        that is sent again to another one is still the first that the host sees.
        """
        host, call = invocation.host, invocation.call
        try:
            self.tell(call.lambda_id, host, invocation.message, call)
        except StoreError as error:
            log.error("a call was lost: %s", error)  # it ends at its deadline
        except (Busy, Unavailable) as error:
            log.warning("a call was lost: %s", error)
            outcome = outcomes.BUSY if isinstance(error, Busy) else outcomes.UNAVAILABLE
            self.end(call.lambda_id, host.connection, {call.token: outcome})
            self._free_key(call)

    def tell(self, lambda_id: str, host: Host, message: bytes, call: Call | None = None) -> None:
        """Send a message to the host of a lambda.

        Args:
            call: the call that is asked for, or None for a message beside calls.

        Raises:
            Busy: it has too much to read already.
            Unavailable: its Pushpin is out of reach, or the store.
        """
        if host.transport == "websocket":
            self._nodes[host.node].send(
                host_channel(host.connection),
                message,
                # Nothing may reach a Monologue client before its id: its channel comes after that.
                when_subscribed=host.code == monologue.CODE,
            )
        elif call is None:
            until = time.time() + _TOLD_S
            self.outbox.send(lambda_id, host.connection, message, until)
        else:
            until = call.deadline
            self.outbox.send(lambda_id, host.connection, message, until, call.token)

    def _free_key(self, call: Call) -> None:
        if call.is_kept:
            self._store.free_key(call.lambda_id, call.token)

    def resume(
        self, lambda_id: str, token: str, caller: Caller, key: Callable[[], str]
    ) -> Hold | Response:
        """Find the call of a request that Pushpin repeats: its response, or the hold once more.

        Args:
            lambda_id, token: the call.
            caller: who made it, as the repeated request says.
            key: tells the API key of that request.

        Raises:
            NotFound: another key made the call.
        """
        now = time.time()
        try:
            known = self._store.get_call(lambda_id, token, now)
        except StoreError as error:
            # Its host has been asked: to say that it is unavailable would be wrong.
            log.warning("a call is held without its deadline: %s", error)
            return hold_of(call_of(lambda_id, token, caller, now - _REPEAT_S), now)
        if known is None:
            return render(call_of(lambda_id, token, caller, now), outcomes.DEADLINE_EXCEEDED)
        call, outcome = known
        check_maker(call, key)
        return hold_of(call, now) if outcome is None else render(call, outcome)

    def end(self, lambda_id: str, connection: str, ended: Mapping[str, Outcome]) -> int:
        """End calls that ``connection`` was asked; the outcome is stored before it is published.

        Returns:
            How many there were; the others were ended before, or never its.
        """
        now = time.time()
        calls = self._store.end_calls(lambda_id, connection, ended, now)
        for call in calls:
            self.reply([call], ended[call.token])
        if len(calls) < len(ended):
            late = ended.keys() - {call.token for call in calls}
            self._reply_again(lambda_id, {token: ended[token] for token in late}, now)
        return len(calls)

    def _reply_again(self, lambda_id: str, ended: Mapping[str, Outcome], now: float) -> None:
        """Publish outcomes that are stored as they are given now.

        A batch comes twice if its process died, which may have been between storing and
        publishing. Where it was after that, nobody waits on the channel any more.
        """
        for token, outcome in islice(ended.items(), _AGAIN_MAX):
            known = self._store.get_call(lambda_id, token, now)
            if known is not None and known[1] == outcome:
                self.reply([known[0]], outcome)

    def reply(self, calls: Iterable[Call], outcome: Outcome) -> None:
        """Send the stored outcome of calls to their callers."""
        self._replies.send(calls, outcome)
