"""Percentiles and histograms of times."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Bar:
    """How many times are in a span, whose end counts for the next one, if there is one."""

    start: float
    end: float
    count: int


def percentile(times: Sequence[float], part: float) -> float:
    """Return the time that ``part`` percent are not above: the nearest rank.

    Args:
        times: in order; at least one.
    """
    return times[max(math.ceil(part / 100 * len(times)), 1) - 1]


def histogram(times: Sequence[float], bars: int) -> list[Bar]:
    """Return a histogram whose spans grow by the same factor, from the least time to the greatest.

    Times of calls have a long tail, of which equal spans would show nothing.

    Args:
        times: in order, more than 0.
    """
    if not times:
        return []
    least, most = times[0], times[-1]
    if most / least < 1 + 1e-9:
        return [Bar(least, most, len(times))]
    factor = (most / least) ** (1 / bars)
    edges = [least * factor**number for number in range(bars)] + [most]
    counts = [0] * bars
    bar = 0
    for time in times:
        while bar < bars - 1 and time >= edges[bar + 1]:
            bar += 1
        counts[bar] += 1
    return [Bar(edges[i], edges[i + 1], counts[i]) for i in range(bars)]
