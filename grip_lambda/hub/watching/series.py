"""How many calls ended within the last quarter of an hour, how, and how long they took."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec

from .about import instant

#: Seconds of a step, and how many steps are kept.
STEP_S = 5
STEPS = 180
#: Durations that differ by less than an eighth are one.
_WIDTH = 8
_LEAST_MS = 0.1


class Step(msgspec.Struct, array_like=True):
    """What ended within one step.

    Attributes:
        calls, errors: how many calls, and how many of them otherwise than with 200.
        took: how many of them took how long, by ``_WIDTH`` times the logarithm of ms.
    """

    calls: int = 0
    errors: int = 0
    took: dict[int, int] = msgspec.field(default_factory=dict)

    def percentile(self, part: float) -> float | None:
        """Return how long, in ms, such a part of the calls took at most; None without any."""
        left = part * sum(self.took.values())
        for place in sorted(self.took):
            left -= self.took[place]
            if left <= 0:
                return round(math.exp((place + 0.5) / _WIDTH), 3)
        return None


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(dict[int, Step])


class Series:
    """That of one process. Not safe for several threads at a time."""

    def __init__(self) -> None:
        self._steps: dict[int, Step] = {}

    def add(self, now: float, ms: float, *, is_error: bool) -> None:
        """Count a call."""
        at = int(now) // STEP_S
        step = self._steps.get(at)
        if step is None:
            step = self._steps[at] = Step()
            for old in [one for one in self._steps if one <= at - STEPS - 1]:
                del self._steps[old]
        step.calls += 1
        step.errors += is_error
        place = int(math.log(max(ms, _LEAST_MS)) * _WIDTH)
        step.took[place] = step.took.get(place, 0) + 1

    def encode(self) -> bytes:
        """Return the series for another process; empty without calls."""
        return _encoder.encode(self._steps) if self._steps else b""


def shown(series: Iterable[bytes], now: float) -> dict[str, Any]:
    """Return the series of several processes as one, oldest step first.

    Returns:
        ``{"step", "from", "calls", "errors", "p50_ms", "p95_ms"}``: lists of ``STEPS`` each, the
        last two with None for a step without calls.
    """
    last = int(now) // STEP_S
    steps = {at: Step() for at in range(last - STEPS + 1, last + 1)}
    for one in series:
        for at, step in _decoder.decode(one).items() if one else ():
            if at in steps:
                _merge(steps[at], step)
    every = list(steps.values())
    return {
        "step": STEP_S,
        "from": instant((last - STEPS + 1) * STEP_S),
        "calls": [one.calls for one in every],
        "errors": [one.errors for one in every],
        "p50_ms": [one.percentile(0.5) for one in every],
        "p95_ms": [one.percentile(0.95) for one in every],
    }


def _merge(into: Step, other: Step) -> None:
    into.calls += other.calls
    into.errors += other.errors
    into.took = dict(Counter(into.took) + Counter(other.took))
