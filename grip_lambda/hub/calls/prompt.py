"""Calls that are answered within a moment, while a thread waits: the store need not know of them.

A call is entered in the store only if its host has not answered by then, before a Pushpin holds its
caller. Until then its token says which process waits, so that whichever process gets the answer
passes it on there. The promises are those of all calls:

- The host is asked once: nothing here is asked again.
- Only the connection that was asked can answer, and only the first answer counts: the thread's.
- No answer is lost between the two: the call is entered while its thread can still be told, and an
  answer that finds no thread looks for the call in the store.
- A host that goes is noticed when the call is entered, which is at once if the connection is seen
  to end.
"""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from ...errors import NotFound, PublishError, StoreError
from ...protocol import ids
from ...store import Call, Callee, Outcome, Permit, Store
from ...store.patience import ANSWER_S, Patience, for_call
from ..access import check_call
from ..delivery import Delivery, call_message
from ..watching import UNWATCHED, Watcher, about_of
from . import outcomes
from .caller import Caller, call_of, check_deadline, checked
from .lifecycle import Calls
from .replies import render
from .responses import Response
from .waiting import Waiter, Waiters

log = logging.getLogger(__name__)

#: How often it is looked whether a call has been entered, in seconds.
_LOOK_S = 0.1
#: How often a call is tried to be entered if the store is out of reach, in seconds.
_AGAIN_S = 0.5
#: How long it takes at most until a waiter has been told of what it is told just now, in seconds.
_JUST_NOW_S = 1.0
#: How long an answer of a host that has gone may be on its way from the process that took it before
#: the host went, in seconds.
_ON_ITS_WAY_S = 0.2
#: A call whose deadline is so near, in seconds, is waited for in its thread.
_ENDING_S = 0.3
#: How long a thread may wait for the store that is to be told of something else meanwhile.
_ENTER_S = 0.1
#: So many answers wait for a store that is out of reach, in so many threads.
_LATE_MAX, _PATIENT = 256, 8
#: Whether the caller may call was decided when the host was asked.
_MAY = Permit(private=True)


@dataclass(frozen=True)
class HandedOver:
    """A call that is in the store now, and is to be held by a Pushpin."""

    call: Call


class PromptCalls:
    """Asks, and waits."""

    def __init__(
        self,
        store: Store,
        delivery: Delivery,
        calls: Calls,
        waiters: Waiters,
        *,
        secret: bytes,
        watching: Watcher = UNWATCHED,
    ) -> None:
        """Prepare to ask.

        Args:
            secret: what tokens are made with.
            watching: is told of each call.
        """
        self._watching = watching
        self._store = store
        self._delivery = delivery
        self._calls = calls
        self._waiters = waiters
        self._secret = secret
        self._patient = ThreadPoolExecutor(_PATIENT, thread_name_prefix="late")
        self._room = threading.BoundedSemaphore(_LATE_MAX)
        waiters.on_late(self._late, self._unreached, self._is_ended)

    def ask(
        self, lambda_id: str, method: str, body: bytes, caller: Caller
    ) -> Response | HandedOver | None:
        """Ask a host, and wait for its answer for a moment.

        Returns:
            The response, or the call that it takes longer for; None if this is no call that can do
            without the store from the beginning.

        Raises:
            as Calls.begin.
        """
        if caller.service or caller.idempotency_key or self._waiters.patience_s() <= 0:
            return None
        body = checked(lambda_id, method, body, caller)
        now = time.time()
        with for_call((caller.arrived or now) + caller.wait_s - now):
            callee = self._store.find_callee(lambda_id, now)
        if callee is None:
            raise NotFound("lambda not found")
        check_call(caller.permit, callee)
        if callee.max_calls is not None or not self._delivery.is_connected(callee.host.transport):
            return None
        token = ids.new_prompt_token(self._secret, self._waiters.address, now)
        about = about_of(method, body, caller.address, caller.trace)
        call = call_of(lambda_id, token, caller, now, about)
        check_deadline(call, now)
        message = call_message(callee.host, method, body, call, caller.given)
        with self._waiters.expecting(token, callee.host.connection) as waiter:
            self._delivery.ensure_reachable(callee.host)
            lost = partial(self._lost, call, callee)
            self._delivery.send(lambda_id, callee.host, message, call, lost=lost)
            self._watching.begun(call, body, in_thread=True)
            try:
                return self._wait(call, callee, waiter)
            except BaseException:
                self._watching.handed_over(call)  # no thread waits for it any more
                raise

    def _lost(self, call: Call, callee: Callee, error: PublishError) -> None:
        """End a call that has not reached its host."""
        log.warning("a call was lost: %s", error)
        address, connection = self._waiters.address, callee.host.connection
        self._waiters.answered(
            address, call.token, call.lambda_id, connection, outcomes.UNAVAILABLE
        )

    def _wait(self, call: Call, callee: Callee, waiter: Waiter) -> Response | HandedOver:
        moment_s, left_s = self._waiters.patience_s(), call.deadline - time.time()
        if left_s < moment_s + _ENDING_S:  # it is not worth to be held for the rest
            moment_s = left_s
        was_away = False
        while True:
            waiter.wait(moment_s)
            if isinstance(waiter.told, Outcome):
                self._watching.ended(call, waiter.told, callee.host.connection)
                return render(call, waiter.told)
            now = time.time()
            if now >= call.deadline:
                return self._over(call, callee, waiter, outcomes.DEADLINE_EXCEEDED)
            try:
                connection = callee.host.connection
                with Patience(_ENTER_S):
                    self._store.begin_call(call, now, connection=connection, permit=_MAY)
            except NotFound:
                if not was_away:
                    # It may have answered before it went, to another process.
                    waiter.wait_told(_ON_ITS_WAY_S)
                    return self._over(call, callee, waiter, outcomes.DISCONNECTED)
                # It may have come back empty, and the host is about to be seen again.
                moment_s = min(_AGAIN_S, call.deadline - now)
                continue
            except StoreError as error:
                was_away = True
                log.warning("a call waits in its thread: %s", error)
                moment_s = min(_AGAIN_S, call.deadline - now)
                continue
            self._watching.handed_over(call)
            if self._waiters.give_up(call.token):
                return HandedOver(call)
            return self._answered(call, callee, waiter)

    def _over(self, call: Call, callee: Callee, waiter: Waiter, outcome: Outcome) -> Response:
        """End the wait with an outcome of our own, unless the host has been quicker."""
        if not self._waiters.give_up(call.token):
            waiter.wait_told(_JUST_NOW_S)
            outcome = waiter.told if isinstance(waiter.told, Outcome) else outcome
        self._watching.ended(call, outcome, callee.host.connection)
        return render(call, outcome)

    def _answered(self, call: Call, callee: Callee, waiter: Waiter) -> Response | HandedOver:
        """Return the answer that came while the call was entered, which ends it there, too."""
        waiter.wait(_JUST_NOW_S)
        if not isinstance(waiter.told, Outcome):
            return HandedOver(call)
        self._late(call.lambda_id, callee.host.connection, call.token, waiter.told)
        return render(call, waiter.told)

    def _late(self, lambda_id: str, connection: str, token: str, outcome: Outcome) -> None:
        """Take an answer to a call that no thread waits for: it is in the store, or was over."""
        try:
            with Patience(_ENTER_S):  # others wait for this thread
                self._calls.end(lambda_id, connection, {token: outcome})
        except StoreError as error:
            if not self._room.acquire(blocking=False):
                log.error("an answer was lost: %s", error)
                return
            self._patient.submit(self._end, lambda_id, connection, token, outcome)

    def _is_ended(self, lambda_id: str, connection: str, token: str, outcome: Outcome) -> bool:
        """End a call that was probably handed over; False if it is not in the store."""
        with suppress(StoreError), Patience(_ENTER_S):
            return self._calls.end(lambda_id, connection, {token: outcome}) > 0
        return False

    def _unreached(self, lambda_id: str, connection: str, token: str, outcome: Outcome) -> None:
        """Take an answer that its process does not: its thread enters the call after a moment."""
        with suppress(StoreError), Patience(_ENTER_S):
            if self._calls.end(lambda_id, connection, {token: outcome}):
                return
        if not self._room.acquire(blocking=False):
            log.error("an answer was lost: too many wait for their calls")
            return
        self._patient.submit(self._expect, lambda_id, connection, token, outcome)

    def _expect(self, lambda_id: str, connection: str, token: str, outcome: Outcome) -> None:
        """End a call once it is entered, or give up: it was over, or nobody waits any more."""
        until = time.monotonic() + self._waiters.longest_s + _ENDING_S + _JUST_NOW_S
        try:
            while time.monotonic() < until:
                with suppress(StoreError), Patience(_ENTER_S):
                    if self._calls.end(lambda_id, connection, {token: outcome}):
                        return
                time.sleep(_LOOK_S)
        finally:
            self._room.release()

    def _end(self, lambda_id: str, connection: str, token: str, outcome: Outcome) -> None:
        """End a call in a thread that may wait for the store."""
        try:
            with Patience(ANSWER_S):
                self._calls.end(lambda_id, connection, {token: outcome})
        except StoreError as error:
            log.error("an answer was lost: %s", error)
        finally:
            self._room.release()
