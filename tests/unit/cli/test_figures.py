"""Percentiles and histograms of `grip-lambda bench`."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from grip_lambda.cli.figures import histogram, percentile

TIMES = st.lists(st.floats(0.001, 1e6), min_size=1).map(sorted)


def test_percentiles_are_times_that_were_measured() -> None:
    times = [float(number) for number in range(1, 101)]

    assert [percentile(times, part) for part in (0, 50, 99, 100)] == [1, 50, 99, 100]
    assert percentile([7.0], 50) == 7


@given(TIMES)
def test_a_histogram_has_every_time_in_its_span(times: list[float]) -> None:
    bars = histogram(times, 10)

    assert sum(bar.count for bar in bars) == len(times)
    assert (bars[0].start, bars[-1].end) == (times[0], times[-1])
    for bar in bars[:-1]:
        assert bar.count == sum(bar.start <= time < bar.end for time in times)


def test_a_histogram_of_nothing() -> None:
    assert histogram([], 10) == []
