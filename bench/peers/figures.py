"""What was measured, as it is kept in docs/performance.json, and what follows from it."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median

import msgspec

#: The entries that the others are compared with.
DIRECT, HELD = "direct", "held"


class Round(msgspec.Struct, frozen=True):
    """One round of one entry.

    Attributes:
        rate: right answers per second.
        p50, p99: milliseconds that a call took.
        calls: answers of any kind.
        errors: wrong answers, connections that failed, and calls of more than two seconds.
        lost: hosts that had lost their connection when the round was over.
        cpu: milliseconds of CPU that the servers used for each right answer.
    """

    rate: float
    p50: float
    p99: float
    calls: int
    errors: int
    lost: int
    cpu: float


class Measured(msgspec.Struct, frozen=True):
    """All rounds of one entry, by the number of callers; or why there are none."""

    key: str
    title: str
    kind: str
    how: str
    unavailable: str | None = None
    rounds: dict[int, list[Round]] = {}


class Results(msgspec.Struct, frozen=True):
    """A whole run: where and how, and what came out.

    Attributes:
        others: the part of the machine's CPU time that other programs took meanwhile.
    """

    date: str
    machine: str
    others: float
    versions: dict[str, str]
    hosts: int
    rounds: int
    seconds: int
    entries: list[Measured]

    @property
    def levels(self) -> list[int]:
        """The numbers of callers that were measured."""
        return sorted({callers for entry in self.entries for callers in entry.rounds})


class Line(msgspec.Struct, frozen=True):
    """An entry at one number of callers: medians of its rounds, but sums of errors and losses.

    ``to_direct`` and ``to_held`` are medians of the ratios of the rates in the same round; None
    if the floor was not measured.
    """

    rate: float
    p50: float
    p99: float
    cpu: float
    errors: int
    calls: int
    lost: int
    to_direct: float | None
    to_held: float | None


def line(results: Results, entry: Measured, callers: int) -> Line:
    """Return the figures of an entry that was measured."""
    rounds = entry.rounds[callers]

    def middle(figure: Callable[[Round], float]) -> float:
        return median(figure(one) for one in rounds)

    return Line(
        rate=middle(lambda one: one.rate),
        p50=middle(lambda one: one.p50),
        p99=middle(lambda one: one.p99),
        cpu=middle(lambda one: one.cpu),
        errors=sum(one.errors for one in rounds),
        calls=sum(one.calls for one in rounds),
        lost=sum(one.lost for one in rounds),
        to_direct=_ratio(results, rounds, DIRECT, callers),
        to_held=_ratio(results, rounds, HELD, callers),
    )


def _ratio(results: Results, rounds: list[Round], floor: str, callers: int) -> float | None:
    """Compare round by round: what disturbs the machine meanwhile disturbs both."""
    for entry in results.entries:
        if entry.key == floor and callers in entry.rounds:
            pairs = zip(rounds, entry.rounds[callers], strict=True)
            return median(one.rate / least.rate if least.rate else 0.0 for one, least in pairs)
    return None


def encode(results: Results) -> bytes:
    """Return the text of docs/performance.json."""
    return msgspec.json.format(msgspec.json.encode(_rounded(results)), indent=2) + b"\n"


def decode(text: bytes) -> Results:
    """Read docs/performance.json.

    Raises:
        msgspec.ValidationError: it is something else.
    """
    return msgspec.json.decode(text, type=Results)


def _rounded(results: Results) -> Results:
    """Three decimals say more than such a measurement knows."""

    def whole(one: Round) -> Round:
        values = msgspec.structs.asdict(one)
        floats = {name: round(value, 3) for name, value in values.items() if type(value) is float}
        return msgspec.structs.replace(one, **floats)

    entries = [
        msgspec.structs.replace(
            entry,
            rounds={callers: [*map(whole, rounds)] for callers, rounds in entry.rounds.items()},
        )
        for entry in results.entries
    ]
    return msgspec.structs.replace(results, entries=entries, others=round(results.others, 3))
