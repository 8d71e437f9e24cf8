"""Finds what breaks a promise in a history.

The promises are those of docs/calling.md: each request of a caller is answered once, by its
deadline; a call is delivered once at most, to the host that it is for; a result is what that host
answered to that call; what was refused as ``unavailable`` was not delivered.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from .history import Answered, History


class Kind(Enum):
    """What can be wrong."""

    DUPLICATE = "a call was delivered twice"
    MISLED = "a call was delivered to another host"
    UNASKED = "a call was delivered that nobody made"
    WRONG = "a result is not what the host answered to this call"
    UNFOUNDED = "a result came that no host has given"
    LATE = "a caller was told after its deadline"
    LOST = "a caller was told nothing"
    TWICE = "a caller was told twice"
    DENIED = "a call was refused as not delivered, and was delivered"


@dataclass(frozen=True)
class Violation:
    """A promise that was broken."""

    kind: Kind
    call: int
    what: str

    def __str__(self) -> str:
        return f"call {self.call}: {self.kind.value}: {self.what}"


def violations(history: History, late_s: float = 0.5) -> list[Violation]:
    """Return what is wrong in a history that has ended.

    Args:
        late_s: how long after its deadline a caller may be told.
    """
    return [*_deliveries(history), *_results(history), *_endings(history, late_s)]


def _deliveries(history: History) -> Iterator[Violation]:
    asked = {one.call: one for one in history.asked}
    counts = Counter(one.call for one in history.delivered)
    for one in history.delivered:
        call = asked.get(one.call)
        if call is None:
            yield Violation(Kind.UNASKED, one.call, f"to {one.host}")
        elif call.host != one.host:
            yield Violation(Kind.MISLED, one.call, f"to {one.host}, for {call.host}")
    for number, count in counts.items():
        if count > 1:
            yield Violation(Kind.DUPLICATE, number, f"{count} times")


def _results(history: History) -> Iterator[Violation]:
    given: defaultdict[int, list[Answered]] = defaultdict(list)
    for answer in history.answered:
        given[answer.call].append(answer)
    host_of = {one.call: one.host for one in history.asked}
    for told in history.told:
        if told.status != 200:
            continue
        answers = [one for one in given[told.call] if one.host == host_of.get(told.call)]
        if not any(one.value == told.value for one in answers):
            kind = Kind.WRONG if answers else Kind.UNFOUNDED
            yield Violation(kind, told.call, f"{told.value!r}")


def _endings(history: History, late_s: float) -> Iterator[Violation]:
    times = Counter(one.call for one in history.asked)
    for number, count in Counter(one.call for one in history.told).items():
        if count > times[number]:
            yield Violation(Kind.TWICE, number, f"{times[number]} times asked, {count} times told")
    delivered = {one.call: one.at for one in history.delivered}
    for asked, told in history.requests():
        if told is None:
            yield Violation(Kind.LOST, asked.call, "")
            continue
        over_s = told.at - asked.at - asked.wait_s
        if over_s > late_s:
            yield Violation(Kind.LATE, asked.call, f"{told.status} {told.code}, {over_s:.2f} s")
        # Of a call that was made again it is not known which time was delivered.
        is_refused = (told.status, told.code) == (503, "unavailable") and times[asked.call] == 1
        if is_refused and asked.call in delivered:
            after_s = delivered[asked.call] - told.at
            yield Violation(Kind.DENIED, asked.call, f"delivered {after_s:+.2f} s after that")
