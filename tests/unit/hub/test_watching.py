"""What is noted of calls, worked out, and told: without a server."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram

from grip_lambda import metrics
from grip_lambda.grip.node import WATCHERS, Watched
from grip_lambda.hub.watching import View, about_of, series
from grip_lambda.hub.watching.about import About, begun, name_of
from grip_lambda.hub.watching.dropped import Dropped, read_dropped
from grip_lambda.hub.watching.recorder import RECENT_MAX, Recorder, merged
from grip_lambda.store import Call, Closed, Lambda, Outcome
from grip_lambda.store.watching import Count

OK = Outcome.of_result(b"1234")
FAILED = Outcome.of_failure(502, "disconnected", "gone")
LAMBDA = "a" * 16


def a_call(token: str = "t", **members: Any) -> Call:
    now = time.time()
    return Call(token, LAMBDA, "n1", now + 60, created=now - 0.5, **members)


def test_calls_are_counted_by_lambda_and_connection() -> None:
    recorder = Recorder()
    for number, outcome in enumerate((OK, OK, FAILED)):
        call = a_call(str(number))
        recorder.begun(call, 3, in_thread=True)
        recorder.ended(call, outcome, "c1")
    recorder.refused(a_call("4"), 429, "busy")

    counts = {one.connection: one for one in recorder.taken_counts()}

    assert (counts["c1"].calls, counts["c1"].errors) == (3, 1)
    assert (counts[""].calls, counts[""].errors) == (1, 1)
    assert counts["c1"].max_ms >= 500
    assert counts["c1"].total_ms >= 1500
    assert recorder.taken_counts() == []


def test_counts_that_the_store_does_not_take_are_kept_for_the_next_time() -> None:
    recorder = Recorder()
    recorder.ended(a_call("1"), FAILED, "c1")
    taken = recorder.taken_counts()
    recorder.ended(a_call("2"), OK, "c1")

    recorder.give_back(taken)

    (count,) = recorder.taken_counts()
    assert (count.calls, count.errors) == (2, 1)
    assert isinstance(count, Count)


def test_a_call_is_in_flight_until_it_ends_or_the_store_knows_it() -> None:
    recorder = Recorder()
    for token in ("ends", "handed over", "stays"):
        recorder.begun(a_call(token), 0, in_thread=True)
    recorder.begun(a_call("of the store"), 0, in_thread=False)

    recorder.ended(a_call("ends"), OK, "")
    recorder.handed_over(a_call("handed over"))

    assert recorder.in_flight() == {LAMBDA: 1}


def test_so_many_calls_are_kept_and_no_more() -> None:
    recorder = Recorder()
    for number in range(3 * RECENT_MAX):
        recorder.begun(a_call(str(number)), 0, in_thread=False)

    assert len(recorder.recent()) == RECENT_MAX


def test_each_call_is_told_once_and_its_end_before_its_beginning() -> None:
    def told(name: str, time: str, **more: Any) -> dict[str, Any]:
        return {"call": name, "time": time, **more}

    every = [told("a", "1"), told("b", "2"), told("a", "3", status=200), told("c", "2", status=502)]

    assert [(one["call"], "status" in one) for one in merged(every)] == [
        *(("a", True), ("b", False), ("c", True))
    ]


@given(method=st.text(max_size=300), address=st.text(max_size=20), body=st.binary(max_size=9))
def test_what_is_kept_of_a_call_comes_back_whatever_was_said(
    method: str, address: str, body: bytes
) -> None:
    about = About.of(a_call(about=about_of(method, body, address, None)))

    assert (about.method, about.address, about.bytes_in) == (method[:200], address, len(body))


def test_half_of_a_character_is_told_in_another_way() -> None:
    shown = begun(a_call(about=about_of("a\ud800", b"", "", None)), b"secret")

    assert shown["method"] == "a?"
    assert shown["from"] is None


def test_the_name_of_a_call_does_not_tell_its_token() -> None:
    names = {name_of(secret, token) for secret in (b"s", b"t") for token in ("1", "2")}

    assert len(names) == 4
    assert all(len(name) == 16 for name in names)


def test_the_last_quarter_of_an_hour_of_several_processes_is_one_series() -> None:
    now = 1_000_000.0
    one, other = series.Series(), series.Series()
    for ms in (1.0, 2.0, 100.0):
        one.add(now, ms, is_error=False)
    other.add(now - 5, 50.0, is_error=True)
    other.add(now - 2000, 50.0, is_error=True)  # long ago

    shown = series.shown([one.encode(), other.encode(), b""], now)

    assert len(shown["calls"]) == series.STEPS
    assert shown["calls"][-2:] == [1, 3]
    assert sum(shown["calls"]) == 4
    assert shown["errors"][-2:] == [1, 0]
    assert shown["p50_ms"][-1] == pytest.approx(2.0, rel=0.13)
    assert shown["p95_ms"][-1] == pytest.approx(100.0, rel=0.13)
    assert shown["p50_ms"][0] is None


def test_a_series_does_not_grow() -> None:
    one = series.Series()
    for second in range(0, 10_000, 5):
        one.add(float(second), 1.0, is_error=False)

    assert len(one.encode()) < 20 * series.STEPS


IDS = st.text(st.sampled_from("ABab09-_"), min_size=16, max_size=16)
VIEWS = st.builds(View, st.sampled_from(["", "0123456789abcdef"]), st.just("") | IDS)


@given(VIEWS)
def test_a_channel_tells_what_may_be_seen_on_it(view: View) -> None:
    assert View.of(view.channel) == view


@given(st.sets(VIEWS), st.sets(VIEWS), IDS)
def test_who_watches_is_found_by_what_is_watched(
    came: set[View], left: set[View], lambda_id: str
) -> None:
    watched = Watched()
    for view in came:
        watched.add(view.channel)
    for view in left:
        watched.discard(view.channel)
    there = came - left

    found = watched.of("any", lambda_id)

    assert bool(watched) == bool(there)
    assert sorted(found) == sorted(one.channel for one in there if one.lambda_id in ("", lambda_id))
    assert all(channel.startswith(WATCHERS) for channel in found)


def test_what_a_supervisor_has_closed_arrives_whole() -> None:
    known = Lambda(
        LAMBDA, "c", "n1", "json-rpc", "g", 1.0, 2.0, {"A": ["b"]}, ["m"], 3, owner="key"
    )
    text = msgspec.json.encode(Dropped([Closed(known, [a_call()])])).decode()

    (one,) = read_dropped(text)

    assert one.lambda_ == known
    assert one.calls[0].lambda_id == LAMBDA


def test_values_are_counted_later_and_all_of_them() -> None:
    registry = CollectorRegistry()
    counter = metrics.Later(Counter("c", "c", registry=registry))
    histogram = metrics.Later(Histogram("h", "h", registry=registry, buckets=(1.0, 2.0)))
    for value in (0.5, 1.0, 1.5, 2.0, 99.0):
        counter.note(value)
        histogram.note(value)
    assert registry.get_sample_value("c_total") == 0

    metrics.settle()

    assert registry.get_sample_value("c_total") == 104
    assert [registry.get_sample_value("h_bucket", {"le": le}) for le in ("1.0", "2.0", "+Inf")] == [
        *(2, 4, 5)
    ]
    assert registry.get_sample_value("h_sum") == 104


def test_what_nobody_asks_for_is_counted_once_it_is_much() -> None:
    registry = CollectorRegistry()
    counter = metrics.Later(Counter("c", "c", registry=registry))

    for _ in range(2500):
        counter.note()

    assert registry.get_sample_value("c_total") == 2000


SHOWS = "from grip_lambda import metrics; print(metrics.exposition('')[0].decode())"
COUNTS = """import sys
from grip_lambda import metrics
metrics.CALLS.labels("ok").inc()
print("counted", flush=True)
sys.stdin.read()
"""


def test_processes_go_on_with_the_files_of_those_that_have_ended(tmp_path: Path) -> None:
    def started() -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-c", COUNTS],
            env={metrics.FOLDER: str(tmp_path)},
            cwd=Path(metrics.__file__).parents[1],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == b"counted\n"
        return process

    for _ in range(3):
        both = [started(), started()]
        for one in both:
            one.kill()
            one.communicate()

    assert len(list(tmp_path.glob("counter_*.db"))) == 2
    shown = subprocess.run(
        [
            sys.executable,
            "-c",
            "from grip_lambda import metrics; print(metrics.exposition('')[0].decode())",
        ],
        env={metrics.FOLDER: str(tmp_path)},
        cwd=Path(metrics.__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert 'grip_lambda_calls_total{outcome="ok"} 6.0' in shown
