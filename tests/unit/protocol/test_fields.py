"""Header fields that are lists."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grip_lambda.protocol.fields import accepted, best, preferences, split

JSON, STREAM = KINDS = ("application/json", "text/event-stream")


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("text/event-stream", STREAM),
        ("Text/Event-Stream ; charset=utf-8", STREAM),
        ('text/event-stream;a="b, application/json;q=1"', STREAM),
        ("text/event-stream, */*", STREAM),
        ("*/*, text/event-stream", STREAM),
        ("text/event-stream;q=0.5, application/json;q=0.4", STREAM),
        ("text/*", STREAM),
        ("application/json", JSON),
        ("application/json, text/event-stream", JSON),
        ("application/json;q=0.5, text/event-stream;q=0.4", JSON),
        ("*/*", JSON),
        ("*/*, text/event-stream;q=0", JSON),
        ("text/html", None),
        ("text/event-stream;q=0", None),
        ("text/event-stream;q=2", None),
        ("text/event-stream;q=nan", None),
        ("", None),
        (",;=", None),
    ],
)
def test_a_client_gets_what_it_accepts_best(accept: str, chosen: str | None) -> None:
    assert best(accept, KINDS) == chosen


def test_what_is_accepted_comes_in_the_order_of_its_quality() -> None:
    assert accepted("a/b;q=0.1, C/D, e/f;x=y;Q=0.5, g/h;q=x") == [
        ("c/d", 1.0),
        ("e/f", 0.5),
        ("a/b", 0.1),
    ]


def test_a_preference_has_a_name_and_a_value() -> None:
    assert preferences(r'a, B = c;d=e, f="g, \"h\"", a=2') == {"a": "", "b": "c", "f": 'g, "h"'}


@given(st.lists(st.text(st.sampled_from('ab ;="\\\t'), max_size=8), min_size=1, max_size=8))
def test_splitting_loses_nothing(parts: list[str]) -> None:
    text = ",".join(parts)

    found = split(text, ",")

    assert ",".join(found) == text
    if '"' not in text:
        assert found == parts


def test_nobody_is_listened_to_for_ever() -> None:
    assert len(split("a," * 1000, ",")) == len(split('"",' * 1000, ",")) == 100
