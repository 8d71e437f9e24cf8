"""Kinds of calls and of waits: what a caller gets of an outcome."""

from __future__ import annotations

import pytest

from grip_lambda.hub.calls.kinds import (
    ASYNC,
    EVENT,
    KINDS,
    MCP_STREAM,
    PLAIN,
    STREAM,
    InvocationDetails,
    Kind,
    ToolCall,
    kind_of,
)
from grip_lambda.hub.calls.outcomes import DEADLINE_EXCEEDED, DISCONNECTED
from grip_lambda.hub.calls.replies import render, render_late
from grip_lambda.hub.calls.responses import HOST_HEADER, TOO_LATE, Response
from grip_lambda.hub.calls.waits import SAME, SAME_STREAM, SHOW, WAITS
from grip_lambda.store import Call, Outcome

ID, TOKEN = "A" * 16, "t" * 22
DETAILS = {
    "aws": InvocationDetails("r").encode(),
    "invoke": InvocationDetails("r").encode(),
    "mcp": ToolCall("1").encode(),
    "mcp stream": ToolCall("1", progress_token='"p"').encode(),
}
HELLO = Outcome.of_result(b'"hello"')


def a_call(kind: Kind, service: str = "") -> Call:
    return Call(TOKEN, ID, "n1", 0.0, kind.name, DETAILS.get(kind.name, ""), service=service)


@pytest.mark.parametrize("kind", KINDS.values(), ids=str)
def test_each_kind_answers_whatever_the_end_is(kind: Kind) -> None:
    call = a_call(kind)

    assert kind_of(call) is kind
    for outcome in (HELLO, DISCONNECTED, Outcome.of_host_error(b'"no"')):
        assert 200 <= render(call, outcome).status < 600
        assert render(call, outcome).body
    assert render_late(call).status in (200, 408, 504)


@pytest.mark.parametrize("kind", KINDS.values(), ids=str)
def test_the_host_of_a_service_is_named_whatever_the_kind(kind: Kind) -> None:
    call = a_call(kind, "name")

    assert render(call, HELLO).headers[HOST_HEADER] == ID
    assert render_late(call).headers[HOST_HEADER] == ID
    assert HOST_HEADER not in render(a_call(kind), HELLO).headers


def test_a_plain_caller_gets_the_outcome_as_it_is() -> None:
    assert render(a_call(PLAIN), HELLO) == Response(200, b'"hello"')
    assert render_late(a_call(PLAIN)) is TOO_LATE
    assert (TOO_LATE.status, TOO_LATE.body) == (DEADLINE_EXCEEDED.status, DEADLINE_EXCEEDED.body)


def test_some_callers_do_not_wait() -> None:
    assert [kind for kind in KINDS.values() if not kind.is_awaited] == [ASYNC, EVENT]


def test_a_streamed_call_ends_with_its_result_or_its_error() -> None:
    call = a_call(STREAM)

    assert STREAM.progress(call, b"1", lambda: b"") == b"progress 1"
    assert STREAM.last(call, HELLO) == b'result "hello"'
    assert STREAM.last(call, DISCONNECTED) == (
        b'error {"error":"lambda disconnected","code":"disconnected","status":502}'
    )
    event = STREAM.event(b'result "hello"', f"{TOKEN}.2")
    assert event == b'event: result\nid: %b.2\ndata: "hello"\n\n' % TOKEN.encode()


def test_an_agent_cannot_come_back_to_its_stream() -> None:
    call = a_call(MCP_STREAM)
    told = MCP_STREAM.progress(call, b'{"progress":1}', lambda: b"")

    assert told is not None
    assert b"id:" not in MCP_STREAM.event(told, f"{TOKEN}.1")
    assert b'"progressToken":"p"' in MCP_STREAM.event(told, f"{TOKEN}.1")
    assert (STREAM.can_return, MCP_STREAM.can_return) == (True, False)


def test_progress_that_no_agent_asked_for_is_not_kept() -> None:
    call = Call(TOKEN, ID, "n1", 0.0, MCP_STREAM.name, ToolCall("1").encode())

    assert MCP_STREAM.progress(call, b'{"progress":1}', lambda: b"") is None


def test_a_wait_shows_the_end_as_its_caller_wants_it() -> None:
    shown = Response(200, b'"hello"')

    assert SAME.shown(shown) == shown
    assert SAME_STREAM.shown(shown).body == b'event: result\ndata: "hello"\n\n'
    assert SHOW.shown(shown) == shown
    assert {name: kind.name for name, kind in WAITS.items()} == {name: name for name in WAITS}


def test_a_wait_that_is_over_before_the_end_says_so() -> None:
    call = a_call(ASYNC)

    assert SAME.unfinished(call) == TOO_LATE
    assert SAME_STREAM.unfinished(call).body.startswith(b"event: error\n")
    assert SHOW.unfinished(call).status == 202
