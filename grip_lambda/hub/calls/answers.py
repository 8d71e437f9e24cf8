"""The answers of all hosts of a service, brought together in one log (store/logs.py).

The log has a place of its own, a name in the form of a lambda's id. Its first entry says which
calls there are; each other one is an answer, and the one that completes them is the last. They come
from whichever process takes them. A Pushpin holds the caller, who reads the log as it grows, or
once it is complete.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from ...errors import Busy, NotFound, PublishError
from ...grip.nodes import Nodes
from ...protocol import sse
from ...store import Appended, Call, Outcome, Reader, Store, Tail
from ..channels import ALL, all_channel
from ..order import Order
from . import outcomes
from .responses import Response

log = logging.getLogger(__name__)

#: So many hosts are asked at most.
HOSTS_MAX = 1000
#: How the log is read: answer by answer, or when it is complete.
STREAMED, GATHERED = "sse", "poll"
#: How much longer than the calls a log is kept, and a reader held, in seconds.
_KEPT_S, LATE_S = 60.0, 5.0
#: So much of a log is left for saying that an answer is too large, in bytes.
_RESERVE = 1024 * 1024
#: Characters of the id of a lambda.
_ID = 16


class Group(msgspec.Struct, frozen=True, array_like=True):
    """What is kept with each of the calls: where their answers are, and how many there will be."""

    place: str
    name: str
    count: int

    def encode(self) -> str:
        """Return the details of a call."""
        return msgspec.json.encode(self).decode()


_group = msgspec.json.Decoder(Group)
_members = msgspec.json.Decoder(list[tuple[str, str]])


@dataclass(frozen=True)
class Read:
    """A log as somebody reads it, from its first entry on."""

    tail: Tail

    @property
    def calls(self) -> Sequence[tuple[str, str]]:
        """All calls: the lambda and the token of each."""
        return _members.decode(self.tail.entries[0].data)

    @property
    def is_complete(self) -> bool:
        """Whether all have answered."""
        return self.tail.last > len(self.calls)

    @property
    def hold(self) -> int:
        """The hold that it is read with; 0 for none."""
        return self.tail.reader.hold

    def events(self, after: int) -> bytes:
        """Return the answers that follow an entry, as events; and the last event if it is time."""
        fresh = [one.data for one in self.tail.entries if one.seq > max(1, after)]
        body = b"".join(map(_event, fresh))
        return body + _end(len(self.calls)) if self.is_complete else body

    def gathered(self) -> Response:
        """Return the answers so far, by the ids of the lambdas."""
        answers = (b'"%b":%b' % (one.data[:_ID], one.data[_ID:]) for one in self.tail.entries[1:])
        return Response(200, b"{%b}" % b",".join(answers))


class Answers:
    """Adds answers, and reads them."""

    def __init__(self, store: Store, nodes: Nodes) -> None:
        self._store = store
        self._nodes = nodes
        self._order = Order()

    def begin(self, group: Group, calls: Sequence[Call]) -> None:
        """Begin the log of these calls."""
        entry = msgspec.json.encode([(one.lambda_id, one.token) for one in calls])
        self._append(calls[0], group, entry)

    def add(self, call: Call, outcome: Outcome) -> None:
        """Add what one of the calls has ended with, and publish it if it is waited for."""
        group = _group.decode(call.details)
        with self._order.turn(group.place, group.name):
            self._add(call, group, outcome)

    def _add(self, call: Call, group: Group, outcome: Outcome) -> None:
        try:
            entry = _entry(call, outcome)
            added = self._append(call, group, entry, reserve=_RESERVE)
        except Busy:
            entry = _entry(call, outcomes.RESULT_TOO_LARGE)
            added = self._append(call, group, entry)
        if added is None or not added.reader.hold:
            return
        try:
            self._publish(group, added.seq, added.reader, entry)
        except PublishError as error:
            log.info("answers wait for their caller: %s", error)

    def _publish(self, group: Group, seq: int, reader: Reader, entry: bytes) -> None:
        channel = all_channel(group.place, group.name, reader.hold)
        node, is_last = self._nodes[reader.node], seq == group.count + 1
        if reader.kind == STREAMED:
            node.stream(channel, seq, _event(entry))
            if is_last:
                node.stream(channel, seq + 1, _end(group.count))
                node.end_stream(channel, seq + 2)
        elif is_last:
            found = self.read(group.place, group.name)
            if found is not None:
                shown = found.gathered()
                node.reply(channel, shown.status, shown.body, shown.headers)

    def _append(
        self, call: Call, group: Group, entry: bytes, *, reserve: int = 0
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

    def count(self, place: str, name: str) -> int:
        """Return how many entries a log has.

        Raises:
            StoreError: the store is out of reach.
        """
        tail = self._store.logs.read(place, _log(name), HOSTS_MAX + 1, time.time())
        return 0 if tail is None else tail.last

    def read(self, place: str, name: str) -> Read | None:
        """Read a log from its beginning; None if there is none."""
        tail = self._store.logs.read(place, _log(name), 0, time.time())
        return None if tail is None else Read(tail)

    def attach(self, place: str, name: str, until: float, node: str, kind: str) -> Read:
        """Read a log from its beginning with a new hold.

        Args:
            until: the deadline of the calls.
            node: the Pushpin that holds the reader.
            kind: STREAMED or GATHERED.

        Raises:
            NotFound: there is none.
        """
        now = time.time()
        left_s = max(0.0, until - now) + LATE_S
        tail = self._store.logs.attach(
            place, _log(name), 0, now, node=node, kind=kind, until=now + left_s, lives_s=left_s
        )
        if not tail.entries:
            raise NotFound("nothing was asked here, or it was over long ago")
        return Read(tail)

    def detach(self, place: str, name: str, hold: int) -> bool:
        """Note that nobody reads with a hold any more; False if it was no longer the latest."""
        return self._store.logs.detach(place, _log(name), hold, time.time())


def _log(name: str) -> str:
    return f"{ALL}{name}"


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
