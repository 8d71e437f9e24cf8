"""Monologue as the Python client speaks it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from grip_lambda.client import errors, routing
from grip_lambda.client.messages import Failure, Result
from grip_lambda.client.routing import Answer, Identity, Request

ASKED = Request("a" * 16, "t", "x", [])


@pytest.mark.parametrize("text", ["AAAAbbbb0000-_zz", "1234", "[1]", '{"id":5}'])
def test_an_answer_to_whoami_that_is_the_bare_id(text: str) -> None:
    assert routing.identity(text) == Identity(text)


def test_an_answer_to_whoami_that_says_more() -> None:
    told = {"id": "i", "token": "t", "ping": 30, "limits": {"message": 100}, "more": 1}

    assert routing.identity(json.dumps(told).encode()) == Identity("i", "t", 30, 100)
    assert routing.identity('{"id":"i","token":1,"ping":-1,"limits":5}') == Identity("i")


@pytest.mark.parametrize(
    ("endpoint", "known", "url"),
    [
        ("ws://h/monologue", None, "ws://h/monologue?whoami=json&timeout=15"),
        ("ws://h/latest?a=1", Identity("i"), "ws://h/latest?a=1&whoami=json&timeout=15"),
        (
            "wss://h/p/monologue?private",
            Identity("i", "t+"),
            "wss://h/p/monologue/i?private&token=t%2B&whoami=json&timeout=15",
        ),
        (
            "ws://h/monologue/old?token=x",
            Identity("i", "t"),
            "ws://h/monologue/i?token=t&whoami=json&timeout=15",
        ),
    ],
)
def test_where_it_connects(endpoint: str, known: Identity | None, url: str) -> None:
    assert routing.connecting_url(endpoint, 15, known) == url


def message(kind: str, **data: Any) -> str:
    return json.dumps({"from": "s", "payload": {"type": kind, "data": {"token": "t", **data}}})


def test_messages() -> None:
    assert routing.parse(message("REQ", name="x", args=[1])) == Request("s", "t", "x", [1])
    assert routing.parse(message("REQ", name="x")) == Request("s", "t", "x", [])
    assert routing.parse(message("ACK", ret=[1])) == Answer("t", [1])
    assert routing.parse(message("ACK")) == Answer("t", None)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("not_found", errors.NotFound),
        ("busy", errors.Busy),
        ("disconnected", errors.Disconnected),
        ("deadline_exceeded", errors.DeadlineExceeded),
        ("unheard_of", errors.ServerError),
    ],
)
def test_refusals(code: str, kind: type[errors.LambdaError]) -> None:
    answer = routing.parse(message("NAK", error="why", code=code))

    assert isinstance(answer, Answer)
    assert isinstance(answer.error, kind)
    assert str(answer.error) == "why"


def test_an_error_of_a_listener() -> None:
    answer = routing.parse(message("NAK", error={"a": 1}))

    assert isinstance(answer, Answer)
    assert isinstance(answer.error, errors.RemoteError)
    assert answer.error.error == {"a": 1}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "5",
        "{}",
        '{"from":"s","payload":5}',
        message("EVT"),
        message("REQ", name=5),
        "[" * 100_000,
        '{"from":5,"payload":{"type":"ACK","data":{"token":"t"}}}',
    ],
    ids=lambda text: text[:30],
)
def test_what_is_of_no_use(text: str) -> None:
    assert routing.parse(text) is None


def test_answers() -> None:
    def told(outcome: Result | Failure, limit: int | None = None) -> Any:
        return json.loads(routing.answer(ASKED, outcome, limit))

    assert told(Result([1])) == {
        "to": "a" * 16,
        "payload": {"type": "ACK", "data": {"token": "t", "ret": [1]}},
    }
    assert told(Failure("no"))["payload"] == {"type": "NAK", "data": {"token": "t", "error": "no"}}
    for outcome, limit, kind in (
        (Result(object()), None, "NotJson"),
        (Result(float("nan")), None, "NotJson"),
        (Result("x" * 300), 300, "ResultTooLarge"),
    ):
        assert told(outcome, limit)["payload"]["data"]["error"]["errorType"] == kind
