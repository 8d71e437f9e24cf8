"""Traces that calls are part of: hosts are told of them, and a call is a span of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.integration.conftest import HostFactory
from tests.support.clients import Socket, call, calling
from tests.support.otlp import Receiver, receiving
from tests.support.stack import Stack, wait_until

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{SPAN}-01"
STATE = "vendor=a1,other@tenant=b2"
PARTS = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")


def env_of(url: str, host: Socket, path: str = "", **headers: str) -> dict[str, str]:
    """Call a host that is told the context, and return the environment that it is told."""
    asked = calling(url, host.id, path or "traced", headers=headers)
    message = host.receive()
    host.answer(message, result=None)
    assert asked.result(10).status_code == 200
    env: dict[str, str] = message["params"][1].get("env") or {}
    return env


@pytest.fixture
def told(stack: Stack) -> Iterator[Socket]:
    """A host that is told the context of its calls."""
    yield from telling(stack)


def telling(stack: Stack) -> Iterator[Socket]:
    host = Socket(stack.ws_url)
    host.open({"ok": True, "context": True})
    wait_until(lambda: host.id in stack.listing(), what="the listing")
    yield host
    host.close()


@pytest.mark.bare_too
def test_a_host_is_told_of_the_trace(stack: Stack, told: Socket) -> None:
    env = env_of(stack.url, told, traceparent=PARENT, tracestate=STATE)

    assert env == {"TRACEPARENT": PARENT, "TRACESTATE": STATE}


def test_a_later_version_is_read_as_far_as_it_is_known(stack: Stack, told: Socket) -> None:
    env = env_of(stack.url, told, traceparent=f"01-{TRACE}-{SPAN}-03-more")

    assert env == {"TRACEPARENT": f"00-{TRACE}-{SPAN}-03"}


@pytest.mark.parametrize(
    "parent",
    [
        *("", "x", f"00-{TRACE}-{SPAN}", f"00-{TRACE}-{SPAN}-1", f"00-{TRACE}-{SPAN}-01-more"),
        *(f"ff-{TRACE}-{SPAN}-01", f"00-{'0' * 32}-{SPAN}-01", f"00-{TRACE}-{'0' * 16}-01"),
        *(PARENT.upper(), f"00-{TRACE}-{SPAN}-0g", f"{PARENT},{PARENT}", "x" * 5000),
    ],
)
def test_what_is_no_trace_is_dropped(stack: Stack, told: Socket, parent: str) -> None:
    assert env_of(stack.url, told, traceparent=parent, tracestate=STATE) == {}


@pytest.mark.parametrize(
    "state", ["", "novalue", "A=1", "a=1,a=2", "a=" + "x" * 300, "a=\u00e9", "a=1," * 40 + "b=1"]
)
def test_a_malformed_state_is_dropped_alone(stack: Stack, told: Socket, state: str) -> None:
    answer = env_of(stack.url, told, traceparent=PARENT, tracestate=state.encode().decode("latin1"))

    assert answer == {"TRACEPARENT": PARENT}


def test_a_trace_of_the_request_takes_the_place_of_one_in_its_env(
    stack: Stack, told: Socket
) -> None:
    def invoke(**headers: str) -> dict[str, str]:
        request = {"event": 1, "env": {"TRACEPARENT": "mine", "TRACESTATE": "x=1", "A": "b"}}
        with ThreadPoolExecutor(1) as pool:
            url = f"{stack.url}/invoke/{told.id}/traced"
            asked = pool.submit(requests.post, url, json=request, headers=headers, timeout=10)
            message = told.receive()
            told.answer(message, result=None)
            assert asked.result().status_code == 200
        env: dict[str, str] = message["params"][1]["env"]
        return env

    assert invoke(traceparent=PARENT) == {"TRACEPARENT": PARENT, "A": "b"}
    assert invoke() == {"TRACEPARENT": "mine", "TRACESTATE": "x=1", "A": "b"}


def test_a_host_that_is_not_told_the_context_sees_nothing(stack: Stack, host: HostFactory) -> None:
    one = host()
    call(stack.url, one.id, body="1", headers={"traceparent": PARENT})

    assert one.seen[0]["params"] == [1]


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as one:
        yield one


@pytest.fixture(scope="module")
def traced(receiver: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that sends spans."""
    settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, "OTEL_BSP_SCHEDULE_DELAY": "50"}
    running = Stack(tmp_path_factory.mktemp("traced"), **settings)
    yield running
    running.stop()


@pytest.fixture
def known(traced: Stack) -> Iterator[Socket]:
    yield from telling(traced)


def test_a_call_is_a_span_between_the_callers_and_the_hosts(
    traced: Stack, known: Socket, receiver: Receiver
) -> None:
    env = env_of(traced.url, known, "between", traceparent=PARENT, tracestate=STATE)

    span = receiver.wait_for("between")
    told = PARTS.fullmatch(env["TRACEPARENT"])

    assert told is not None
    assert told.groups() == (TRACE, span.span_id, "01")
    assert env["TRACESTATE"] == STATE
    assert (span.trace_id, span.parent_id, span.state) == (TRACE, SPAN, STATE)
    assert (span.name, span.service) == ("call between", "grip-lambda")
    assert span.kind == 2  # a server's
    assert not span.is_error
    assert span.attributes["rpc.service"] == known.id
    assert span.attributes["client.address"] == "127.0.0.1"
    assert span.attributes["http.response.status_code"] == 200
    assert span.attributes["grip_lambda.outcome"] == "ok"


def test_a_call_without_a_trace_begins_one(
    traced: Stack, known: Socket, receiver: Receiver
) -> None:
    env = env_of(traced.url, known, "root")

    span = receiver.wait_for("root")

    assert span.parent_id == ""
    assert env["TRACEPARENT"] == f"00-{span.trace_id}-{span.span_id}-01"


def test_a_caller_who_records_nothing_has_nothing_recorded(
    traced: Stack, known: Socket, receiver: Receiver
) -> None:
    env = env_of(traced.url, known, "unsampled", traceparent=f"00-{TRACE}-{SPAN}-00")
    env_of(traced.url, known, "sampled", traceparent=PARENT)
    receiver.wait_for("sampled")

    assert env["TRACEPARENT"].startswith(f"00-{TRACE}-")
    assert env["TRACEPARENT"].endswith("-00")
    assert "unsampled" not in {one.attributes["rpc.method"] for one in receiver.spans}


def test_a_span_tells_how_its_call_has_ended(
    traced: Stack, known: Socket, receiver: Receiver
) -> None:
    asked = calling(traced.url, known.id, "fails")
    known.answer(known.receive(), error="no")
    asked.result(10)
    call(traced.url, known.id, "late", wait=0.5)  # handed over: it ends in whichever process

    failed, late = receiver.wait_for("fails"), receiver.wait_for("late")

    assert failed.is_error
    assert failed.attributes["grip_lambda.outcome"] == "error"
    assert late.is_error
    assert late.attributes["grip_lambda.outcome"] == "deadline_exceeded"
    assert 0.4 < late.seconds < 10


def test_a_receiver_that_has_gone_holds_nothing_up(
    traced: Stack, known: Socket, receiver: Receiver
) -> None:
    receiver.stop()  # so this is the last test here

    for _ in range(10):
        env_of(traced.url, known, "unsent")

    assert "Traceback" not in traced.log.read_text()
