from __future__ import annotations

import msgspec
import pytest

from bench.peers import figures, wrk

from . import examples


def line(key: str, callers: int) -> figures.Line:
    results = examples.whole()
    (entry,) = (one for one in results.entries if one.key == key)
    return figures.line(results, entry, callers)


def test_a_figure_is_the_median_of_its_rounds() -> None:
    alone = line("pushpin", 1)

    assert (alone.rate, alone.p50, alone.p99, alone.cpu) == (50, 20, 60, 0.5)


def test_errors_calls_and_lost_hosts_add_up() -> None:
    busy = line("pushpin", 32)

    assert (busy.errors, busy.calls, busy.lost) == (6, 300, 9)


def test_ratios_are_made_round_by_round() -> None:
    alone = line("pushpin", 1)

    assert alone.to_held == 1  # the median of 0.5, 1 and 1; the medians would make 50 / 60
    assert alone.to_direct == 0.25
    assert line("held", 1).to_direct == 0.3


def test_there_is_no_ratio_to_a_floor_that_was_not_measured() -> None:
    alone = examples.entry("peer", "peer", [examples.one(10)])

    found = figures.line(examples.results(alone), alone, 1)

    assert (found.to_direct, found.to_held) == (None, None)


def test_a_floor_that_answered_nothing_is_no_division_by_zero() -> None:
    silent = figures.Round(rate=0, p50=0, p99=0, calls=0, errors=5, lost=0, cpu=0)
    direct = examples.entry("direct", "floor", [silent])
    peer = examples.entry("peer", "peer", [examples.one(10)])

    assert figures.line(examples.results(direct, peer), peer, 1).to_direct == 0


def test_what_is_kept_is_read_again() -> None:
    assert figures.decode(figures.encode(examples.whole())).levels == [1, 32]
    assert figures.decode(figures.encode(examples.results())) == examples.results()


def test_what_is_kept_is_rounded() -> None:
    third = examples.results(examples.entry("peer", "peer", [examples.one(1 / 3)]))

    (kept,) = figures.decode(figures.encode(third)).entries

    assert kept.rounds[1][0].rate == 0.333


def test_something_else_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        figures.decode(b'{"entries": 3}')


def test_the_last_line_of_wrk_is_read() -> None:
    output = (
        "Running 1s test @ http://127.0.0.1:1\n  Requests/sec: 20\n"
        '{"seconds":1.5,"right":30,"wrong":1,"failed":2,"late":4,"p50":0.5,"p99":1.25}\n'
    )

    answered = wrk.parse(output)

    assert (answered.right, answered.errors, answered.p99) == (30, 7, 1.25)
