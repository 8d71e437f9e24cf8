"""AWS Lambda's Invoke: names, headers, and the responses that its clients understand."""

from __future__ import annotations

import contextlib
import json
from base64 import b64decode, b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grip_lambda.errors import BadRequest, InvalidParameter
from grip_lambda.hub.calls import InvocationDetails, outcomes
from grip_lambda.hub.calls.kinds import AWS
from grip_lambda.hub.calls.replies import render, render_late
from grip_lambda.protocol import aws
from grip_lambda.protocol.aws import Function
from grip_lambda.store import Call

ID = "A" * 16
ARN = f"arn:aws:lambda:eu-west-1:123456789012:function:{ID}"
METHODS = st.text(min_size=1).filter(lambda one: "/" not in one and one != "$LATEST")


@pytest.mark.parametrize("prefix", ["", "123456789012:function:", "123456789012:", "function:"])
@given(METHODS)
def test_a_qualifier_stands_behind_the_name_or_apart(prefix: str, method: str) -> None:
    expected = Function(ID, method)

    assert aws.function(f"{prefix}{ID}:{method}", "") == expected
    assert aws.function(f"{prefix}{ID}:{method}", method) == expected
    assert aws.function(f"{prefix}{ID}", method) == expected


def test_a_whole_arn_is_kept() -> None:
    assert aws.function(ARN, "m") == Function(ID, "m", f"{ARN}:m")
    assert aws.function(f"{ARN}:m", "") == Function(ID, "m", f"{ARN}:m")
    assert aws.function(f"{ID}:function", "") == Function(ID, "function")


@pytest.mark.parametrize(
    ("name", "qualifier"),
    [(ID, ""), (f"{ID}:", ""), ("", "m"), (":m", ""), (f"{ID}:a", "b"), (ID, "a/b"), (ARN, "")],
)
def test_what_names_no_method(name: str, qualifier: str) -> None:
    with pytest.raises(InvalidParameter):
        aws.function(name, qualifier)


@given(st.text(), st.text())
def test_any_name_is_read_or_refused(name: str, qualifier: str) -> None:
    with contextlib.suppress(InvalidParameter):
        assert aws.function(name, qualifier).method


@given(st.text() | st.binary().map(lambda text: b64encode(text).decode()))
def test_any_client_context_is_read_or_refused(header: str) -> None:
    with contextlib.suppress(BadRequest):
        assert (aws.client_context(header) is None) == (header == "")


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b"5", b'{"client":5}', b'{"custom":[]}', b'{"env":"x"}']
)
def test_bad_client_contexts(text: bytes) -> None:
    with pytest.raises(InvalidParameter):
        aws.client_context(b64encode(text).decode() or "%")


def test_a_client_context_is_passed_on_as_it_came() -> None:
    text = b'{"custom":{"n":1.0},"env":null,"client":{"app_version_code":7},"x":[1, 2]}'

    read = aws.client_context(b64encode(text).decode())

    assert read is not None
    assert read.encode() == text


@given(st.lists(st.text(), max_size=5), st.integers(0, 5000))
def test_the_tail_is_the_end_of_the_lines(lines: list[str], length: int) -> None:
    whole = "\n".join([*lines, "x" * length]).encode()

    assert b64decode(aws.tail([*lines, "x" * length])) == whole[-4096:]


def call(kind: str) -> Call:
    return Call("token", ID, "n1", 0, kind, InvocationDetails("the-id", tail=True).encode())


def test_what_never_reached_its_host_may_be_sent_again() -> None:
    response = AWS.response(call("aws"), outcomes.UNAVAILABLE)

    assert response.status == 503
    assert response.headers["x-amzn-ErrorType"] == "ServiceException"
    assert response.headers["x-amzn-RequestId"] == "the-id"


def test_what_pushpin_sends_by_itself_is_not_repeated_and_leaves_no_trace_in_a_result() -> None:
    late = AWS.late(call("aws"))

    assert late.status == 408
    assert json.loads(late.body)["message"]
    result = render(call("aws"), outcomes.DEADLINE_EXCEEDED)
    assert late.headers.items() <= result.headers.items()


@pytest.mark.parametrize(("kind", "status"), [("http", 504), ("invoke", 200), ("aws", 408)])
def test_each_kind_has_its_response_for_when_no_backend_is_left(kind: str, status: int) -> None:
    assert render_late(call(kind)).status == status
