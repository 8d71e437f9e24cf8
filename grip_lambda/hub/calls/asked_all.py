"""All hosts of a service asked at once.

Each host has a call of its own, which is entered, delivered and ended as any other. What they
answer is brought together in one log; see answers.py.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ...errors import (
    Busy,
    Forbidden,
    NotFound,
    RequestError,
    StoreError,
    TooLarge,
)
from ...protocol import ids, sse
from ...store import Call, Host, Lambda, Outcome, Store
from ..access import Limits, refusal
from ..channels import all_channel, parse_all_channel
from ..delivery import Delivery, call_message
from ..feeds import Link
from ..watching import UNWATCHED, Watcher, about_of
from . import outcomes
from .answers import GATHERED, HOSTS_MAX, LATE_S, STREAMED, Answers, Group, Read
from .caller import BegunCall, Caller, call_of, check_deadline, checked
from .kept import KeptCalls
from .kinds import MEMBER
from .lifecycle import Calls
from .responses import TOO_LATE, Hold, Response, held
from .streamed import Piece

log = logging.getLogger(__name__)

#: A host is asked when so few of those that were asked before have not answered; or so long after
#: them, in seconds: a Pushpin refuses more than some hundred answers in the same instant.
_AHEAD, _AHEAD_S = 48, 0.1
#: How often it is looked how many have answered, in seconds.
_LOOK_S = 0.01
#: How long a reader may be away, in seconds: its proxy may be about to come again.
_AWAY_S = 1.0


@dataclass(frozen=True)
class Asked:
    """What was begun: where its answers are, and the calls that are to be delivered.

    Attributes:
        place, name: those of the log.
        until: the deadline.
    """

    place: str
    name: str
    until: float
    begun: Sequence[BegunCall] = ()


class CallsOfAll:
    """Asks all hosts of a service, and brings their answers together."""

    def __init__(
        self,
        store: Store,
        answers: Answers,
        delivery: Delivery,
        calls: Calls,
        kept: KeptCalls,
        *,
        limits: Limits,
        link: Link,
        watching: Watcher = UNWATCHED,
    ) -> None:
        """Prepare to ask.

        Args:
            link: where Pushpin asks how a stream goes on.
            watching: is told of each call.
        """
        self._store = store
        self._answers = answers
        self._delivery = delivery
        self._calls = calls
        self._kept = kept
        self._limits = limits
        self._link = link
        self._watching = watching

    def begin(self, method: str, body: bytes, caller: Caller) -> Asked:
        """Enter a call of each host of the caller's service; those that can't be are answered.

        Raises:
            BadRequest, TooLarge: this makes no sense, or there are too many hosts.
            NotFound: there are none.
            Unauthorized, Forbidden: the caller may call none of them.
            RateLimited: the caller's key makes more calls than it may.
            StorageFull: too much is kept for the caller.
        """
        body = checked("", method, body, caller)
        now = time.time()
        hosts = self._hosts(caller, now)
        place, name = ids.new_lambda_id(), ids.new_call_token()
        group = Group(place, name, len(hosts))
        about = about_of(method, body, caller.address, caller.trace, caller.service)
        member = replace(caller, kind=MEMBER, details=group.encode())
        calls = [call_of(one.id, ids.new_call_token(), member, now, about) for one in hosts]
        check_deadline(calls[0], now)
        self._limits.asked(caller.key, caller.address, len(calls))
        self._limits.call(calls[0])
        self._answers.begin(group, calls)
        begun = []
        try:
            for known, call in zip(hosts, calls, strict=True):
                one = self._begin(call, known, method, body, caller)
                if isinstance(one, Outcome):
                    self._answers.add(call, one)
                else:
                    begun.append(one)
        except StoreError:
            self._cancel(begun)
            raise
        return Asked(place, name, calls[0].deadline, begun)

    def _hosts(self, caller: Caller, now: float) -> list[Lambda]:
        found = self._store.list_service(caller.service, now)
        if not found:
            raise NotFound("no host of this service is open")
        allowed = [one for one in found if caller.permit.allows(one)]
        if not allowed:
            raise refusal(caller.permit)
        if len(allowed) > HOSTS_MAX:
            raise TooLarge(f"a service may have {HOSTS_MAX} hosts at most to be asked as a whole")
        return allowed

    def _begin(
        self, call: Call, known: Lambda, method: str, body: bytes, caller: Caller
    ) -> BegunCall | Outcome:
        """Enter the call of one host; or return what it ends with at once."""
        try:
            found = self._store.begin_call(
                call, time.time(), permit=caller.permit, connection=known.connection
            )
        except (Busy, NotFound, Forbidden) as error:
            self._watching.refused(call, error)
            return _refused(error)
        assert isinstance(found, Host), "it has no key"
        try:
            self._delivery.ensure_reachable(found)
            message = call_message(found, method, body, call, caller.given)
            if not self._delivery.is_connected(found.transport):
                self._limits.outbound(call, len(message))
        except StoreError:
            raise
        except RequestError as error:
            self._calls.end(call.lambda_id, found.connection, {call.token: _refused(error)})
            return BegunCall(call, found, b"")
        self._watching.begun(call, body)
        return BegunCall(call, found, message)

    def deliver(self, asked: Asked) -> None:
        """Ask the hosts, no faster than Pushpin takes their answers."""
        begun = [one for one in asked.begun if one.message]
        before = self._count(asked) if len(begun) > _AHEAD else 0
        answered = 0
        for count, one in enumerate(begun):
            if count - answered >= _AHEAD:
                answered = self._await_answers(asked, before, count)
            self._calls.deliver(one)

    def _await_answers(self, asked: Asked, before: int, count: int) -> int:
        """Wait until few of ``count`` hosts have not answered, or for a moment only.

        Returns:
            How many are to be taken as having answered: all, if they are slow.
        """
        until = time.monotonic() + _AHEAD_S
        while time.monotonic() < until:
            answered = self._count(asked) - before
            if count - answered < _AHEAD:
                return answered
            time.sleep(_LOOK_S)
        return count

    def _count(self, asked: Asked) -> int:
        """Return how many have answered, as far as the store is in reach."""
        try:
            return self._answers.count(asked.place, asked.name)
        except StoreError:
            return 0

    def stream(self, asked: Asked, node: str) -> Piece:
        """Begin to send the answers as they come, to a caller whom a Pushpin holds."""
        found = self._answers.attach(asked.place, asked.name, asked.until, node, STREAMED)
        return self._piece(asked.place, asked.name, found)

    def gather(self, asked: Asked, node: str, grip_last: str = "") -> Hold | Response:
        """Return all answers if they are there; else hold the caller.

        Args:
            grip_last: the header with which Pushpin repeats a request, which it holds on the same
                channel as before; empty if it does not.
        """
        place, name = asked.place, asked.name
        before = parse_all_channel(grip_last.partition(";")[0].strip())
        found = None
        if before is not None and before[:2] == (place, name):
            found = self._answers.read(place, name)
        if found is None or before is None or found.hold != before[2]:
            found = self._answers.attach(place, name, asked.until, node, GATHERED)
        if found.is_complete:
            return found.gathered()
        left_s = asked.until - time.time() + LATE_S
        return held(all_channel(place, name, found.hold), left_s, TOO_LATE)

    def repeated(self, grip_last: str, wait_s: float) -> Asked | None:
        """Find what a request asks for that Pushpin repeats; None for another one."""
        known = parse_all_channel(grip_last.partition(";")[0].strip())
        return None if known is None else Asked(known[0], known[1], time.time() + wait_s)

    def follow(self, link: str, grip_last: str) -> Piece:
        """Tell Pushpin how a stream goes on that it holds: what is missing, or the end.

        Args:
            link: the signed part of the address that Pushpin was given.
            grip_last: the header with which Pushpin says what the stream had last.

        Raises:
            NotFound: we have not made this link.
        """
        place, name, hold, last = self._link.followed(link, grip_last)
        found = self._answers.read(place, name)
        if found is None or found.hold != hold:
            return Piece(b"")
        piece = self._piece(place, name, found, last)
        if piece.channel is not None:
            self._link.go_on(found.tail.reader.node, piece.channel)
        return piece

    def left(self, channel: str) -> None:
        """Note that nobody holds a reader any more: what it has asked for is cancelled soon."""
        known = parse_all_channel(channel)
        if known is not None and self._answers.detach(*known):
            timer = threading.Timer(_AWAY_S, self._gone, known)
            timer.daemon = True
            timer.start()

    def _gone(self, place: str, name: str, hold: int) -> None:
        try:
            found = self._answers.read(place, name)
            if found is None or found.hold != hold or found.is_complete:
                return
            for lambda_id, token in found.calls:
                self._kept.end(lambda_id, token, outcomes.CANCELLED)
        except StoreError as error:
            log.info("hosts were not told that their caller has gone: %s", error)

    def _cancel(self, begun: Sequence[BegunCall]) -> None:
        for one in begun:
            try:
                self._kept.end(one.call.lambda_id, one.call.token, outcomes.CANCELLED)
            except StoreError:
                return

    def _piece(self, place: str, name: str, found: Read, after: int = 0) -> Piece:
        """Return what follows an entry."""
        body = found.events(after)
        if found.is_complete:
            return Piece(body)
        channel = all_channel(place, name, found.hold)
        link = f"/service-streams/{self._link.link}"
        return Piece(body or sse.COMMENT, channel, max(found.tail.last, after), link)


def _refused(error: RequestError) -> Outcome:
    return Outcome.of_failure(error.status, error.code, str(error))
