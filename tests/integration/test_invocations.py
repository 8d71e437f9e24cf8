"""``POST /invoke/…``, and hosts that get the context of each call."""

from __future__ import annotations

import json
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
import requests

from grip_lambda import mless
from grip_lambda.client import Client, Context, Host, NotFound, RemoteError
from grip_lambda.mless import Invoker, LambdaInvoker
from tests.integration.conftest import SocketFactory
from tests.support.clients import Socket, call
from tests.support.stack import Stack

CONTEXT = {"ok": True, "context": True}


def invoke(
    stack: Stack, lambda_id: str, request: Any, method: str = "test", **options: Any
) -> requests.Response:
    return requests.post(
        f"{stack.url}/invoke/{lambda_id}/{method}",
        data=request if isinstance(request, bytes) else json.dumps(request),
        timeout=30,
        **options,
    )


def in_background(function: Any, *args: Any, **options: Any) -> Future[requests.Response]:
    pool = ThreadPoolExecutor(1)
    future: Future[requests.Response] = pool.submit(function, *args, **options)
    pool.shutdown(wait=False)
    return future


def answered(stack: Stack, host: Socket, request: Any, **answer: Any) -> dict[str, Any]:
    """Invoke a host that answers so; return the reply."""
    future = in_background(invoke, stack, host.id, request)
    host.answer(host.receive(), **answer)
    response = future.result(10)
    assert response.status_code == 200, response.text
    reply: dict[str, Any] = response.json()
    return reply


def test_a_plain_host_is_invoked(stack: Stack, opened: SocketFactory) -> None:
    host = opened()
    future = in_background(
        invoke, stack, host.id, {"context": {"aws_request_id": "r-1"}, "event": {"n": 1.0}}
    )
    message = host.receive()
    time.sleep(0.1)  # what it takes
    host.answer(message, result=[1])
    reply = future.result(10).json()

    assert message["method"] == "test"
    assert message["params"] == [{"n": 1.0}]
    duration = reply["billing"].pop("duration")
    assert 100 <= duration < 5000
    assert reply == {"result": [1], "errortype": "", "invokeid": "r-1", "billing": {}}


def test_a_host_gets_the_context_of_an_invocation(stack: Stack, opened: SocketFactory) -> None:
    host = opened(CONTEXT)
    context = {
        "aws_request_id": "r-2",
        "client_context": {"client": {"app_title": "t", "x": 1}, "custom": {"a": "b"}},
        "identity": {"cognitoIdentityId": "i", "y": [2]},
        "invoked_function_arn": "arn:mine",
        "z": None,
    }
    began = time.time()
    future = in_background(
        invoke,
        stack,
        host.id,
        {"context": context, "event": "e", "env": {"LANG": "de"}, "remaining": 5000},
        headers={"Prefer": "wait=20"},
    )
    message = host.receive()
    event, given = message["params"]
    host.answer(
        message,
        result={
            "errortype": "",
            "result": {"done": True},
            "invokeid": "ignored",
            "billing": {"duration": 1e9, "memory": "128 MB", "used": 31},
            "logs": ["a line"],
        },
    )
    reply = future.result(10).json()

    assert event == "e"
    assert began + 4.9 < given.pop("deadline") / 1000 < time.time() + 5
    assert given == {**context, "env": {"LANG": "de"}}
    assert reply["billing"].pop("duration") < 5000
    assert reply == {
        "result": {"done": True},
        "errortype": "",
        "invokeid": "r-2",
        "billing": {"memory": "128 MB", "used": 31},
        "logs": ["a line"],
    }


def test_a_host_gets_the_context_of_a_plain_call(stack: Stack, opened: SocketFactory) -> None:
    host = opened(CONTEXT)
    future = in_background(call, stack.url, host.id, "näme", '{"b":1.0}', wait=7)
    message = host.receive()
    event, given = message["params"]
    host.answer(message, result={"errortype": "", "result": 5, "logs": ["x"]})
    response = future.result(10)

    assert (response.status_code, response.text) == (200, "5")
    assert event == {"b": 1.0}
    assert 5 < given.pop("deadline") / 1000 - time.time() < 7
    assert given.pop("aws_request_id")
    assert given == {
        "client_context": None,
        "identity": None,
        "invoked_function_arn": f"arn:aws:lambda:local:000000000000:function:{host.id}:näme",
        "env": {},
    }


def test_two_calls_have_two_ids(stack: Stack, opened: SocketFactory) -> None:
    host = opened(CONTEXT)
    futures = [in_background(invoke, stack, host.id, {}) for _ in range(2)]
    messages = [host.receive() for _ in futures]
    for message in messages:
        host.answer(message, result=message["params"][1]["aws_request_id"])
    replies = [future.result(10).json() for future in futures]

    assert all(reply["result"] == reply["invokeid"] for reply in replies)
    assert replies[0]["invokeid"] != replies[1]["invokeid"]


@pytest.mark.parametrize(
    ("result", "status", "body"),
    [
        ({"errortype": "E", "errors": True, "result": {"m": 1}}, 400, {"error": {"m": 1}}),
        ({"errortype": "E", "errors": "true", "result": {"m": 1}}, 200, {"m": 1}),
        ({"errortype": 5, "billing": "x", "logs": 7}, 200, None),
        ({"errortype": "", "result": 1, "foreign": 1}, 200, ...),
        ({"result": 1}, 200, ...),
        ({"errortype": "", "result": 1, "logs": ["x" * 90_000]}, 200, 1),
    ],
)
def test_what_plain_callers_get_of_a_reply(
    stack: Stack, opened: SocketFactory, result: Any, status: int, body: Any
) -> None:
    host = opened(CONTEXT)
    future = in_background(call, stack.url, host.id)
    host.answer(host.receive(), result=result)
    response = future.result(10)

    assert response.status_code == status
    assert response.json() == (result if body is ... else body)


def test_a_host_without_context_may_return_such_an_object(
    stack: Stack, opened: SocketFactory
) -> None:
    host = opened()
    result = {"errortype": "E", "errors": True, "result": 1}

    assert answered(stack, host, {}, result=result)["result"] == result
    assert answered(stack, host, {}, result=result)["errortype"] == ""


def test_an_error_of_the_host(stack: Stack, opened: SocketFactory) -> None:
    host = opened()

    reply = answered(stack, host, {}, error="boom")

    assert reply["errors"] is True
    assert reply["errortype"] == "Error"
    assert reply["result"] == {"errorMessage": "boom", "errorType": "Error"}


def test_a_host_that_goes_away(stack: Stack, opened: SocketFactory) -> None:
    host = opened()
    future = in_background(invoke, stack, host.id, {})
    host.receive()
    host.close()
    response = future.result(10)

    assert response.status_code == 200
    reply = response.json()
    assert (reply["errors"], reply["errortype"]) == (True, "Disconnected")
    assert reply["result"] == {"errorMessage": "lambda disconnected", "errorType": "Disconnected"}


@pytest.mark.parametrize("how", ["remaining", "deadline", "prefer"])
def test_a_deadline_that_passes(stack: Stack, opened: SocketFactory, how: str) -> None:
    host = opened(CONTEXT)
    request = {
        "remaining": {"remaining": 1300},
        "deadline": {"deadline": int((time.time() + 1.3) * 1000)},
        "prefer": {"remaining": 20_000},
    }[how]
    prefer = {"Prefer": "wait=1.3"} if how == "prefer" else {}
    began = time.monotonic()
    response = invoke(stack, host.id, request, headers=prefer)
    took = time.monotonic() - began

    # By then Pushpin has repeated the request once, and the host must not have heard of it.
    assert 1.2 < took < 2.5
    assert response.status_code == 200
    reply = response.json()
    assert (reply["errors"], reply["errortype"]) == (True, "Timeout")
    assert reply["result"]["errorType"] == "Timeout"
    assert 1200 < reply["billing"]["duration"] < 2500
    assert abs(host.receive()["params"][1]["deadline"] / 1000 - time.time()) < 2
    with pytest.raises(TimeoutError):
        host.receive(0.1)


@pytest.mark.parametrize(
    ("request_", "status", "code", "said"),
    [
        (b"", 400, "bad_request", "JSON"),
        (b"{", 400, "bad_request", "JSON"),
        (b"[]", 400, "bad_request", "a ProxyRequest must be a JSON object"),
        ({"context": {"aws_request_id": 1}}, 400, "bad_request", "context.aws_request_id"),
        ({"env": {"a": 1}}, 400, "bad_request", "env"),
        ({"remaining": "5"}, 400, "bad_request", "remaining"),
        ({"deadline": 1.5}, 400, "bad_request", "deadline"),
        (b'{"event":' + b"[" * 501 + b"]" * 501 + b"}", 400, "bad_request", "nested"),
        (b'{"context":{"x":' + b"[" * 501 + b"]" * 501 + b"}}", 400, "bad_request", "nested"),
        ({"event": "x" * 6_291_456}, 413, "too_large", "6291456"),
    ],
)
def test_bad_requests(
    stack: Stack, opened: SocketFactory, request_: Any, status: int, code: str, said: str
) -> None:
    host = opened()
    response = invoke(stack, host.id, request_)

    assert response.status_code == status
    assert response.json()["code"] == code
    assert said in response.json()["error"]
    with pytest.raises(TimeoutError):
        host.receive(0.05)


@pytest.mark.parametrize(
    ("lambda_id", "method", "status", "code"),
    [
        ("A" * 16, "test", 404, "not_found"),
        ("short", "test", 400, "bad_request"),
        (None, "open", 400, "bad_request"),
        (None, "rpc.cancel", 400, "bad_request"),
        (None, "a%00b", 400, "bad_request"),
        (None, "%ff", 400, "bad_request"),
    ],
)
def test_bad_addresses(
    stack: Stack,
    opened: SocketFactory,
    lambda_id: str | None,
    method: str,
    status: int,
    code: str,
) -> None:
    response = invoke(stack, lambda_id or opened().id, {}, method)

    assert response.status_code == status
    assert response.json()["code"] == code


def test_other_verbs_are_not_allowed(stack: Stack) -> None:
    response = requests.get(f"{stack.url}/invoke/{'A' * 16}/test", timeout=10)

    assert response.status_code == 405
    assert response.json()["code"] == "method_not_allowed"


def test_a_busy_host(stack: Stack, opened: SocketFactory) -> None:
    host = opened({**CONTEXT, "max_calls": 1})
    first = in_background(invoke, stack, host.id, {})
    message = host.receive()
    second = invoke(stack, host.id, {})
    host.answer(message, result=1)

    assert (second.status_code, second.json()["code"]) == (429, "busy")
    assert first.result(10).json()["result"] == 1


def test_bytes_are_not_changed(stack: Stack, opened: SocketFactory) -> None:
    host = opened(CONTEXT)
    event = b'{"z": 1.0,"a":12345678901234567890123456789,"s":"\\ud800"}'
    future = in_background(invoke, stack, host.id, b'{"event":' + event + b"}")
    text = host.socket.recv(10)
    assert isinstance(text, str)
    token = json.loads(text)["id"]
    host.socket.send(f'{{"id":"{token}","result":{{"errortype":"","result":{event.decode()}}}}}')

    assert event.decode() in text
    assert b'"result":' + event in future.result(10).content


def test_the_python_host_has_a_context(stack: Stack) -> None:
    host = Host(stack.url, context=True)

    @host.method
    def plain(body: Any) -> Any:
        return {"errortype": "mine", "errors": True, "result": body}

    @host.method
    async def told(body: Any, context: Context) -> Any:
        context.log(f"asked for {body}")
        context.bill(memory="128 MB", used=31)
        assert 0 < context.get_remaining_time_in_millis() <= 5000
        return [context.aws_request_id, context.env, context.client_context]

    @host.method
    def fails(body: Any, context: Context) -> Any:
        context.log("before")
        raise ValueError(body)

    request = {"event": "x", "env": {"A": "b"}, "context": {"aws_request_id": "r"}}
    with host:
        replies = [
            invoke(stack, host.id, {**request, "remaining": 5000}, method).json()
            for method in ("plain", "told", "fails", "missing")
        ]
        called = call(stack.url, host.id, "fails", '"no"')

    assert replies[0]["result"] == {"errortype": "mine", "errors": True, "result": "x"}
    assert replies[1]["result"] == ["r", {"A": "b"}, None]
    assert replies[1]["logs"] == ["asked for x"]
    assert replies[1]["billing"]["memory"] == "128 MB"
    assert replies[1]["billing"]["used"] == 31
    assert replies[2]["errors"] is True
    assert replies[2]["errortype"] == "ValueError"
    assert replies[2]["result"] == {"errorType": "ValueError", "errorMessage": "x"}
    assert replies[2]["logs"] == ["before"]
    assert replies[3]["errortype"] == "NoSuchMethod"
    assert called.status_code == 400
    assert called.json() == {"error": {"errorType": "ValueError", "errorMessage": "no"}}


def test_an_invoker_calls_a_lambda(stack: Stack, opened: SocketFactory) -> None:
    host = opened(CONTEXT)
    deadline = int((time.time() + 5) * 1000)
    with Client(stack.url) as client, ThreadPoolExecutor(1) as pool:
        invoker: Invoker = LambdaInvoker(client, host.id, "grüße/", env={"A": "b"})
        with pytest.raises(NotFound):
            invoker.invoke(1, mless.Context(), deadline)
        invoker = LambdaInvoker(client, host.id, "grüße", env={"A": "b"})
        context = mless.Context(aws_request_id="r")
        future = pool.submit(invoker.invoke, {"n": 1}, context, deadline)
        message = host.receive()
        host.answer(message, result=[1.0])
        assert future.result(10) == b"[1.0]"
        failing = pool.submit(invoker.invoke, None, context, deadline)
        host.answer(host.receive(), error={"errorType": "E", "errorMessage": "m"})
        with pytest.raises(RemoteError) as told:
            failing.result(10)
        late = pool.submit(invoker.invoke, None, context, int((time.time() + 0.3) * 1000))
        with pytest.raises(RemoteError) as timed_out:
            late.result(10)

    event, context_told = message["params"]
    assert message["method"] == "grüße"
    assert event == {"n": 1}
    assert context_told["env"] == {"A": "b"}
    assert abs(context_told["deadline"] - deadline) < 500
    assert told.value.error == {"errorType": "E", "errorMessage": "m"}
    assert timed_out.value.error["errorType"] == "Timeout"


def test_a_host_without_websocket_has_a_context(stack: Stack) -> None:
    poll = {"Accept": "application/json"}
    opening = requests.get(f"{stack.url}/lambda/new", headers=poll, timeout=10)
    lambda_id, details = opening.json()[0]["params"]
    url = f"{stack.url}/lambda/new/{lambda_id}?token={details['token']}"
    requests.post(url, json={"id": 0, "result": CONTEXT}, timeout=10).raise_for_status()
    future = in_background(invoke, stack, lambda_id, {"event": 1, "env": {"A": "b"}})
    polled = requests.get(
        url, headers={**poll, "Last-Event-ID": opening.headers["Last-Event-ID"]}, timeout=30
    )
    (message,) = polled.json()
    reply = {"errortype": "", "result": "x" * 200_000, "logs": ["y"]}
    requests.post(url, json={"id": message["id"], "result": reply}, timeout=10).raise_for_status()
    answer = future.result(10).json()
    requests.delete(f"{stack.url}/lambda/{lambda_id}?token={details['token']}", timeout=10)

    event, context = message["params"]
    assert event == 1
    assert context["env"] == {"A": "b"}
    assert answer["result"] == "x" * 200_000
    assert answer["logs"] == ["y"]
    assert answer["invokeid"] == context["aws_request_id"]
