"""Events of API Gateway: every kind says the same, and nothing else is taken for one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grip_lambda.faas import NotWebSocket
from grip_lambda.faas.gateway import read
from tests.support.gateway import Fields, event_v1, event_v2

TYPE = ("Content-Type", "application/websocket-events")
NAMES = st.from_regex(r"X-[A-Za-z0-9-]{1,10}", fullmatch=True)
VALUES = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=","))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def events(fields: Fields, body: bytes) -> list[dict[str, Any]]:
    """Return all kinds of events for one request."""
    return [
        event_v1("POST", "/x", fields, body),
        event_v2("POST", "/x", fields, body),
        event_v2("POST", "/x", fields, body, decoded=False),
        event_v1("POST", "/x", fields, body) | {"multiValueHeaders": None},
    ]


@given(st.dictionaries(NAMES.map(str.lower), VALUES, max_size=5), st.binary(max_size=200))
def test_all_kinds_of_events_say_the_same(named: dict[str, str], body: bytes) -> None:
    fields = [TYPE, *((name.title(), value) for name, value in named.items())]

    for event in events(fields, body):
        request = read(event)
        assert (request.method, request.body) == ("POST", body)
        expected = {"content-type": [TYPE[1]]} | {name: [one] for name, one in named.items()}
        assert request.headers == expected


@given(st.lists(VALUES.filter(bool), min_size=2, max_size=4))
def test_a_header_that_comes_several_times_has_several_values(values: list[str]) -> None:
    fields = [TYPE, *(("X-Many", value) for value in values)]

    assert read(event_v1("POST", "/", fields, b"")).headers["x-many"] == values
    assert read(event_v2("POST", "/", fields, b"")).headers["x-many"] == [",".join(values)]


@pytest.mark.parametrize("headers", [None, {}, []])
def test_an_event_may_have_no_headers_and_no_body(headers: object) -> None:
    event = {"httpMethod": "get", "headers": headers, "multiValueHeaders": headers}

    request = read(event)

    assert (request.method, request.headers, request.body) == ("GET", {}, b"")


def test_a_header_in_one_member_only_is_found_in_either() -> None:
    event = {
        "httpMethod": "POST",
        "headers": {"X-One": "1", "x-both": "last"},
        "multiValueHeaders": {"X-Both": ["first", "last"], "X-Two": ["2"]},
    }

    assert read(event).headers == {"x-one": ["1"], "x-both": ["first", "last"], "x-two": ["2"]}


@pytest.mark.parametrize(
    "event",
    [
        None,
        [],
        "POST",
        {},
        {"httpMethod": None},
        {"requestContext": {"http": {}}},
        {"Records": []},
        {"httpMethod": "POST", "headers": {"X": 1}},
        {"httpMethod": "POST", "multiValueHeaders": {"X": [None]}},
        {"httpMethod": "POST", "body": {}},
        {"httpMethod": "POST", "body": "*", "isBase64Encoded": True},
        {"httpMethod": "POST", "body": "YQ", "isBase64Encoded": True},
        {"httpMethod": "POST", "body": "YQ=\n=", "isBase64Encoded": True},
        {"httpMethod": "POST", "body": "ä", "isBase64Encoded": True},
    ],
)
def test_what_is_no_event_of_a_gateway_is_refused(event: object) -> None:
    with pytest.raises(NotWebSocket):
        read(event)


@given(
    JSON,
    st.sampled_from(["httpMethod", "requestContext", "headers", "multiValueHeaders", "body"]),
    JSON,
)
def test_any_json_is_read_or_refused(whole: Any, member: str, value: Any) -> None:
    for event in (whole, {"httpMethod": "POST", "isBase64Encoded": whole, member: value}):
        try:
            request = read(event)
        except NotWebSocket:
            continue
        assert isinstance(request.body, bytes)
