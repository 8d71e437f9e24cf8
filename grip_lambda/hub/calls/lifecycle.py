"""Calls: begun by a caller, ended once, by whoever is first."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import islice

from ...errors import (
    BadRequest,
    Busy,
    Forbidden,
    KeyReused,
    NotFound,
    PublishError,
    RequestError,
    StoreError,
    Unavailable,
)
from ...protocol import ids
from ...protocol.names import check_method
from ...store import Call, Chosen, Host, IdempotencyKey, Outcome, SameCall, Store
from ...store.patience import for_call, is_patient, left_s
from ..access import Limits, check_call, refusal
from ..channels import call_channel
from ..delivery import Delivery, call_message
from ..watching import UNWATCHED, Watcher, about_of
from . import outcomes
from .caller import (
    BegunCall,
    Caller,
    call_of,
    check_callee,
    check_deadline,
    check_maker,
    checked,
    hold_of,
    idempotency_key_of,
)
from .deadlines import Deadlines
from .replies import Replies, render
from .responses import Hold, Response

log = logging.getLogger(__name__)

#: How long after it began a hold is repeated at the earliest, in seconds.
_REPEAT_S = 1.0
#: How long after a failure of the store an answer is entered again, in seconds, and by how many
#: threads at a time.
_AGAIN_S, _PATIENT_MAX = 0.3, 64
#: So many calls are ended in one step of the store: others wait for it meanwhile.
_END_MAX = 100
#: So many answers of a batch are looked up that ended no call.
_AGAIN_MAX = 100


class Calls:
    """The way of a call from its caller to its host and back.

    Attributes:
        deadlines: those of the callers that are held.
    """

    def __init__(
        self,
        store: Store,
        delivery: Delivery,
        replies: Replies,
        limits: Limits | None = None,
        *,
        watching: Watcher = UNWATCHED,
    ) -> None:
        self._store = store
        self._watching = watching
        self._limits = limits or Limits(store)
        self._delivery = delivery
        self._replies = replies
        self.deadlines = Deadlines(replies.respond, replies.is_held)
        self._patient = threading.BoundedSemaphore(_PATIENT_MAX)

    def check(self, lambda_id: str, method: str, caller: Caller) -> None:
        """Check whether a call could begin, before its body is read.

        Raises:
            BadRequest, NotFound, Unauthorized, Forbidden: as ``begin``.
        """
        check_callee(lambda_id, caller)
        check_method(method)
        now = time.time()
        if caller.service:
            found = self._store.list_service(caller.service, now)
            if not found and not caller.idempotency_key:
                raise NotFound("no host of this service is open")
            if found and not any(map(caller.permit.allows, found)):
                raise refusal(caller.permit)
            return
        known = self._store.get_lambda(lambda_id, now)
        if known is not None:
            check_call(caller.permit, known)
        elif not caller.idempotency_key or self._store.remembered(lambda_id, now) is None:
            raise NotFound("lambda not found")  # nor is there an earlier answer to give

    def begin(
        self, lambda_id: str, method: str, body: bytes, caller: Caller
    ) -> BegunCall | SameCall:
        """Enter a call; or find the earlier one that it is the same as.

        Args:
            lambda_id: whom to call.
            method: what to call there.
            body: a JSON text; empty for null.

        Raises:
            BadRequest, TooLarge: the call makes no sense.
            KeyReused: it has the key of an earlier call, which had another body.
            NotFound, Busy: the lambda can't take it.
            StorageFull: too much is kept for the caller; see access/limits.py.
            Unauthorized, Forbidden: the caller may not call it.
            Unavailable: the store or the host's Pushpin is out of reach.
            DeadlineExceeded: its deadline has passed already.
        """
        body = checked(lambda_id, method, body, caller)
        now = time.time()
        token = ids.new_call_token() if caller.sent is None else caller.sent.token
        about = about_of(method, body, caller.address, caller.trace, caller.service)
        call = call_of(lambda_id, token, caller, now, about)
        check_deadline(call, now)
        idempotency_key = idempotency_key_of(method, body, caller)
        self._limits.call(call, is_awaited=caller.kind.is_awaited)
        try:
            with for_call(call.deadline - now):
                entered = self._enter(call, now, idempotency_key, caller)
        except Forbidden:
            raise refusal(caller.permit) from None
        except Busy:
            entered = self._begun_before(call, caller, now)
        if isinstance(entered, SameCall):
            if idempotency_key is not None and entered.fingerprint != idempotency_key.fingerprint:
                raise KeyReused("this Idempotency-Key came with another body before; use a new one")
            return entered
        call, host = entered.call, entered.host
        try:
            self._delivery.ensure_reachable(host)
            message = call_message(host, method, body, call, caller.given, sent=caller.sent)
            if not self._delivery.is_connected(host.transport):
                self._limits.outbound(call, len(message), is_awaited=caller.kind.is_awaited)
        except (PublishError, BadRequest) as error:
            self._store.end_calls(
                call.lambda_id, host.connection, {call.token: outcomes.UNAVAILABLE}, now
            )
            self._free_key(call)
            error.host = call.lambda_id if call.service else ""
            raise
        self._watching.begun(call, body)
        return BegunCall(call, host, message)

    def refused(
        self, lambda_id: str, method: str, body: bytes, caller: Caller, error: RequestError
    ) -> None:
        """Note that a call could not begin."""
        about = about_of(method, body or b"null", caller.address, caller.trace, caller.service)
        token = ids.new_call_token()
        self._watching.refused(call_of(lambda_id, token, caller, time.time(), about), error)

    def held(self, begun: BegunCall) -> Hold:
        """Return the hold of a call whose caller a Pushpin is to hold now."""
        call = begun.call
        tell = partial(self._tell, call)
        return self.deadlines.keep(hold_of(call, time.time()), call.node, call.deadline, tell)

    def _enter(
        self, call: Call, now: float, idempotency_key: IdempotencyKey | None, caller: Caller
    ) -> Chosen | SameCall:
        if call.service:
            return self._store.begin_service_call(call, now, idempotency_key, caller.permit)
        found = self._store.begin_call(call, now, idempotency_key, caller.permit)
        return found if isinstance(found, SameCall) else Chosen(call, found)

    def _begun_before(self, call: Call, caller: Caller, now: float) -> Chosen:
        """Find the host of a call whose batch comes twice, as its process died on the way.

        Such a call was entered, and its host was not asked.

        Raises:
            Busy: it is no such call.
        """
        if caller.sent is not None:
            known = self._store.get_call(call.lambda_id, call.token, now)
            to = self._store.get_lambda(call.lambda_id, now)
            if known is not None and to is not None and known.outcome is None:
                if known.call.details == call.details:
                    return Chosen(call, to.host)
                raise Busy("the last call with this token has not ended yet")
        if call.service:
            raise Busy("no host of this service has room; try again later")
        raise Busy("the lambda has as many calls in flight as it takes; try again later")

    def deliver(self, begun: BegunCall, *, wait: bool = False) -> None:
        """Send the call to its host.

        Args:
            wait: whether to return only when it has left.

        Comes after the answer to the caller's Pushpin: if this process dies before, a request
        that is sent again to another one is still the first that the host sees.
        """
        host, call = begun.host, begun.call
        try:
            lost = partial(self._lost, call, host)
            self._delivery.send(call.lambda_id, host, begun.message, call, lost=lost, wait=wait)
        except StoreError as error:
            log.error("a call was lost: %s", error)  # it ends at its deadline
        except (Busy, Unavailable) as error:
            self._lost(call, host, error)

    def _lost(self, call: Call, host: Host, error: Busy | Unavailable) -> None:
        """End a call that has not reached its host."""
        log.warning("a call was lost: %s", error)
        outcome = outcomes.BUSY if isinstance(error, Busy) else outcomes.UNAVAILABLE
        self.end(call.lambda_id, host.connection, {call.token: outcome})
        self._free_key(call)

    def _free_key(self, call: Call) -> None:
        if call.is_kept:
            self._store.free_key(call.lambda_id, call.token)

    def repeated(
        self, lambda_id: str, token: str, caller: Caller, key: Callable[[str], str]
    ) -> Hold | Response:
        """Find the call of a request that is repeated: its response, or a hold.

        It may be held by another Pushpin than before, or by one at last; see hub/calls/waiting.py.

        Args:
            lambda_id, token: the call.
            caller: who made it, as the repeated request says.
            key: tells the API key of that request, given that of who made the call.

        Raises:
            NotFound: another key made the call.
        """
        now = time.time()
        guess = call_of(lambda_id, token, caller, now - _REPEAT_S)
        if self.deadlines.is_missed(guess.deadline, now):
            return render(guess, outcomes.DEADLINE_EXCEEDED)
        try:
            with for_call(guess.deadline - now):
                known = self._store.get_call(lambda_id, token, now)
                if known and known.outcome is None and known.call.node != caller.node:
                    known = self._store.hand_over(lambda_id, token, caller.node, now)
        except StoreError as error:
            # Its host has been asked: to say that it is unavailable would be wrong.
            log.warning("a call is held without the store: %s", error)
            return self._hold(guess, time.time(), is_known=False)
        if known is None:
            return render(guess, outcomes.DEADLINE_EXCEEDED)
        call, outcome = known
        check_maker(call, key)
        return self._hold(call, now) if outcome is None else render(call, outcome)

    def _hold(self, call: Call, now: float, *, is_known: bool = True) -> Hold | Response:
        """Have a caller held until the deadline, after which there is no other outcome.

        Args:
            is_known: whether the store knows who holds it.
        """
        if call.deadline <= now:
            return render(call, outcomes.DEADLINE_EXCEEDED)
        tell = partial(self._tell, call)
        hold, keep = hold_of(call, now), self.deadlines.keep
        return keep(hold, call.node, call.deadline, tell, is_known=is_known)

    def _tell(self, call: Call, now: float) -> None:
        """Tell the store who holds the caller, and the caller how the call has ended if it has."""
        known = self._store.hand_over(call.lambda_id, call.token, call.node, now)
        outcome = outcomes.DEADLINE_EXCEEDED if known is None else known.outcome
        if outcome is not None:
            shown = render(call if known is None else known.call, outcome)
            self._replies.respond(call.node, call_channel(call), shown)

    def end(self, lambda_id: str, connection: str, ended: Mapping[str, Outcome]) -> int:
        """End calls that ``connection`` was asked; the outcome is stored before it is published.

        Returns:
            How many there were; the others were ended before, or never its.
        """
        count = 0
        now = time.time()
        late: dict[str, Outcome] = {}
        rest = iter(ended.items())
        while piece := dict(islice(rest, _END_MAX)):
            calls = self._ended(lambda_id, connection, piece, now)
            for call in calls:
                outcome = piece.pop(call.token)
                self._limits.ended(call, len(outcome.body) + len(outcome.extra))
                self._replies.send([call], outcome, connection)
            count += len(calls)
            late |= piece
        if late:
            self._reply_again(lambda_id, late, now)
        return count

    def _ended(
        self, lambda_id: str, connection: str, ended: Mapping[str, Outcome], now: float
    ) -> list[Call]:
        """End calls in the store; again and again, while this thread is patient.

        A host answers once. What failed may have been done: see ``_reply_again``.
        """
        while True:
            try:
                return self._store.end_calls(lambda_id, connection, ended, now)
            except StoreError:
                may_wait = is_patient() and left_s() >= _AGAIN_S
                if not (may_wait and self._patient.acquire(blocking=False)):
                    raise
            try:
                time.sleep(_AGAIN_S)
            finally:
                self._patient.release()

    def _reply_again(self, lambda_id: str, ended: Mapping[str, Outcome], now: float) -> None:
        """Publish outcomes that are stored as they are given now.

        A batch comes twice if its process died, which may have been between storing and
        publishing. Where it was after that, nobody waits on the channel any more.
        """
        for token, outcome in islice(ended.items(), _AGAIN_MAX):
            known = self._store.get_call(lambda_id, token, now)
            if known is not None and known.outcome == outcome:
                self._replies.send([known.call], outcome, again=True)

    def reply(self, calls: Iterable[Call], outcome: Outcome) -> None:
        """Send the stored outcome of calls to their callers."""
        self._replies.send(calls, outcome)
