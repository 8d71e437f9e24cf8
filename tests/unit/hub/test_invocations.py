"""How calls look as invocations: deadlines, errors, and what hosts say beside their results."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grip_lambda.hub.calls import InvocationDetails, bounded_wait, outcomes
from grip_lambda.hub.calls.kinds import INVOKE, error_of
from grip_lambda.hub.calls.outcomes import MAX_LOGS, HostRemarks, remarks_of
from grip_lambda.protocol.jsonrpc import Answer
from grip_lambda.store import Call, Outcome
from tests.unit.protocol.test_mless import JSON

ANSWER = Answer("token", b"", False)


def answered(value: Any, *, is_error: bool = False) -> Outcome:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return outcomes.outcome_of_answer(Answer("token", text, is_error), context=True)


def replied(outcome: Outcome) -> dict[str, Any]:
    details = InvocationDetails("the-id").encode()
    now = time.time()
    call = Call("token", "A" * 16, "n1", now + 60, "invoke", details, created=now - 0.25)
    response = INVOKE.response(call, outcome)
    assert response.status == 200
    reply: dict[str, Any] = json.loads(response.body)
    return reply


@pytest.mark.parametrize(
    ("given_ms", "deadline_ms", "wait_s"),
    [
        (0, 0, 60),
        (5000, 0, 5),
        (90_000, 0, 60),
        (0, 1_010_000, 10),
        (20_000, 1_010_000, 10),
        (1, 0, 0.05),
        (-5, 0, 0.05),
        (0, 5, 0.05),
        (0, -5, 0.05),
        (2**63 - 1, 2**63 - 1, 60),
    ],
)
def test_the_nearest_deadline_counts(given_ms: int, deadline_ms: int, wait_s: float) -> None:
    assert bounded_wait(60, given_ms, deadline_ms, now=1000.0) == wait_s


@pytest.mark.parametrize(
    ("error", "kind", "result"),
    [
        ("boom", "Error", {"errorMessage": "boom", "errorType": "Error"}),
        ({"message": "m"}, "Error", {"errorMessage": "m", "errorType": "Error"}),
        (
            {"errorMessage": "m", "errorType": "Oops", "n": 1},
            "Oops",
            {"errorMessage": "m", "errorType": "Oops", "n": 1},
        ),
        ({"errorType": "Oops", "message": "m"}, "Oops", {"errorMessage": "m", "errorType": "Oops"}),
        ([1, 2], "Error", {"errorMessage": "[1, 2]", "errorType": "Error"}),
        ({"message": 5}, "Error", {"errorMessage": '{"message": 5}', "errorType": "Error"}),
        (5, "Error", {"errorMessage": "5", "errorType": "Error"}),
        (
            {"errorType": 5, "errorMessage": "m"},
            "Error",
            {"errorType": 5, "errorMessage": "m"},
        ),
    ],
)
def test_errors_have_a_message_and_a_type(error: Any, kind: str, result: Any) -> None:
    reply = replied(answered(error, is_error=True))

    assert reply["errors"] is True
    assert reply["errortype"] == kind
    assert reply["result"] == result
    assert reply["invokeid"] == "the-id"


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        (outcomes.DISCONNECTED, "Disconnected"),
        (outcomes.DEADLINE_EXCEEDED, "Timeout"),
        (Outcome.of_failure(502, "result_too_large", "too large"), "ResultTooLarge"),
    ],
)
def test_calls_without_an_answer_are_errors_too(outcome: Outcome, kind: str) -> None:
    error = error_of(outcome)
    assert error is not None
    assert not error.handled

    reply = replied(outcome)

    assert reply["errortype"] == kind
    assert reply["result"]["errorType"] == kind
    assert reply["result"]["errorMessage"] == json.loads(outcome.body)["error"]


def test_what_never_reached_its_host_is_told_as_to_everybody() -> None:
    call = Call("token", "A" * 16, "n1", 0, "invoke", InvocationDetails("i").encode())

    response = INVOKE.response(call, outcomes.UNAVAILABLE)

    assert (response.status, response.body) == (503, outcomes.UNAVAILABLE.body)


def test_an_invoke_reply_is_taken_apart() -> None:
    outcome = answered(
        {
            "result": {"a": 1},
            "errortype": "",
            "invokeid": "the host's own",
            "billing": {"duration": 9e9, "memory": "128 MB", "used": 31, "more": 1},
            "logs": ["one", "two"],
        }
    )

    assert (outcome.status, outcome.body) == (200, b'{"a": 1}')
    reply = replied(outcome)
    duration = reply["billing"].pop("duration")
    assert 250 <= duration < 5000
    assert reply == {
        "result": {"a": 1},
        "errortype": "",
        "invokeid": "the-id",
        "billing": {"memory": "128 MB", "used": 31},
        "logs": ["one", "two"],
    }


def test_an_invoke_reply_may_be_an_error() -> None:
    outcome = answered({"errortype": "Oops", "errors": True, "result": "boom", "logs": ["x"]})

    assert (outcome.status, json.loads(outcome.body)) == (400, {"error": "boom"})
    reply = replied(outcome)
    assert reply["errortype"] == "Oops"
    assert reply["result"] == {"errorMessage": "boom", "errorType": "Oops"}
    assert reply["logs"] == ["x"]


@pytest.mark.parametrize(
    "result",
    [
        {"errortype": "", "result": 1, "foreign": 1},
        {"result": 1, "errors": True, "logs": []},
        {"Errortype": ""},
        ["errortype"],
        "errortype",
        None,
    ],
)
def test_other_objects_are_results(result: Any) -> None:
    assert answered(result) == Outcome(200, json.dumps(result).encode())


@pytest.mark.parametrize("errors", [1, "true", [True], {}, None, False])
def test_only_true_makes_an_error(errors: Any) -> None:
    outcome = answered({"errortype": "E", "errors": errors, "result": 5})

    assert (outcome.status, outcome.body) == (200, b"5")


@pytest.mark.parametrize("wrong", [5, "x", [1], {"memory": 1, "used": "x"}, {"used": True}, None])
def test_members_of_wrong_types_say_nothing(wrong: Any) -> None:
    outcome = answered({"errortype": wrong, "billing": wrong, "logs": {"a": wrong}, "invokeid": 5})

    assert outcome.body == b"null"
    assert remarks_of(outcome) == HostRemarks("x" if wrong == "x" else "")


def test_numbers_beyond_all_bounds_say_nothing() -> None:
    text = b'{"errortype":"","billing":{"used":%b},"logs":["x",%b]}' % (b"9" * 30, b"9" * 5000)

    assert remarks_of(answered(text)) == HostRemarks()


def test_half_a_character_in_a_line_is_replaced() -> None:
    outcome = answered(b'{"errortype":"\\ud800","logs":["a\\udc00b"],"result":"\\ud800"}')

    assert remarks_of(outcome) == HostRemarks("?", logs=["a?b"])
    assert outcome.body == b'"\\ud800"'


@given(st.lists(st.text() | JSON, max_size=5), st.integers(0, 3))
def test_the_last_of_the_logs_are_kept(lines: list[Any], enormous: int) -> None:
    lines = ["é" * MAX_LOGS] * enormous + lines

    kept = remarks_of(answered({"errortype": "", "logs": lines})).logs

    assert kept is not None
    texts = [line for line in lines if isinstance(line, str)]
    assert "\n".join(texts).endswith("\n".join(kept))
    size = len("\n".join(kept).encode())
    assert size < MAX_LOGS
    if enormous:
        assert size > MAX_LOGS - 10
    else:
        assert kept == texts


@given(JSON)
def test_any_error_becomes_one_with_a_message_and_a_type(error: Any) -> None:
    if error is not None:
        reply = replied(answered(error, is_error=True))

        assert {"errorMessage", "errorType"} <= reply["result"].keys()
        assert isinstance(reply["errortype"], str)


@given(JSON)
def test_any_result_of_a_host_without_context_stays_as_it_is(result: Any) -> None:
    text = json.dumps(result).encode()

    assert outcomes.outcome_of_answer(Answer("token", text, False)) == Outcome(200, text)
