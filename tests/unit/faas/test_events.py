"""Events before the adapter reads them, and results after it made them."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grip_lambda.faas import NotWebSocket
from grip_lambda.faas.events import (
    Hold,
    header,
    hold_of,
    normalised,
    path_of,
    released,
    with_header,
    with_timeout,
)
from tests.support.gateway import event_v1, event_v2

SEGMENTS = st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), max_size=3)


@given(SEGMENTS)
def test_an_encoded_path_stays_as_it_is(segments: list[str]) -> None:
    path = "/" + "/".join(quote(one, safe="") for one in segments)

    for event in (event_v1("GET", path, [], b""), event_v2("GET", path, [], b"", decoded=False)):
        assert path_of(normalised(event)) == path


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="%/?")))
def test_a_decoded_path_is_encoded_again(name: str) -> None:
    event = event_v2("GET", f"/{quote(name, safe='')}", [], b"", decoded=True)

    path = path_of(normalised(event))

    assert path.isascii()
    assert unquote(path) == f"/{name}"


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/100%", "/100%25"), ("/%zz", "/%25zz"), ("/%41", "/%41"), ("", "/"), ("/a+b c", "/a+b%20c")],
)
def test_what_a_percent_sign_means(path: str, expected: str) -> None:
    event: dict[str, Any] = event_v2("GET", "/", [], b"") | {"rawPath": path}
    event["requestContext"]["http"]["path"] = path

    assert path_of(normalised(event)) == expected


@pytest.mark.parametrize(
    ("stage", "path", "expected"),
    [
        ("$default", "/lambda", "/lambda"),
        ("prod", "/prod/lambda", "/lambda"),
        ("prod", "/prod", "/"),
        ("prod", "/product", "/product"),
        (None, "/lambda", "/lambda"),
    ],
)
def test_the_stage_is_not_part_of_the_path(stage: str | None, path: str, expected: str) -> None:
    event = event_v2("GET", path, [], b"")
    event["requestContext"]["stage"] = stage

    assert path_of(normalised(event)) == expected


@pytest.mark.parametrize("make", [event_v1, event_v2])
def test_headers_that_would_mean_something_else_are_left_out(make: Any) -> None:
    fields = [("Meta_Lambda", "x"), ("grip_sig", "x"), ("Meta-Lambda", "y"), ("Grip-Sig", "y")]
    fields.append(("Transfer-Encoding", "chunked"))

    known = normalised(make("GET", "/", fields, b""))

    for member in ("headers", "multiValueHeaders"):
        names = {name.lower() for name in known.get(member) or ()}
        assert names <= {"meta-lambda", "grip-sig"}


def test_the_least_events_are_enough() -> None:
    assert path_of(normalised({"httpMethod": "GET"})) == "/"
    assert path_of(normalised({"requestContext": {"http": {"method": "GET"}}})) == "/"
    nothing: list[Any] = [None, {}, {"Records": []}, {"requestContext": {"elb": {}}}]
    for event in nothing:
        with pytest.raises(NotWebSocket):
            normalised(event)


@pytest.mark.parametrize("make", [event_v1, event_v2])
def test_a_header_is_set_in_every_member(make: Any) -> None:
    event = normalised(make("GET", "/", [("grip-LAST", "old"), ("X", "1")], b""))
    assert header(event, "Grip-Last") == "old"

    changed = with_header(event, "Grip-Last", "new")

    assert header(changed, "grip-last") == "new"
    for member in ("headers", "multiValueHeaders"):
        if member in changed:
            values = {k.lower(): v for k, v in changed[member].items()}
            assert values["grip-last"] in ("new", ["new"])
            assert values["x"] in ("1", ["1"])
            assert len(values) == len(changed[member])
    assert header(make("GET", "/", [], b""), "Grip-Last") == ""


@pytest.mark.parametrize("make", [event_v1, event_v2])
def test_several_headers_of_a_name_are_one(make: Any) -> None:
    assert header(make("GET", "/", [("Prefer", "wait=1"), ("prefer", "x")], b""), "Prefer") in (
        "wait=1,x",
        "wait=1",
    )


def test_a_hold_is_found_and_changed() -> None:
    headers = {"Grip-Hold": "response", "Grip-Channel": "c; prev-id=0", "Grip-Timeout": "61"}
    for result in (
        {"statusCode": 504, "headers": headers},
        {"statusCode": 504, "multiValueHeaders": {k: [v] for k, v in headers.items()}},
    ):
        assert hold_of(result) == Hold("c", "0", 61)
        assert hold_of(with_timeout(result, 7)) == Hold("c", "0", 7)
        assert released(result) == {
            "statusCode": 504,
            next(iter(result.keys() - {"statusCode"})): {},
        }


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Grip-Hold": "stream", "Grip-Channel": "c", "Grip-Timeout": "1"},
        {"Grip-Hold": "response", "Grip-Channel": "c"},
    ],
)
def test_what_is_not_held_as_a_response_is_none(headers: dict[str, str]) -> None:
    assert hold_of({"statusCode": 200, "headers": headers}) is None
