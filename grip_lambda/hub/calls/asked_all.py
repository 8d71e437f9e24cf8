"""All hosts of a service asked at once.

Each host has a call of its own, which is entered, delivered and ended as any other. What it ends
with is appended to a log (store/logs.py), whichever process that happens in; the log has a place of
its own, a name in the form of a lambda's id. Its first entry says which calls there are, and the
answer that completes them is the last. Who has asked is held by a Pushpin, and reads the log: as it
grows, or once it is complete.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec

from ...errors import (
    Busy,
    Forbidden,
    NotFound,
    PublishError,
    RequestError,
    StoreError,
    TooLarge,
)
from ...grip.nodes import Nodes
from ...protocol import ids, sse
from ...protocol.signed import sign, unsign
from ...store import Appended, Call, Host, Lambda, Outcome, Store, Tail
from ..access import Limits, refusal
from ..channels import ALL, all_channel, is_number, parse_all_channel
from ..delivery import Delivery, call_message
from ..watching import UNWATCHED, Watcher, about_of
from . import outcomes
from .caller import BegunCall, Caller, call_of, check_deadline, checked
from .kept import KeptCalls
from .lifecycle import Calls
from .replies import TOO_LATE
from .responses import Hold, Response, held
from .streamed import Piece

log = logging.getLogger(__name__)

#: The kind of the calls.
MEMBER = "member"
#: So many hosts are asked at most.
HOSTS_MAX = 1000
#: How the log is read: answer by answer, or when it is complete.
STREAMED, GATHERED = "sse", "poll"
#: A host is asked when so few of those that were asked before have not answered; or so long after
#: them, in seconds: a Pushpin refuses more than some hundred answers in the same instant.
_AHEAD, _AHEAD_S = 48, 0.1
#: How often it is looked how many have answered, in seconds.
_LOOK_S = 0.01
#: How long a reader may be away, in seconds: its proxy may be about to come again.
_AWAY_S = 1.0
#: How much longer than the calls a log is kept, and a reader held, in seconds.
_KEPT_S, _LATE_S = 60.0, 5.0
#: So much of a log is left for saying that an answer is too large, in bytes.
_RESERVE = 1024 * 1024
_LINK = "all"
#: Characters of the id of a lambda.
_ID = 16


class _Group(msgspec.Struct, frozen=True, array_like=True):
    """What is kept with each of the calls: whose answers they are, and how many there are."""

    place: str
    name: str
    count: int

    def encode(self) -> str:
        return msgspec.json.encode(self).decode()


_decoder = msgspec.json.Decoder(_Group)
_members_decoder = msgspec.json.Decoder(list[tuple[str, str]])


@dataclass(frozen=True)
class Asked:
    """What was begun: where its answers are, and the calls that are to be delivered."""

    place: str
    name: str
    until: float
    begun: Sequence[BegunCall]


class CallsOfAll:
    """Asks all hosts of a service, and brings their answers together."""

    def __init__(
        self,
        store: Store,
        nodes: Nodes,
        delivery: Delivery,
        calls: Calls,
        kept: KeptCalls,
        *,
        limits: Limits,
        secret: bytes,
        watching: Watcher = UNWATCHED,
    ) -> None:
        """Prepare to ask.

        Args:
            secret: what links are signed with.
            watching: is told of each call.
        """
        self._store = store
        self._nodes = nodes
        self._delivery = delivery
        self._calls = calls
        self._kept = kept
        self._limits = limits
        self._secret = secret
        self._watching = watching

    def begin(self, method: str, body: bytes, caller: Caller) -> Asked:
        """Enter a call of each host of the caller's service; those that can't be are answered.

        Raises:
            BadRequest, TooLarge: this makes no sense, or there are too many hosts.
            NotFound: there are none.
            Unauthorized, Forbidden: the caller may call none of them.
            StorageFull: too much is kept for the caller.
        """
        body = checked("", method, body, caller)
        now = time.time()
        hosts = self._hosts(caller, now)
        place, name = ids.new_lambda_id(), ids.new_call_token()
        group = _Group(place, name, len(hosts))
        about = about_of(method, body, caller.address, caller.trace, caller.service)
        member = replace(caller, kind=MEMBER, details=group.encode())
        calls = [call_of(one.id, ids.new_call_token(), member, now, about) for one in hosts]
        check_deadline(calls[0], now)
        self._limits.call(calls[0])
        self._append(calls[0], group, msgspec.json.encode([(x.lambda_id, x.token) for x in calls]))
        begun = []
        try:
            for known, call in zip(hosts, calls, strict=True):
                one = self._begin(call, known, method, body, caller)
                if isinstance(one, Outcome):
                    self._add(call, one)
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
        """Return how many entries the log has."""
        try:
            read = self._store.logs.read
            tail = read(asked.place, _log(asked.name), HOSTS_MAX + 1, time.time())
        except StoreError:
            return 0
        return 0 if tail is None else tail.last

    def stream(self, asked: Asked, node: str) -> Piece:
        """Begin to send the answers as they come, to a caller whom a Pushpin holds."""
        return self._piece(asked.place, asked.name, self._attach(asked, node, STREAMED))

    def gather(self, asked: Asked, node: str, grip_last: str = "") -> Hold | Response:
        """Return all answers if they are there; else hold the caller.

        Args:
            grip_last: the header with which Pushpin repeats a request, which it holds on the same
                channel as before; empty if it does not.
        """
        before = parse_all_channel(grip_last.partition(";")[0].strip())
        tail = None
        if before is not None and before[:2] == (asked.place, asked.name):
            tail = self._store.logs.read(asked.place, _log(asked.name), 0, time.time())
        if tail is None or before is None or tail.reader.hold != before[2]:
            tail = self._attach(asked, node, GATHERED)
        if _is_complete(tail):
            return _gathered(tail)
        channel = all_channel(asked.place, asked.name, tail.reader.hold)
        left_s = asked.until - time.time() + _LATE_S
        return held(channel, left_s, TOO_LATE)

    def asked(self, place: str, name: str, until: float) -> Asked:
        """Return what was begun by a request that is repeated, or has been handed over."""
        return Asked(place, name, until, ())

    def repeated(self, grip_last: str, wait_s: float) -> Asked | None:
        """Find what a request asks for that Pushpin repeats; None for another one."""
        known = parse_all_channel(grip_last.partition(";")[0].strip())
        return None if known is None else Asked(known[0], known[1], time.time() + wait_s, ())

    def follow(self, link: str, grip_last: str) -> Piece:
        """Tell Pushpin how a stream goes on that it holds: what is missing, or the end.

        Args:
            link: the signed part of the address that Pushpin was given.
            grip_last: the header with which Pushpin says what the stream had last.
        """
        channel, _, given = grip_last.partition(";")
        known = parse_all_channel(unsign(self._secret, _LINK, link) or "")
        seq = given.partition("last-id=")[2].strip()
        if known is None or all_channel(*known) != channel.strip() or not is_number(seq):
            raise NotFound("this address is for the proxy; ask the service")
        place, name, hold = known
        tail = self._store.logs.read(place, _log(name), 0, time.time())
        if tail is None or tail.reader.hold != hold:
            return Piece(b"")
        return self._piece(place, name, tail, int(seq))

    def finish(self, call: Call, outcome: Outcome) -> None:
        """Add what one of the calls has ended with."""
        self._add(call, outcome)

    def left(self, channel: str) -> None:
        """Note that nobody holds a reader any more: what it has asked for is cancelled soon."""
        known = parse_all_channel(channel)
        if known is None:
            return
        place, name, hold = known
        if self._store.logs.detach(place, _log(name), hold, time.time()):
            timer = threading.Timer(_AWAY_S, self._gone, known)
            timer.daemon = True
            timer.start()

    def _gone(self, place: str, name: str, hold: int) -> None:
        try:
            tail = self._store.logs.read(place, _log(name), 0, time.time())
            if tail is None or tail.reader.hold != hold or _is_complete(tail):
                return
            for lambda_id, token in _members(tail):
                self._kept.end(lambda_id, token, outcomes.CANCELLED)
        except StoreError as error:
            log.info("hosts were not told that their caller has gone: %s", error)

    def _cancel(self, begun: Sequence[BegunCall]) -> None:
        for one in begun:
            try:
                self._kept.end(one.call.lambda_id, one.call.token, outcomes.CANCELLED)
            except StoreError:
                return

    def _add(self, call: Call, outcome: Outcome) -> None:
        """Append an answer, and publish it if its reader is there."""
        group = _decoder.decode(call.details)
        try:
            entry = _entry(call, outcome)
            added = self._append(call, group, entry, reserve=_RESERVE)
        except Busy:
            entry = _entry(call, outcomes.RESULT_TOO_LARGE)
            added = self._append(call, group, entry)
        if added is None:
            return
        seq, reader = added.seq, added.reader
        if not reader.hold:
            return
        channel = all_channel(group.place, group.name, reader.hold)
        is_last = seq == group.count + 1
        try:
            node = self._nodes[reader.node]
            if reader.kind == STREAMED:
                node.stream(channel, seq, _event(entry))
                if is_last:
                    node.stream(channel, seq + 1, _end(group.count))
                    node.end_stream(channel, seq + 2)
            elif is_last:
                tail = self._store.logs.read(group.place, _log(group.name), 0, time.time())
                if tail is not None:
                    shown = _gathered(tail)
                    node.reply(channel, shown.status, shown.body, shown.headers)
        except PublishError as error:
            log.info("answers wait for their caller: %s", error)

    def _append(
        self, call: Call, group: _Group, entry: bytes, *, reserve: int = 0
    ) -> Appended | None:
        now = time.time()
        lives_s = max(0.0, call.deadline - now) + _KEPT_S
        return self._store.logs.append(
            group.place,
            _log(group.name),
            entry,
            now,
            until=now + lives_s,
            lives_s=lives_s,
            most=HOSTS_MAX + 1,
            reserve=reserve,
        )

    def _attach(self, asked: Asked, node: str, kind: str) -> Tail:
        now = time.time()
        left_s = max(0.0, asked.until - now) + _LATE_S
        tail = self._store.logs.attach(
            asked.place,
            _log(asked.name),
            0,
            now,
            node=node,
            kind=kind,
            until=now + left_s,
            lives_s=left_s,
        )
        if not tail.entries:
            raise NotFound("nothing was asked here, or it was over long ago")
        return tail

    def _piece(self, place: str, name: str, tail: Tail, after: int = 0) -> Piece:
        """Return what follows an entry of a log that was read from the beginning."""
        fresh = [one.data for one in tail.entries if one.seq > max(1, after)]
        body = b"".join(map(_event, fresh))
        if _is_complete(tail):
            return Piece(body + _end(len(_members(tail))))
        channel = all_channel(place, name, tail.reader.hold)
        link = f"/service-streams/{sign(self._secret, _LINK, channel)}"
        return Piece(body or sse.COMMENT, channel, max(tail.last, after), link)


def _refused(error: RequestError) -> Outcome:
    return Outcome.of_failure(error.status, error.code, str(error))


def _log(name: str) -> str:
    return f"{ALL}{name}"


def _members(tail: Tail) -> list[tuple[str, str]]:
    """Return the calls, from the first entry of their log."""
    return _members_decoder.decode(tail.entries[0].data)


def _is_complete(tail: Tail) -> bool:
    return tail.last > len(_members(tail))


def _entry(call: Call, outcome: Outcome) -> bytes:
    """Return an answer as it is kept: the id of the lambda, and the value as JSON."""
    if outcome.status == 200:
        value = b'{"status":200,"result":%b}' % outcome.body
    else:  # {"error": ...}
        value = b'{"status":%d,%b' % (outcome.status, outcome.body[1:])
    return call.lambda_id.encode() + value


def _event(entry: bytes) -> bytes:
    data = b'{"id":"%b",%b' % (entry[:_ID], entry[_ID + 1 :])
    return sse.encode(data, name="answer")


def _end(count: int) -> bytes:
    return sse.encode(b'{"hosts":%d}' % count, name="end")


def _gathered(tail: Tail) -> Response:
    answers = (b'"%b":%b' % (one.data[:_ID], one.data[_ID:]) for one in tail.entries[1:])
    return Response(200, b"{%b}" % b",".join(answers))
