"""Amounts that last for a while, and what they come to: in this process, and in all."""

from __future__ import annotations

import heapq
import math
import threading
from collections import defaultdict
from collections.abc import Iterable

import msgspec

#: So many names are told to other processes: those with most.
_SHARED_MAX = 1000

_Slices = dict[int, dict[str, int]]
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(_Slices)


class Ledger:
    """Sums of amounts by name; each amount ends by itself. Safe for many threads.

    Amounts of one name that end at about the same time are one: the end is put off by up to a
    quarter of how long the amount lasts, so that there are few.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._slices: defaultdict[int, defaultdict[str, int]] = defaultdict(
            lambda: defaultdict(int)
        )
        self._sums: defaultdict[str, int] = defaultdict(int)
        self._others: dict[str, int] = {}

    def add(self, name: str, amount: int, lasts_s: float, now: float) -> None:
        """Add an amount that lasts for so many seconds."""
        step = 2 ** max(0, math.frexp(lasts_s / 4)[1] - 1)
        end = math.ceil((now + lasts_s) / step) * step
        with self._lock:
            self._slices[end][name] += amount
            self._sums[name] += amount

    def sum(self, name: str) -> int:
        """Return what the amounts of a name come to, as far as this process knows."""
        return self._sums.get(name, 0) + self._others.get(name, 0)

    def left_s(self, name: str, now: float) -> int:
        """Return in how many whole seconds, at least 1, an amount of a name ends next."""
        with self._lock:
            ends = [end for end, amounts in self._slices.items() if name in amounts]
        return max(1, math.ceil(min(ends, default=now) - now))

    def forget(self, now: float) -> None:
        """Drop what has ended."""
        with self._lock:
            for end in [end for end in self._slices if end <= now]:
                for name, amount in self._slices.pop(end).items():
                    self._sums[name] -= amount
                    if not self._sums[name]:
                        del self._sums[name]

    def report(self) -> tuple[bytes, int]:
        """Return what other processes are to know, empty for nothing, and when that ends."""
        with self._lock:
            if not self._sums:
                return b"", 0
            told = set(heapq.nlargest(_SHARED_MAX, self._sums, self._sums.__getitem__))
            slices = {
                end: {name: amount for name, amount in amounts.items() if name in told}
                for end, amounts in self._slices.items()
            }
        return _encoder.encode(slices), max(slices)

    def learn(self, reports: Iterable[bytes], now: float) -> None:
        """Take in what all other processes tell, in place of what they told before."""
        others: defaultdict[str, int] = defaultdict(int)
        for report in reports:
            for end, amounts in _decoder.decode(report).items():
                if end > now:
                    for name, amount in amounts.items():
                        others[name] += amount
        self._others = dict(others)
