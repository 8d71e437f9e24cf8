"""Header names, and ``Prefer``."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grip_lambda.errors import BadRequest
from grip_lambda.protocol.http import WAIT_MAX_S, WAIT_MIN_S, canonical_name, parse_wait, prefers

TOKENS = st.text(st.sampled_from("abcxyzABCXYZ019-_"), min_size=1, max_size=30)


@pytest.mark.parametrize(
    ("name", "canonical"),
    [
        ("host", "Host"),
        ("HOST", "Host"),
        ("user-agent", "User-Agent"),
        ("sec-websocket-key", "Sec-Websocket-Key"),
        ("X-API-KEY", "X-Api-Key"),
        ("x--y", "X--Y"),
        ("3-a", "3-A"),
    ],
)
def test_names_are_written_as_go_writes_them(name: str, canonical: str) -> None:
    assert canonical_name(name) == canonical


@given(TOKENS)
def test_a_canonical_name_stays_as_it_is(name: str) -> None:
    once = canonical_name(name)

    assert canonical_name(once) == once
    assert canonical_name(name.swapcase()) == once
    assert once.lower() == name.lower()


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        ("", 60.0),
        ("respond-async", 60.0),
        ("waiting=5", 60.0),
        ("return=minimal; wait=5", 60.0),
        ("wait=5", 5.0),
        ("WAIT=5", 5.0),
        ("wait = 5 ", 5.0),
        ('wait="5"', 5.0),
        ("wait=0.5", 0.5),
        ("wait=.5", 0.5),
        ("wait=1e1", 10.0),
        ("respond-async, wait=7", 7.0),
        ("wait=7;strict, respond-async", 7.0),
        ("wait=5, wait=9", 5.0),
        ('handling="a, wait=x", wait=2', 2.0),
        ('a="b\\"c, wait=x", wait=2', 2.0),
        ('a;b="c, wait=x";d, wait=2', 2.0),
        ('a="no end, wait=2', 60.0),
        (",, ,wait=2,", 2.0),
        ("wait=0", WAIT_MIN_S),
        ("wait=-3", WAIT_MIN_S),
        ("wait=0.0001", WAIT_MIN_S),
        ("wait=3600", WAIT_MAX_S),
        ("wait=3600.5", WAIT_MAX_S),
        ("wait=1e300", WAIT_MAX_S),
    ],
)
def test_prefer_says_how_long_to_wait(prefer: str, seconds: float) -> None:
    assert parse_wait(prefer, 60.0) == seconds


@pytest.mark.parametrize(
    "value",
    [
        *("", "nan", "NaN", "inf", "-inf", "Infinity", "1e999", '"nan"'),
        *("1_0", "0x10", "5s", "5 6", "=5", "--5", "1e", ".", "abc", "٣", "5é"),
    ],
)
def test_what_is_no_finite_number_is_refused(value: str) -> None:
    with pytest.raises(BadRequest):
        parse_wait(f"wait={value}", 60.0)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_finite_number_is_taken_to_the_nearer_end(number: float) -> None:
    assert parse_wait(f"wait={number!r}", 60.0) == min(max(number, WAIT_MIN_S), WAIT_MAX_S)


@given(st.text(max_size=40))
def test_any_text_gives_seconds_within_bounds_or_a_refusal(text: str) -> None:
    for prefer in (text, f"wait={text}"):
        try:
            seconds = parse_wait(prefer, 60.0)
        except BadRequest:
            continue
        assert math.isfinite(seconds)
        assert WAIT_MIN_S <= seconds <= WAIT_MAX_S


def test_a_preference_is_none_within_a_quoted_string() -> None:
    assert prefers("wait=1, Respond-Async", "respond-async")
    assert prefers("respond-async;a=b", "respond-async")
    assert not prefers('a="b, respond-async"', "respond-async")
    assert not prefers("x-respond-async", "respond-async")
