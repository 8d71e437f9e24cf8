"""Calls through the front: answered at once, or handed over to be held."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import boto3
import pytest
import requests
from botocore.config import Config

from grip_lambda.protocol import ids
from tests.integration.conftest import (
    ConnectionFactory,
    HostFactory,
    SocketFactory,
    StackFactory,
)
from tests.support import raw
from tests.support.clients import Socket, call, calling
from tests.support.load import LoadHost, Reply, hosts, load
from tests.support.stack import Stack, wait_until
from tests.support.traffic import check_calls
from tests.support.transports import TRANSPORTS

#: How long a call waits in its thread, in seconds.
PATIENCE_S = 0.2

# Hand-over


async def after(method: str, body: Any) -> Any:
    """Answer after as many seconds as the body says."""
    await asyncio.sleep(body["s"])
    return {"method": method, "body": body}


def check_all(to: list[LoadHost], replies: list[Reply], count: int) -> None:
    """Check that each call was answered with its own result, and delivered once."""
    assert len(replies) == count
    assert Counter((reply.status, reply.code) for reply in replies) == {(200, ""): count}
    assert check_calls(to, replies) == []
    assert sum(len(one.seen) for one in to) == count


@pytest.mark.parametrize(
    ("count", "at_once", "seconds"),
    [
        (400, 400, (2.0, 2.0)),
        (1000, 100, (0.5, 3.0)),
        (600, 100, (PATIENCE_S - 0.02, PATIENCE_S + 0.02)),
    ],
    ids=["at once", "in a row", "about the moment of the hand-over"],
)
@pytest.mark.alone
def test_each_call_that_takes_longer_has_its_own_answer(
    stack: Stack, count: int, at_once: int, seconds: tuple[float, float], record_property: Any
) -> None:
    shortest, longest = seconds

    def of(n: int) -> float:
        return shortest + (longest - shortest) * (n * 37 % count) / count

    async def run() -> None:
        async with hosts(stack.ws_url, 16, after) as to:
            bodies = ({"n": n, "s": of(n)} for n in range(count))
            replies = await load(stack.url, to, bodies, at_once)
            check_all(to, replies, count)
            late = [reply.seconds - reply.body["s"] for reply in replies]
            record_property("late_s", max(late))
            assert min(late) > -0.05

    asyncio.run(run())


@pytest.mark.alone
def test_a_burst_of_callers_costs_no_call_and_no_host(stack: Stack, record_property: Any) -> None:
    async def run() -> None:
        async with hosts(stack.ws_url, 16) as to:
            until = time.monotonic() + 5
            bodies = ({"n": n} for n in range(100_000))
            replies = await load(stack.url, to, bodies, 500, until=lambda: time.monotonic() > until)
            check_all(to, replies, len(replies))
            assert len(replies) > 500
            assert not [one for one in to if one.ended.is_set()], "a host lost its connection"
            slowest = max(reply.seconds for reply in replies)
            record_property("slowest_s", slowest)
            assert slowest < 10

    asyncio.run(run())


@pytest.mark.alone
def test_many_hosts_open_at_once(stack: Stack) -> None:
    async def run() -> None:
        began = time.monotonic()
        async with hosts(stack.ws_url, 500, apart_s=0) as to:
            assert time.monotonic() - began < 20
            assert len({one.id for one in to}) == 500

    asyncio.run(run())


class Kind:
    """How somebody calls: what is sent, and what of the response is the host's result."""

    def __init__(self, stack: Stack, name: str) -> None:
        self._url = stack.url
        self._name = name
        self._aws = boto3.client(
            "lambda",
            endpoint_url=stack.url,
            region_name="local",
            aws_access_key_id="x",
            aws_secret_access_key="x",
            config=Config(proxies={}, retries={"total_max_attempts": 1}),
        )

    def ask(self, lambda_id: str, body: Any, wait: float = 20.0) -> tuple[int, Any]:
        """Return the status, and the result or the error."""
        prefer = {"Prefer": f"wait={wait}"}
        if self._name == "plain":
            response = call(self._url, lambda_id, body=json.dumps(body), wait=wait)
            assert response.headers["Content-Type"] == "application/json"
            assert response.headers["Access-Control-Allow-Origin"] == "*"
            found = response.json()
            return response.status_code, found if response.ok else found["error"]
        if self._name == "invoke":
            response = requests.post(
                f"{self._url}/invoke/{lambda_id}/test",
                json={"event": body},
                headers=prefer,
                timeout=30,
            )
            reply = response.json()
            assert response.headers["Content-Type"] == "application/json"
            assert reply["invokeid"]
            assert reply["billing"]["duration"] > 0
            return (400 if reply.get("errors") else response.status_code), reply["result"]
        answer = self._aws.invoke(
            FunctionName=lambda_id, Qualifier="test", Payload=json.dumps(body)
        )
        assert answer["ResponseMetadata"]["HTTPHeaders"]["x-amzn-requestid"]
        assert answer["ExecutedVersion"] == "$LATEST"
        failed = "FunctionError" in answer
        return 400 if failed else answer["StatusCode"], json.loads(answer["Payload"].read())


@pytest.fixture(params=["plain", "invoke", "aws"])
def kind(request: pytest.FixtureRequest, stack: Stack) -> Kind:
    return Kind(stack, request.param)


@pytest.mark.parametrize("seconds", [0.0, PATIENCE_S - 0.05, PATIENCE_S + 0.1])
def test_whoever_calls_is_answered_alike_before_and_after_the_hand_over(
    stack: Stack, host: HostFactory, kind: Kind, seconds: float
) -> None:
    def answer(method: str, body: Any) -> Any:
        time.sleep(seconds)
        if body == "fail":
            raise ValueError("so it is")
        return body

    one = host(answer)
    results: list[Any] = [None, 0, "", "ä\u2028", [1, {"b": 1, "a": [2]}], "x" * 60_000]

    assert [kind.ask(one.id, body) for body in results] == [(200, body) for body in results]
    status, error = kind.ask(one.id, "fail")
    assert status == 400
    assert "so it is" in json.dumps(error)
    assert len(one.seen) == len(results) + 1


@pytest.mark.parametrize("seconds", [0.0, PATIENCE_S + 0.1])
@pytest.mark.parametrize("size", [300_000, 3_000_000])
def test_large_calls_and_large_results_pass(
    stack: Stack, hosting: ConnectionFactory, seconds: float, size: int
) -> None:
    """A WebSocket takes what is large, and gives it by a post, on whatever transport it is."""
    one = hosting("poll")
    waiting = calling(stack.url, one.id, body=json.dumps("x" * size), wait=20)
    message = one.receive()
    time.sleep(seconds)  # the test is of answers that come later
    one.answer(message, result=message["params"][0])

    assert waiting.result(20).json() == "x" * size


@pytest.mark.parametrize("pause_s", [0.0, PATIENCE_S + 0.2], ids=["before", "after"])
@pytest.mark.parametrize("how", ["close", "drop"])
def test_a_host_that_goes_is_told_at_once(
    stack: Stack, opened: SocketFactory, how: str, pause_s: float
) -> None:
    one = opened()
    waiting = calling(stack.url, one.id, wait=20)
    one.receive()
    time.sleep(pause_s)  # until it is handed over
    began = time.monotonic()
    getattr(one, how)()

    response = waiting.result(10)
    assert (response.status_code, response.json()["code"]) == (502, "disconnected")
    assert time.monotonic() - began < 1.5


@pytest.mark.parametrize("wait", [0.05, 0.1, PATIENCE_S + 0.1, 1.0])
def test_a_deadline_is_kept_before_and_after_the_hand_over(
    stack: Stack, opened: SocketFactory, wait: float
) -> None:
    one = opened()
    began = time.monotonic()
    response = call(stack.url, one.id, wait=wait)

    assert (response.status_code, response.json()["code"]) == (504, "deadline_exceeded")
    assert wait - 0.02 <= time.monotonic() - began < wait + 1
    message = one.receive()
    one.answer(message, result="late")
    assert call(stack.url, one.id, wait=0.05).status_code == 504, "the late answer was taken"


@pytest.mark.parametrize("transport", TRANSPORTS[1:])
def test_hosts_without_websocket_answer_before_and_after_the_hand_over(
    stack: Stack, hosting: ConnectionFactory, transport: str
) -> None:
    one = hosting(transport)
    for pause_s in (0.0, PATIENCE_S + 0.1):
        waiting = calling(stack.url, one.id, body='{"a":1}', wait=20)
        message = one.receive()
        time.sleep(pause_s)
        one.answer(message, result=message["params"])
        assert waiting.result(10).json() == [{"a": 1}]


def test_a_host_that_counts_its_calls_has_no_more_of_them(
    stack: Stack, opened: SocketFactory
) -> None:
    one = opened({"ok": True, "max_calls": 2})
    waiting = [calling(stack.url, one.id, body=str(n), wait=20) for n in range(2)]
    asked = [one.receive() for _ in waiting]

    response = call(stack.url, one.id)
    assert (response.status_code, response.json()["code"]) == (429, "busy")
    time.sleep(PATIENCE_S + 0.1)  # until they are handed over
    assert call(stack.url, one.id).status_code == 429
    for message in asked:
        one.answer(message, result=message["params"][0])
    assert sorted(future.result(10).json() for future in waiting) == [0, 1]
    again = calling(stack.url, one.id, wait=20)
    one.answer(one.receive(), result="room")
    assert again.result(10).json() == "room"


@pytest.mark.parametrize("pause_s", [0.0, PATIENCE_S + 0.1])
def test_calls_with_one_key_are_one_call(
    stack: Stack, opened: SocketFactory, pause_s: float
) -> None:
    one = opened()
    key = {"Idempotency-Key": "k"}
    waiting = [calling(stack.url, one.id, headers=dict(key), wait=20) for _ in range(5)]
    message = one.receive()
    time.sleep(pause_s)
    one.answer(message, result="once")

    assert [future.result(10).json() for future in waiting] == ["once"] * 5
    assert call(stack.url, one.id, headers=dict(key)).json() == "once"
    other = call(stack.url, one.id, body="2", headers=dict(key))
    assert (other.status_code, other.json()["code"]) == (422, "key_reused")
    with pytest.raises(TimeoutError):
        one.receive(0.1)


def test_a_streamed_call_goes_on_after_an_event(stack: Stack, opened: SocketFactory) -> None:
    one = opened()
    stream = {"Accept": "text/event-stream"}
    waiting = calling(stack.url, one.id, headers=dict(stream), wait=20)
    message = one.receive()
    for n in range(3):
        one.send({"method": "progress", "params": [message["id"], n], "id": None})
    time.sleep(PATIENCE_S)
    one.answer(message, result="done")
    events = waiting.result(10).text
    assert re.findall(r"^data: (.*)$", events, re.MULTILINE) == ["0", "1", "2", '"done"']
    second = re.search(r"^id: (\S+)\n(?:event: .*\n)?data: 1$", events, re.MULTILINE)
    assert second, events
    last = re.findall(r"^id: (\S+)$", events, re.MULTILINE)[-1]

    resumed = call(stack.url, one.id, headers={**stream, "Last-Event-ID": second[1]})
    assert re.findall(r"^data: (.*)$", resumed.text, re.MULTILINE) == ["2", '"done"']
    over = call(stack.url, one.id, headers={**stream, "Last-Event-ID": last})
    assert over.status_code == 204
    unknown = call(stack.url, one.id, headers={**stream, "Last-Event-ID": "x"})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")


def test_a_call_that_nobody_waits_for_has_its_result(stack: Stack, opened: SocketFactory) -> None:
    one = opened()
    accepted = call(stack.url, one.id, body="1", headers={"Prefer": "respond-async"})
    assert accepted.status_code == 202
    assert accepted.headers["Preference-Applied"] == "respond-async"
    where = requests.compat.urljoin(accepted.url, accepted.headers["Location"])
    assert requests.get(where, timeout=10).json()["state"] == "pending"
    one.answer(one.receive(), result="done")
    wait_until(lambda: requests.get(where, timeout=10).json() == "done", what="the result")


# Without patience, and with much


@pytest.fixture(scope="module", params=["0", "5"])
def patience(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Stack, float]]:
    """A stack, and how long a call waits in its thread there, in seconds."""
    seconds = str(request.param)
    running = Stack(tmp_path_factory.mktemp("patience"), GRIP_LAMBDA_PATIENCE=seconds)
    yield running, float(seconds)
    running.stop()


def test_patience_may_be_nothing_or_long(patience: tuple[Stack, float]) -> None:
    stack, patience_s = patience
    with closing(Socket(stack.ws_url)) as one:
        one.open()
        wait_until(lambda: one.id in stack.listing(), what="the listing of a lambda")
        for pause_s in (0.0, 0.5):
            waiting = calling(stack.url, one.id, body="1", wait=20)
            message = one.receive()
            time.sleep(pause_s)
            one.answer(message, result="there")
            assert waiting.result(10).json() == "there"
        assert call(stack.url, one.id, wait=0.3).status_code == 504
        one.receive()
        waiting = calling(stack.url, one.id, wait=20)
        one.receive()
        began = time.monotonic()
        one.drop()
        assert waiting.result(10).json()["code"] == "disconnected"
        assert time.monotonic() - began < patience_s + 1.5


# Forgers


@pytest.mark.parametrize("pause_s", [0.0, PATIENCE_S + 0.2], ids=["before", "after"])
def test_only_the_host_that_was_asked_can_answer(
    stack: Stack, hosting: ConnectionFactory, opened: SocketFactory, pause_s: float
) -> None:
    true_host, forger, poster = opened(), opened(), hosting("poll")
    waiting = calling(stack.url, true_host.id, body="1", wait=20)
    message = true_host.receive()
    time.sleep(pause_s)

    forger.send({"id": message["id"], "result": "forged"})
    poster.send({"id": message["id"], "result": "forged"})
    forger.send({"id": "settled", "method": "rpc.settled", "params": []})
    forger.receive()
    assert not waiting.done()
    true_host.answer(message, result="true")
    assert waiting.result(10).json() == "true"
    for one in (forger, true_host):
        one.send({"id": message["id"], "result": "again"})
    assert call(stack.url, forger.id, wait=0.1).status_code == 504, "it lost its connection"


def test_a_token_that_the_server_has_not_made_leads_nowhere(
    stack: Stack, opened: SocketFactory
) -> None:
    one = opened()
    waiting = calling(stack.url, one.id, wait=20)
    message = one.receive()
    parts: list[str] = message["id"].split(".")
    secret, at, mac = parts[0], parts[-2], parts[-1]
    for forged in (
        ids.new_call_token(),
        message["id"][:-1] + ("A" if message["id"][-1] != "A" else "B"),
        f"{secret}.@elsewhere.{at}.{mac}",
        f"{secret}.{mac}",
        "x" * 100_00,
        message["id"] + "ä",
    ):
        one.send({"id": forged, "result": "forged"})
    one.answer(message, result="true")

    assert waiting.result(10).json() == "true"


FORGED = {
    "Front-Key": "x",
    "Front_Key": "x",
    "Front-Address": "/lambda",
    "Front-Body": "whole",
    "X-Request-Start": "0",
    "Grip-Last": "call-x-y; last-id=0",
    "Grip-Sig": "x",
    "Connection-Id": "x",
    "X-Accel-Redirect": "/held/call/x/y",
    "X-Accel-Buffering": "no",
    "X-Original-URL": "/held/call/x/y",
}


def test_what_only_the_front_may_say_counts_for_nothing(stack: Stack, host: HostFactory) -> None:
    one = host()

    response = call(stack.url, one.id, body="1", headers=dict(FORGED), wait=5)
    assert (response.status_code, response.json()) == (200, 1)
    assert len(one.seen) == 1
    listing = requests.get(f"{stack.url}/lambda", headers=FORGED, timeout=10)
    assert one.id in listing.json()
    # Nor does it where Flask itself is asked.
    backend = f"http://127.0.0.1:{stack.backend_port()}"
    response = requests.post(f"{backend}/lambda/{one.id}/m", data="1", headers=FORGED, timeout=10)
    assert (response.status_code, response.json()["code"]) == (503, "unavailable")
    held = requests.get(f"{backend}/held/call/{one.id}/{'A' * 22}", headers=FORGED, timeout=10)
    assert (held.status_code, held.json()["code"]) == (404, "not_found")
    assert len(one.seen) == 1


@pytest.mark.parametrize(
    "path",
    [
        "/held/call/{id}/{token}",
        "//held/call/{id}/{token}",
        "/held%2Fcall/{id}/{token}",
        "/./held/call/{id}/{token}",
        "/lambda/../held/call/{id}/{token}",
        "/held/stream/{id}/{token}",
        "/held/same/{id}/{token}?kind=same",
        "/held/resumed/{id}/after?event=x",
        "/whole/held/call/{id}/{token}",
        "/.error/ended",
        "http://localhost/held/call/{id}/{token}",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_nobody_but_the_front_asks_for_what_is_held(
    stack: Stack, opened: SocketFactory, method: str, path: str
) -> None:
    one = opened()
    waiting = calling(stack.url, one.id, wait=20)
    message = one.receive()
    asked = path.format(id=one.id, token=message["id"])

    reply = raw.post(stack.port, asked.encode(), b"", method.encode())
    assert (reply.status, reply.json()["code"]) in {(404, "not_found"), (405, "method_not_allowed")}
    one.answer(message, result=1)
    assert waiting.result(10).json() == 1


def test_a_handshake_at_the_address_of_a_call_asks_no_host(
    stack: Stack, opened: SocketFactory
) -> None:
    one = opened()
    connection, reply = raw.handshake(stack.port, f"/lambda/{one.id}/test")
    connection.close()

    assert (reply.status, json.loads(reply.body)["code"]) == (403, "forbidden")
    with pytest.raises(TimeoutError):
        one.receive(0.1)


# What nginx and Pushpin say by themselves


def request(path: str, more: str = "", body: str = "1", method: str = "POST") -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    return (head + body).encode("latin-1")


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (request("/lambda/{id}/m", "X-A: " + "a" * 200_000 + "\r\n"), 431, "too_large"),
        (
            request("/lambda/{id}/m", "".join(f"X-{n}: {'a' * 7000}\r\n" for n in range(20))),
            431,
            "too_large",
        ),
        (request("/lambda/{id}/" + "m" * 40_000), 414, "too_large"),
        (b"POST /x\x00\xff\r\n\r\n", 400, "bad_request"),
        (b"GET / HTTP/9.9\r\nHost: x\r\n\r\n", 505, "bad_request"),
        (b"GET /lambda HTTP/1.1\r\n\r\n", 400, "bad_request"),
        (request("/lambda/{id}/a%00b"), 400, "bad_request"),
        (request("/lambda/{id}/a\x00b"), 400, "bad_request"),
        (request("/lambda/{id}/\xe4"), 400, "bad_request"),
        (request("/lambda/{id}/%FF"), 400, "bad_request"),
        (request("/%zz"), 400, "bad_request"),
        (request("/lambda/{id}/m", "X\x00A: 1\r\n"), 400, "bad_request"),
        (request("/lambda/{id}/m", method="TRACE"), 405, "method_not_allowed"),
        (
            b"POST /lambda/{id}/m HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
            501,
            "bad_request",
        ),
        (
            b"POST /lambda/{id}/m HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            400,
            "bad_request",
        ),
        (
            b"POST /lambda/{id}/m HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
            400,
            "bad_request",
        ),
        (
            b"POST /lambda/{id}/m HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n",
            413,
            "too_large",
        ),
        (
            b"POST /lambda/new/{id} HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n",
            413,
            "too_large",
        ),
    ],
)
def test_what_is_refused_before_any_backend_is_asked_is_json(
    stack: Stack, host: HostFactory, sent: bytes, status: int, code: str
) -> None:
    one = host()
    reply = raw.exchange(stack.port, sent.replace(b"{id}", one.id.encode()))

    assert (reply.status, reply.headers["content-type"]) == (status, "application/json")
    assert reply.json()["code"] == code
    assert reply.json()["error"]
    assert one.seen == []


# Addresses

ODD = '|^{}\\"<>`'


@pytest.mark.parametrize("character", [*ODD, "'", "[", "]", "$", "@"])
def test_an_odd_character_reaches_the_host(stack: Stack, host: HostFactory, character: str) -> None:
    one = host(lambda method, body: [method, body])
    name = f"a{character}b"

    def ask(path: str, more: str = "", method: str = "POST", body: str = "1") -> raw.Reply:
        return raw.exchange(stack.port, request(path, more, body, method))

    for pause in ("", f"Prefer: wait={PATIENCE_S}\r\n"):
        reply = ask(f"/lambda/{one.id}/{name}", pause)
        assert (reply.status, reply.json()) == (200, [name, 1])
    reply = ask(f"/lambda/{one.id}/{name}?x={name}", method="GET", body="")
    assert (reply.status, reply.json()) == (200, [name, {"x": name}])
    reply = ask(f"/lambda/{one.id}/{name}", "Accept: text/event-stream\r\n")
    assert reply.status == 200
    assert json.dumps([name, 1], separators=(",", ":")) in reply.body.decode().replace(", ", ",")
    reply = ask(f"/invoke/{one.id}/{name}", body='{"event":1}')
    assert reply.json()["result"] == [name, 1]


@pytest.mark.parametrize("character", [*ODD, "%", "%zz", "\xe4"])
def test_a_host_without_websocket_is_told_of_an_odd_character(stack: Stack, character: str) -> None:
    for accept in ("text/event-stream", "application/json"):
        more = f"Accept: {accept}\r\n"
        reply = raw.exchange(stack.port, request(f"/lambda/new?x={character}", more, "", "GET"))
        assert (reply.status, reply.json()["code"]) == (400, "bad_request")


def test_a_call_with_an_odd_address_can_be_handed_over(stack: Stack, opened: SocketFactory) -> None:
    one = opened()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(
            raw.exchange, stack.port, request(f"/lambda/{one.id}/a|b?x={{}}", method="PUT")
        )
        message = one.receive()
        assert message["method"] == "a|b"
        time.sleep(PATIENCE_S + 0.2)
        one.answer(message, result="held")
        assert waiting.result(10).json() == "held"


# How clients connect


def test_a_request_whose_sending_half_is_closed_is_answered(
    stack: Stack, opened: SocketFactory
) -> None:
    """As nc -N does. It is not held: whoever left can't be told from it then."""
    one = opened()
    with raw.connect(stack.port) as connection:
        connection.sendall(request(f"/lambda/{one.id}/m"))
        connection.shutdown(socket.SHUT_WR)
        one.answer(one.receive(), result="half")
        assert raw.read_reply(connection).json() == "half"


def test_two_cookies_of_ten_kilobytes_pass(stack: Stack, host: HostFactory) -> None:
    one = host()
    more = f"Cookie: {'a' * 10_000}\r\nCookie: {'b' * 10_000}\r\n"

    assert raw.exchange(stack.port, request(f"/lambda/{one.id}/m", more)).json() == 1
    listing = raw.exchange(stack.port, request("/lambda", more, "", "GET"))
    assert one.id in listing.json()


def test_it_listens_on_ipv6_too(start_stack: StackFactory) -> None:
    own = start_stack(HOST="localhost", WORKERS="1")
    response = requests.get(f"http://[::1]:{own.port}/lambda", timeout=10)
    assert response.json() == {}
    with closing(Socket(f"ws://[::1]:{own.port}")) as one:
        one.open()
        wait_until(lambda: one.id in own.listing(), what="the listing of a lambda")
        waiting = calling(f"http://[::1]:{own.port}", one.id, body="6")
        one.answer(one.receive(), result=6)
        assert waiting.result(10).json() == 6


# Bodies that come slowly


@pytest.fixture
def stalled() -> Iterator[Callable[[int, bytes, int], list[raw.Connection]]]:
    """Begin requests that send no more."""
    connections: list[raw.Connection] = []

    def begin(port: int, sent: bytes, count: int) -> list[raw.Connection]:
        begun = [raw.connect(port) for _ in range(count)]
        connections.extend(begun)
        for one in begun:
            one.sendall(sent)
        return begun

    yield begin
    for one in connections:
        one.close()


SLOW = {
    "large": 'POST /lambda/{id}/m HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\n\r\n"'
    + "x" * 300_000,
    "chunked": "POST /lambda/{id}/m HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    '5\r\n"aaaa\r\n',
    "small, by a method that may be repeated": "PUT /lambda/{id}/m HTTP/1.1\r\nHost: x\r\n"
    'Content-Length: 5000\r\n\r\n"a',
    "zeros before the length": "POST /lambda/{id}/m HTTP/1.1\r\nHost: x\r\n"
    'Content-Length: 000050\r\n\r\n"a',
    "of a host": "POST /lambda/new/{id}?token={token} HTTP/1.1\r\nHost: x\r\n"
    "Content-Length: 5000\r\n\r\n[",
    "an invocation": "POST /invoke/{id}/m HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\n\r\n[",
}


@pytest.mark.parametrize("name", SLOW)
def test_a_body_that_stalls_is_told_so_and_holds_up_nobody(
    stack: Stack,
    host: HostFactory,
    stalled: Callable[[int, bytes, int], list[raw.Connection]],
    name: str,
) -> None:
    one = host()
    sent = SLOW[name].format(id=one.id, token=one.token).encode()
    begun = stalled(stack.port, sent, 12)
    began = time.monotonic()

    for n in range(20):
        asked = time.monotonic()
        assert call(stack.url, one.id, body=str(n), wait=5).json() == n
        assert time.monotonic() - asked < 2
    for connection in begun:
        reply = raw.read_reply(connection)
        assert (reply.status, reply.json()["code"]) == (408, "request_timeout")
    assert time.monotonic() - began < 15
    assert len(one.seen) == 20


def test_a_body_that_comes_slowly_but_comes_is_read(stack: Stack, host: HostFactory) -> None:
    one = host(lambda method, body: len(body))
    body = b'"' + b"x" * 300_000 + b'"'
    with raw.connect(stack.port) as connection:
        connection.sendall(
            request(f"/lambda/{one.id}/m", body="")[:-4].replace(b": 0", b": 300002")
        )
        connection.sendall(b"\r\n\r\n")
        for at in range(0, len(body), 30_000):
            connection.sendall(body[at : at + 30_000])
            time.sleep(0.1)  # it is the test that it comes slowly
        assert raw.read_reply(connection).json() == 300_000


# What is kept


def test_calls_that_are_answered_at_once_leave_nothing_in_the_store(
    stack: Stack, host: HostFactory
) -> None:
    one = host()
    before = rows(stack, one.id)
    for n in range(20):
        assert call(stack.url, one.id, body=str(n)).json() == n
    assert rows(stack, one.id) == before == 0


def rows(stack: Stack, lambda_id: str) -> int:
    with closing(sqlite3.connect(stack.data / "grip-lambda.db")) as db:
        return int(
            db.execute("SELECT count(*) FROM calls WHERE lambda_id = ?", (lambda_id,)).fetchone()[0]
        )
