"""A function that is invoked in process."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from typing import Any

import pytest
from hypothesis import given

from grip_lambda.client import BadRequest, RemoteError
from grip_lambda.client.context import Context as FunctionContext
from grip_lambda.mless import ClientContext, Context, FunctionInvoker, Invoker
from tests.unit.protocol.test_mless import CONTEXT, JSON


def soon(ms: int = 5000) -> int:
    return int(time.time() * 1000) + ms


def error_of(invoker: Invoker, event: Any = None, deadline: int | None = None) -> dict[str, Any]:
    with pytest.raises(RemoteError) as told:
        invoker.invoke(event, Context(), soon() if deadline is None else deadline)
    error: dict[str, Any] = told.value.error
    return error


@given(JSON, CONTEXT)
def test_a_function_gets_the_event_and_the_context(event: Any, context: Context) -> None:
    def function(event: Any, context: FunctionContext) -> Any:
        return [event, context.raw]

    deadline = soon()
    result, told = json.loads(FunctionInvoker(function).invoke(event, context, deadline))

    assert result == json.loads(json.dumps(event))
    assert told.pop("deadline") == deadline
    assert told.pop("env") == {}
    assert told == json.loads(context.encode())


async def slow(event: Any, context: FunctionContext) -> Any:
    await asyncio.sleep(0)
    return {"left": context.get_remaining_time_in_millis(), "of": context.client_context}


def test_a_coroutine() -> None:
    context = Context(client_context=ClientContext(custom={"a": "b"}))

    result = json.loads(FunctionInvoker(slow).invoke(1, context, soon()))

    assert 0 < result["left"] <= 5000
    assert result["of"] == {"custom": {"a": "b"}}


def fails(event: Any, context: FunctionContext) -> Any:
    if event == "remote":
        raise RemoteError([1])
    if event == "exit":
        raise SystemExit(3)
    if event == "nan":
        return float("nan")
    raise KeyError(event)


@pytest.mark.parametrize(
    ("event", "error"),
    [
        ("x", {"errorType": "KeyError", "errorMessage": "'x'"}),
        ("exit", {"errorType": "SystemExit", "errorMessage": "3"}),
        ("remote", [1]),
    ],
)
def test_errors(event: str, error: Any) -> None:
    assert error_of(FunctionInvoker(fails), event) == error


def test_what_is_not_json() -> None:
    assert error_of(FunctionInvoker(fails), "nan")["errorType"] == "ValueError"
    with pytest.raises(BadRequest):
        FunctionInvoker(fails).invoke({1, 2}, Context(), soon())


def test_a_function_that_does_not_end_in_time() -> None:
    release = threading.Event()
    began = time.monotonic()

    error = error_of(FunctionInvoker(lambda event, context: release.wait(20)), deadline=soon(200))

    release.set()
    assert time.monotonic() - began < 5
    assert error["errorType"] == "Timeout"
    assert error["errorMessage"].startswith("Task timed out after 0.")


def test_a_coroutine_is_cancelled_at_the_deadline() -> None:
    cancelled = threading.Event()

    async def waits(event: Any, context: FunctionContext) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    assert error_of(FunctionInvoker(waits), deadline=soon(100))["errorType"] == "Timeout"
    assert cancelled.wait(5)


def test_a_deadline_that_has_passed() -> None:
    ran = threading.Event()

    error = error_of(FunctionInvoker(lambda event, context: ran.set()), deadline=soon(-1))

    assert error["errorType"] == "Timeout"
    assert not ran.is_set()
