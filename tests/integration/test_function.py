"""The whole application as a function: what is other than in a process that lives on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import quote

import pytest
import requests
from gripcontrol import WebSocketEvent

from grip_lambda.grip import events
from grip_lambda.hub.hosts import Session
from grip_lambda.protocol.signed import sign
from grip_lambda.store import open_store
from tests.integration.conftest import SocketFactory
from tests.support.clients import Socket, call, calling
from tests.support.function_stack import SECRET, FunctionStack
from tests.support.gateway import Kind
from tests.support.stack import wait_until


@pytest.fixture
def stack(function_stack: FunctionStack) -> Iterator[FunctionStack]:
    function_stack.gateway.errors.clear()
    yield function_stack
    function_stack.gateway.kind = "url"
    assert function_stack.gateway.errors == []


@pytest.fixture(params=["rest", "http-api", "url"])
def kind(request: pytest.FixtureRequest, stack: FunctionStack) -> Kind:
    """What stands before the function."""
    stack.gateway.kind = request.param
    chosen: Kind = request.param
    return chosen


@dataclass(frozen=True)
class Facts:
    """What a forger would have to know of an open lambda; read from the store here."""

    connection: str
    generation: str


def facts(stack: FunctionStack, lambda_id: str) -> Facts:
    store = open_store(stack.store)
    known = store.get_lambda(lambda_id, time.time())
    store.close()
    assert known is not None
    return Facts(known.connection, known.generation)


# Every kind of event


def test_calls_pass_through_every_kind_of_gateway(
    stack: FunctionStack, kind: Kind, opened: SocketFactory
) -> None:
    one = opened()
    future = calling(stack.url, one.id, "m", '{"größe": "1 kB"}'.encode())
    message = one.receive()
    assert message["params"] == [{"größe": "1 kB"}]
    one.answer(message, result="größer")
    assert future.result(10).json() == "größer"

    asked = calling(stack.url, one.id, "m", "x", headers={"X-Api-Key": "a", "Accept": "*/*"})
    assert asked.result(10).json()["code"] == "bad_request"


@pytest.mark.parametrize("method", ["grüßen", "a b", "🎉", "a%b", "a;b=c"])
def test_any_name_is_a_method_through_every_kind_of_gateway(
    stack: FunctionStack, kind: Kind, opened: SocketFactory, method: str
) -> None:
    one = opened()
    query = "?a=1&b=%26%C3%A4+x&a=3"

    future = calling(stack.url, one.id, quote(method, safe="") + query)
    message = one.receive()
    one.answer(message, result=1)

    assert message["method"] == method
    assert future.result(10).json() == 1


def test_a_query_passes_through_every_kind_of_gateway(
    stack: FunctionStack, kind: Kind, opened: SocketFactory
) -> None:
    one = opened()
    with ThreadPoolExecutor(1) as pool:
        url = f"{stack.url}/lambda/{one.id}/m?a=1&b=%26%C3%A4+x&a=3&empty="
        future = pool.submit(requests.get, url, timeout=10)
        message = one.receive()
        one.answer(message, result=1)
        assert message["params"] == [{"a": ["1", "3"], "b": "&ä x", "empty": ""}]
        assert future.result().json() == 1


def test_every_route_is_served(stack: FunctionStack, kind: Kind) -> None:
    page = requests.get(f"{stack.url}/", timeout=10)
    assert "<html" in page.text
    assert page.headers["Content-Type"].startswith("text/html")
    ready = requests.get(f"{stack.url}/readyz", timeout=10)
    assert (ready.status_code, ready.json()["proxies"]) == (200, {"n1": "ok"})
    missing = requests.get(f"{stack.url}/nothing/here", timeout=10)
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
    options = requests.options(f"{stack.url}/lambda", headers={"Origin": "https://x"}, timeout=10)
    assert options.headers["Access-Control-Allow-Origin"] == "*"


# Nothing runs between two events


def test_all_is_frozen_once_a_call_is_answered(stack: FunctionStack, opened: SocketFactory) -> None:
    one = opened()
    future = calling(stack.url, one.id)
    one.answer(one.receive(), result=1)
    assert future.result(10).json() == 1

    wait_until(lambda: all(env.is_frozen() for env in stack.function.environments))


def test_an_answer_finds_its_caller_however_long_the_host_takes(
    stack: FunctionStack, opened: SocketFactory
) -> None:
    one = opened()
    for pause in (0.0, 0.05, 0.09, 0.1, 0.11, 0.15, 0.3):
        began = time.monotonic()
        future = calling(stack.url, one.id)
        message = one.receive()
        time.sleep(max(0.0, pause - (time.monotonic() - began)))  # what is tried is the moment
        one.answer(message, result=pause)

        assert future.result(10).json() == pause
        assert time.monotonic() - began < pause + 0.7, "Pushpin had to ask again"


def test_a_schedule_ends_what_is_due(stack: FunctionStack, opened: SocketFactory) -> None:
    silent = opened()
    future = calling(stack.url, silent.id)
    silent.receive()
    store = open_store(stack.store)
    now = time.time()
    assert store.renew_lambda(silent.id, facts(stack, silent.id).connection, now + 0.2, now)
    store.close()

    def tick() -> bool:
        event = {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}
        assert stack.function.invoke(event) == {"swept": True}
        return future.done()

    wait_until(tick)
    assert (future.result().status_code, future.result().json()["code"]) == (502, "disconnected")
    assert silent.closed() == (4408, "no answer to pings")


# The proxy does not tell a WebSocket from a post


#: The proxy refuses events from clients where the type is written as it writes it itself.
_TYPE = "Application/WebSocket-Events"


def forge(
    stack: FunctionStack, batch: bytes, connection: str, meta: str = "", **headers: str
) -> requests.Response:
    """Post a batch, as any client can."""
    sent = {"Content-Type": _TYPE, "Connection-Id": connection, **headers}
    if meta:
        sent["Meta-Lambda"] = meta
    return requests.post(f"{stack.url}/lambda/new", data=batch, headers=sent, timeout=10)


def check_nothing_changed(stack: FunctionStack, host: Socket, known: Facts) -> None:
    assert facts(stack, host.id) == known
    future = calling(stack.url, host.id, body='"only"')
    message = host.receive()
    assert message["params"] == ["only"]
    host.answer(message, result="mine")
    assert future.result(10).json() == "mine"


def test_a_posted_batch_can_not_speak_for_a_host(
    stack: FunctionStack, opened: SocketFactory
) -> None:
    true_host = opened()
    waiting = calling(stack.url, true_host.id)
    message = true_host.receive()
    known = facts(stack, true_host.id)
    session = Session(true_host.id, known.generation, acknowledged_at=time.time()).encode()
    names = ("meta", "n1", "another connection", "lambda")
    metas = (
        session,
        sign(b"another secret", "\n".join(("meta", "n1", known.connection, "lambda")), session),
        sign(SECRET.encode(), "\n".join(names), session),
        sign(SECRET.encode(), "meta", session),
    )
    answer = b'{"id":"%b","result":"forged"}' % message["id"].encode()
    for meta in metas:
        for made in (WebSocketEvent("TEXT", answer), WebSocketEvent("DISCONNECT")):
            refused = forge(stack, events.encode([made]), known.connection, meta)
            assert (refused.status_code, refused.json()["code"]) == (400, "bad_request")

    assert not waiting.done()
    true_host.answer(message, result="mine")
    assert waiting.result(10).json() == "mine"
    check_nothing_changed(stack, true_host, known)


def test_what_a_posted_opening_is_given_counts_for_its_own_lambda_only(
    stack: FunctionStack, opened: SocketFactory
) -> None:
    true_host = opened()
    known = facts(stack, true_host.id)

    given = forge(stack, events.encode([WebSocketEvent("OPEN")]), known.connection)
    meta = given.headers["Set-Meta-Lambda"]
    ended = forge(stack, events.encode([WebSocketEvent("DISCONNECT")]), known.connection, meta)

    assert given.status_code == ended.status_code == 200
    check_nothing_changed(stack, true_host, known)
    elsewhere = forge(stack, events.encode([WebSocketEvent("PING", b"p")]), "elsewhere", meta)
    assert elsewhere.status_code == 400


def test_headers_with_underscores_do_not_pass_for_those_of_the_proxy(
    stack: FunctionStack, kind: Kind, opened: SocketFactory, socket: SocketFactory
) -> None:
    true_host = opened()
    known = facts(stack, true_host.id)
    session = Session(true_host.id, known.generation, acknowledged_at=time.time()).encode()

    other = socket(
        additional_headers={
            "Meta_Lambda": session,
            "Connection_Id": known.connection,
            "Grip_Sig": "x",
        }
    )
    other.open()
    wait_until(lambda: other.id in stack.listing())
    assert facts(stack, other.id).connection != known.connection

    last = f"call-{true_host.id}-{'x' * 22}; last-id=0"
    future = calling(stack.url, true_host.id, headers={"Grip_Last": last})
    true_host.answer(true_host.receive(), result="asked")
    assert future.result(10).json() == "asked"
    check_nothing_changed(stack, true_host, known)


def test_a_call_is_no_place_for_events(stack: FunctionStack, opened: SocketFactory) -> None:
    true_host = opened()

    refused = call(
        stack.url,
        true_host.id,
        body=events.encode([WebSocketEvent("OPEN")]),
        headers={"Content-Type": _TYPE, "Connection-Id": "x"},
    )

    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")


def test_the_proxy_itself_refuses_events_as_it_writes_them(
    stack: FunctionStack, opened: SocketFactory
) -> None:
    known = facts(stack, opened().id)
    before = len(stack.gateway.seen)

    refused = forge(stack, b"OPEN\r\n", known.connection, **{"Content-Type": events.CONTENT_TYPE})

    assert refused.status_code == 403
    assert len(stack.gateway.seen) == before


def test_without_the_proxy_nothing_is_called_or_opened(
    stack: FunctionStack, opened: SocketFactory
) -> None:
    true_host = opened()
    direct = f"http://{stack.gateway.address}"

    assert call(direct, true_host.id).status_code == 503
    batch = requests.post(
        f"{direct}/lambda/new",
        data=b"OPEN\r\n",
        headers={"Content-Type": events.CONTENT_TYPE, "Connection-Id": "x"},
        timeout=10,
    )
    assert (batch.status_code, batch.json()["code"]) == (403, "forbidden")
