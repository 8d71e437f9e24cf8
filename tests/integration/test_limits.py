"""What one client can't take from all others."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, cast
from urllib.parse import urljoin

import boto3
import pytest
import requests
from botocore.config import Config
from botocore.exceptions import ClientError
from websockets.exceptions import InvalidStatus

from grip_lambda.protocol import ids
from tests.support.clients import Host, Socket, call, calling
from tests.support.keys import KeyedStack
from tests.support.redis import RedisServer
from tests.support.stack import Stack, wait_until
from tests.support.transports import connect

ASYNC = {"Prefer": "respond-async"}
POLL = {"Accept": "application/json", "Prefer": "wait=0.1"}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack with small limits, behind one proxy, which the tests are."""
    running = Stack(
        tmp_path_factory.mktemp("small"),
        GRIP_LAMBDA_PING="1",
        GRIP_LAMBDA_MAX_LAMBDAS_PER_CLIENT="3",
        GRIP_LAMBDA_MAX_OPENINGS_PER_CLIENT="5",
        GRIP_LAMBDA_MAX_KEPT_PER_CLIENT="300000",
        WORKERS="1",
    )
    yield running
    running.stop()


@pytest.fixture
def host(small: Stack) -> Iterator[Host]:
    def open_one() -> Host | None:
        try:
            return Host(small.ws_url, lambda method, body: "x" * body)
        except InvalidStatus:  # what earlier tests had open counts for a second
            return None

    opened = wait_until(open_one, what="room for a lambda")
    assert opened is not None
    with opened as one:
        wait_until(lambda: one.id in small.listing(), what="the listing of a lambda")
        yield one
    wait_until(lambda: one.id not in small.listing(), what="the end of a lambda")


def refused(response: requests.Response, status: int, code: str) -> None:
    assert (response.status_code, response.json()["code"]) == (status, code)
    if status == 429:
        assert int(response.headers["Retry-After"]) >= 1


# Lambdas


def test_a_client_has_so_many_lambdas_open(small: Stack) -> None:
    wait_until(lambda: not small.listing(), what="an empty listing")
    sockets = []
    for _ in range(3):
        sockets.append(Socket(small.ws_url))
        sockets[-1].open()
    wait_until(lambda: len(small.listing()) == 3, what="the listing")

    def another() -> InvalidStatus | None:
        try:
            Socket(small.ws_url).close()
        except InvalidStatus as error:
            return error
        return None

    error = wait_until(another, what="the refusal")
    assert error is not None
    assert error.response.status_code == 429
    assert json.loads(error.response.body)["code"] == "rate_limited"
    assert int(error.response.headers["Retry-After"]) >= 1
    refused(requests.get(f"{small.url}/lambda/new", timeout=10), 429, "rate_limited")

    sockets[0].drop()
    again = Socket(small.ws_url, f"/lambda/new/{sockets[1].id}?token={sockets[1].token}")
    again.open()  # what it had it may have again
    for one in (*sockets[1:], again):
        one.close()
    wait_until(lambda: not small.listing(), what="an empty listing")
    wait_until(lambda: another() is None, what="room for another")


def test_a_client_that_opens_and_never_reads_is_stopped(small: Stack) -> None:
    """A hundred openings, which took half a second and were remembered for a day."""
    answers = [
        requests.get(f"{small.url}/lambda/new", headers=POLL, timeout=10) for _ in range(100)
    ]

    opened = [one for one in answers if one.status_code == 200]
    assert 1 <= len(opened) <= 10
    for one in answers:
        if one not in opened:
            refused(one, 429, "rate_limited")
    ((message,), *_) = [one.json() for one in opened]
    lambda_id, token = message["params"][0], message["params"][1]["token"]
    requests.post(
        f"{small.url}/lambda/new/{lambda_id}?token={token}", json={"id": 0, "result": 1}, timeout=10
    )
    again = requests.get(
        f"{small.url}/lambda/new/{lambda_id}?token={token}", headers=POLL, timeout=10
    )
    assert again.status_code == 200, "one that it has it may open again"


# What is kept


def test_a_client_has_so_much_kept(small: Stack, host: Host) -> None:
    def begin(method: str = "test", **headers: str) -> requests.Response:
        return call(small.url, host.id, method, "20000", headers=headers)

    begun = []
    while (response := begin(**ASYNC)).status_code == 202:
        begun.append(urljoin(response.url, response.headers["Location"]))
        assert len(begun) < 100
        result = requests.get(begun[-1], headers={"Prefer": "wait=10"}, timeout=20)
        assert len(result.json()) == 20000

    assert len(begun) >= 10
    seen = len(host.seen)
    refused(response, 507, "storage_full")
    refused(begin(Accept="text/event-stream"), 507, "storage_full")
    refused(begin(**{"Idempotency-Key": "k"}), 507, "storage_full")
    assert len(host.seen) == seen, "the host was asked"
    assert begin().status_code == 200, "who waits needs no room"
    assert requests.get(begun[0], timeout=10).status_code == 200
    aws = boto3.client(
        "lambda",
        endpoint_url=small.url,
        region_name="local",
        aws_access_key_id="x",
        aws_secret_access_key="x",
        config=Config(retries={"total_max_attempts": 1}),
    )
    with pytest.raises(ClientError) as error:
        aws.invoke(FunctionName=host.id, Qualifier="test", InvocationType="Event", Payload=b"1")
    assert error.value.response["Error"]["Code"] == "ServiceException"


# Posts


@pytest.mark.parametrize("code", ["json-rpc", "jsonrpc-2.0"])
def test_a_post_of_too_many_messages_is_refused_whole(stack: Stack, code: str) -> None:
    with _opened(stack, f"/lambda/new?code={code}") as socket:
        waiting = calling(stack.url, socket.id, wait=20)
        asked = socket.receive()
        answer = {"jsonrpc": "2.0", "id": asked["id"], "result": 1}
        forged = [{"jsonrpc": "2.0", "id": "x", "result": 1}] * 10_000

        refused(_post(stack, socket, [answer, *forged]), 413, "too_large")
        assert not waiting.done()

        assert _post(stack, socket, [answer, *forged[1:]]).status_code == 204
        assert waiting.result().json() == 1


def test_answers_to_calls_that_never_were_hold_up_nobody(stack: Stack) -> None:
    """Half a million of them held up everybody for eight seconds."""
    with (
        _opened(stack) as attacker,
        Host(stack.ws_url, lambda method, body: body) as other,
    ):
        wait_until(lambda: other.id in stack.listing(), what="the listing of a lambda")
        kinds = {
            "no token": "1234567",
            "unknown": ids.new_call_token(),
        }
        for forged in kinds.values():
            body = json.dumps([{"id": f"{forged[:-4]}{n:04}", "result": 1} for n in range(10_000)])
            post = calling_post(stack, attacker, body)
            slowest = 0.0
            while not post.done():
                began = time.monotonic()
                assert call(stack.url, other.id, body="1", wait=5).status_code == 200
                slowest = max(slowest, time.monotonic() - began)
            assert post.result().status_code == 204
            assert slowest < 2


def test_a_batch_of_many_answers_reaches_all_callers(stack: Stack) -> None:
    """More than go into the store in one step."""
    with _opened(stack) as socket:
        locations = []
        for n in range(120):
            response = call(stack.url, socket.id, body=str(n), headers=ASYNC)
            locations.append(urljoin(response.url, response.headers["Location"]))
        asked = [socket.receive() for _ in locations]

        answers = [{"id": one["id"], "result": one["params"][0]} for one in asked]
        assert _post(stack, socket, answers).status_code == 204

        results = [requests.get(one, timeout=10).json() for one in locations]
        assert results == list(range(120))


@contextmanager
def _opened(stack: Stack, path: str = "/lambda/new") -> Iterator[Socket]:
    """A lambda that the test answers for by hand."""
    socket = Socket(stack.ws_url, path)
    message = socket.receive()
    socket.send({"jsonrpc": "2.0", "id": message["id"], "result": "ok"})
    socket.id, details = message["params"]
    socket.token = details["token"]
    wait_until(lambda: socket.id in stack.listing(), what="the listing")
    yield socket
    socket.close()


def _post(stack: Stack, socket: Socket, body: Any) -> requests.Response:
    text = body if isinstance(body, str) else json.dumps(body)
    address = f"{stack.url}/lambda/new/{socket.id}?token={socket.token}"
    return requests.post(address, data=text, timeout=30)


def calling_post(stack: Stack, socket: Socket, body: str) -> Future[requests.Response]:
    pool = ThreadPoolExecutor(1)
    post = pool.submit(_post, stack, socket, body)
    pool.shutdown(wait=False)
    return post


# A Redis that comes back empty


@pytest.fixture(scope="module")
def keyed_on_redis(
    tmp_path_factory: pytest.TempPathFactory, redis_server: RedisServer
) -> Iterator[KeyedStack]:
    """A stack on Redis with two keys that may host."""
    running = KeyedStack(
        tmp_path_factory.mktemp("keyed-on-redis"),
        {"owner": "host,call,list", "other": "host,call,list"},
        GRIP_LAMBDA_STORE=redis_server.url.removesuffix("0") + "7",
        GRIP_LAMBDA_PING="1",
        GRIP_LAMBDA_GRACE="1",
    )
    yield running
    running.stop()


@pytest.mark.parametrize("transport", ["websocket", "sse", "poll"])
def test_an_id_is_its_owners_though_redis_has_lost_everything(
    keyed_on_redis: KeyedStack, redis_server: RedisServer, transport: str
) -> None:
    stack, keys = keyed_on_redis, keyed_on_redis.keys

    def headers(name: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {keys[name]}"}

    def listing() -> Any:
        return requests.get(f"{stack.url}/lambda", headers=headers("owner"), timeout=10).json()

    owner = connect("websocket", stack.url, **headers("owner"))
    owner.open()
    wait_until(lambda: owner.id in listing(), what="the listing of a lambda")

    redis_server.client.flushall()

    for query in ("", "?token=x", f"?token={'A' * 32}"):
        with pytest.raises((InvalidStatus, requests.HTTPError)) as error:
            connect(transport, stack.url, f"/lambda/new/{owner.id}{query}", **headers("other"))
        response = cast(Any, error.value).response
        status = response.status if transport == "poll" else response.status_code
        assert status == 403
    fresh = connect("websocket", stack.url, **headers("other"))
    fresh.open()  # an id that it does not choose is nobody's
    owner.close()  # or it enters itself again, and is there first
    again = connect(
        transport, stack.url, f"/lambda/new/{owner.id}?token={owner.token}", **headers("owner")
    )
    again.open()
    wait_until(lambda: owner.id in listing(), what="its return")
    assert again.id == owner.id
    waiting = calling(stack.url, owner.id, body="1", headers=headers("owner"), wait=10)
    again.answer(again.receive(), result="mine")
    assert waiting.result().json() == "mine"
    for one in (fresh, again):
        one.close()


def test_a_host_that_is_connected_enters_itself_again(
    keyed_on_redis: KeyedStack, redis_server: RedisServer
) -> None:
    stack = keyed_on_redis
    bearer = {name: {"Authorization": f"Bearer {key}"} for name, key in stack.keys.items()}
    owner = connect("websocket", stack.url, **bearer["owner"])
    owner.open()

    def is_listed() -> bool:
        address = f"{stack.url}/lambda/{owner.id}"
        return requests.get(address, headers=bearer["owner"], timeout=10).status_code == 200

    wait_until(is_listed, what="the listing of a lambda")
    redis_server.client.flushall()
    flushed = time.monotonic()

    while time.monotonic() < flushed + 3:  # longer than ids are held back
        with pytest.raises(InvalidStatus) as error:
            connect("websocket", stack.url, f"/lambda/new/{owner.id}", **bearer["other"])
        assert error.value.response.status_code == 403
    assert is_listed()
    owner.close()
