"""Events for whoever watches: all that happens, to all who may see it, and to nobody else."""

from __future__ import annotations

import os
import signal
import socket as sockets
import time
from collections.abc import Iterator
from datetime import datetime

import pytest
import requests

from tests.integration.conftest import ConnectionFactory, HostFactory, SocketFactory, StackFactory
from tests.support.clients import Host, Socket, call, calling
from tests.support.cluster import Cluster, health
from tests.support.stack import Stack, wait_until
from tests.support.transports import TRANSPORTS
from tests.support.watching import Watcher, metrics

CALL = {"time", "lambda", "call", "method", "service", "from", "key", "bytes_in"}
ENDED = CALL | {"status", "code", "ms", "bytes_out"}


@pytest.fixture
def watcher(stack: Stack) -> Iterator[Watcher]:
    with Watcher(stack.url) as watching:
        yield watching


@pytest.mark.bare_too
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_lambda_opens_is_called_and_closes(
    stack: Stack, watcher: Watcher, hosting: ConnectionFactory, transport: str
) -> None:
    host = hosting(transport, answer={"ok": True, "methods": ["greet"]})
    asked = calling(stack.url, host.id, "greet", b"[1]")
    host.answer(host.receive(), result="hello")
    asked.result(10)
    requests.delete(f"{stack.url}/lambda/{host.id}?token={host.token}", timeout=10)

    (closed,) = watcher.wait_for(host.id, "closed")
    (opened,) = watcher.of(host.id, "opened")
    (begun,) = watcher.of(host.id, "call")
    (ended,) = watcher.of(host.id, "ended")

    assert (
        opened.items()
        >= {
            **{"transport": transport, "code": "json-rpc", "node": "n1", "methods": ["greet"]},
            "key": None,
        }.items()
    )
    assert set(begun) == CALL
    assert set(ended) == ENDED
    assert {**begun, "time": ""}.items() <= {**ended, "time": ""}.items()
    assert (begun["method"], begun["from"], begun["bytes_in"]) == ("greet", "127.0.0.1", 3)
    assert (begun["service"], begun["key"]) == (None, None)
    assert (ended["status"], ended["code"], ended["bytes_out"]) == (200, None, len('"hello"'))
    assert ended["ms"] > 0
    assert closed["reason"]
    times = [datetime.fromisoformat(one["time"]) for one in (opened, begun, ended, closed)]
    assert times == sorted(times)
    assert [name for name, data in watcher.events if data["lambda"] == host.id] == [
        *("opened", "call", "ended", "closed")
    ]


def test_an_end_is_told_whatever_it_is(
    stack: Stack, watcher: Watcher, opened: SocketFactory
) -> None:
    host = opened({"ok": True, "max_calls": 1})
    failing = calling(stack.url, host.id, "fails")
    host.answer(host.receive(), error="no")
    failing.result(10)
    call(stack.url, host.id, "late", wait=0.05)
    watcher.wait_for(host.id, "ended", 2)
    cancelled = call(stack.url, host.id, "cancelled", headers={"Prefer": "respond-async"})
    call(stack.url, host.id, "refused")
    requests.delete(f"{stack.url}/lambda/{cancelled.headers['Location']}", timeout=10)
    watcher.wait_for(host.id, "ended", 4)
    left = calling(stack.url, host.id, "left")
    watcher.wait_for(host.id, "call", 4)
    host.drop()
    left.result(10)

    ended = watcher.wait_for(host.id, "ended", 5)

    assert [(one["method"], one["status"], one["code"]) for one in ended] == [
        ("fails", 400, None),
        ("late", 504, "deadline_exceeded"),
        ("refused", 429, "busy"),
        ("cancelled", 410, "cancelled"),
        ("left", 502, "disconnected"),
    ]


def test_each_watcher_gets_every_event_once_and_what_it_asked_for_alone(
    stack: Stack, host: HostFactory
) -> None:
    one, other = host(), host()
    with (
        Watcher(stack.url) as first,
        Watcher(stack.url) as second,
        Watcher(stack.url, f"?lambda={one.id}") as narrow,
    ):
        for _ in range(5):
            call(stack.url, other.id)
            call(stack.url, one.id)
        for watching in (first, second, narrow):
            watching.wait_for(one.id, "ended", 5)
        last = call(stack.url, one.id)
        narrow.wait_for(one.id, "ended", 6)

    assert last.status_code == 200
    assert {data["lambda"] for _, data in narrow.events} == {one.id}
    for watching in (first, second):
        assert len(watching.of(other.id, "ended")) == 5
        names = [data["call"] for data in watching.of(one.id, "ended")]
        assert len(set(names)) == len(names)


def test_nothing_is_published_for_nobody(stack: Stack, host: HostFactory) -> None:
    one = host()

    def published() -> float:
        return metrics(stack.url)["grip_lambda_events_total"].get((), 0.0)

    with Watcher(stack.url, f"?lambda={one.id}") as watching:
        call(stack.url, one.id)
        watching.wait_for(one.id, "ended")
        assert published() > 0

    def is_silent() -> bool:
        before = published()
        assert call(stack.url, one.id).status_code == 200
        return published() == before

    wait_until(is_silent, what="the silence")  # Pushpin notices that the watcher has gone


def test_events_go_on_after_a_restart_of_the_backend(start_stack: StackFactory) -> None:
    stack = start_stack()
    with Host(stack.ws_url, lambda method, body: body) as one, Watcher(stack.url) as watching:
        wait_until(lambda: one.id in stack.listing(), what="the listing")
        stack.kill_workers()
        before = len(watching.of(one.id, "ended"))

        for _ in range(10):  # whichever process takes them: each knows that somebody watches
            assert call(stack.url, one.id).status_code == 200

        watching.wait_for(one.id, "ended", before + 10)


def test_a_watcher_that_does_not_read_holds_nothing_up(stack: Stack, host: HostFactory) -> None:
    one = host()
    with sockets.socket() as slow:
        slow.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
        slow.connect(("127.0.0.1", stack.port))
        slow.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        with Watcher(stack.url, f"?lambda={one.id}") as watching:
            for _ in range(300):
                assert call(stack.url, one.id, "m" * 200).status_code == 200

            assert len(watching.wait_for(one.id, "ended", 300)) == 300


def test_whatever_a_caller_says_an_event_is_one_line(
    stack: Stack, watcher: Watcher, host: HostFactory
) -> None:
    one = host()
    method = 'a\r\n\r\nevent: closed\ndata: {"\u2028\x1b[31m\x85'
    quoted = requests.utils.quote(method, safe="")  # type: ignore[attr-defined]
    call(stack.url, one.id, quoted, headers={"X-Forwarded-For": "evil, 10.0.0.1"})
    call(stack.url, one.id, "x" * 5000)

    odd, long = watcher.wait_for(one.id, "ended", 2)

    assert odd["method"] == method
    assert odd["from"] == "127.0.0.1"
    assert long["method"] == "x" * 200
    assert watcher.of(one.id, "closed") == []


@pytest.mark.parametrize("query", ["?lambda=x", "?lambda=" + "a" * 17])
def test_only_a_lambda_can_be_watched(stack: Stack, query: str) -> None:
    assert requests.get(f"{stack.url}/events{query}", timeout=10).status_code == 400


def test_a_head_request_is_not_held(stack: Stack) -> None:
    answer = requests.head(f"{stack.url}/events", timeout=10)

    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]


def test_a_watcher_on_any_node_sees_all_of_a_cluster(cluster: Cluster) -> None:
    watching = [Watcher(url) for url in (cluster.url, *(node.url for node in cluster.nodes))]
    with Host(cluster.nodes[2].ws_url, lambda method, body: body) as one:
        wait_until(lambda: one.id in cluster.listing(), what="the listing")
        for node in cluster.nodes:
            assert call(node.url, one.id).status_code == 200

    for each in watching:
        each.wait_for(one.id, "closed")
        assert len(each.of(one.id, "opened")) == 1
        assert len(each.of(one.id, "call")) == 3
        assert len(each.of(one.id, "ended")) == 3
        each.close()


@pytest.mark.parametrize("wait_s", [0.0, 0.4], ids=["in a thread", "held"])
def test_what_goes_with_its_node_is_told_by_another(cluster: Cluster, wait_s: float) -> None:
    node, other = cluster.nodes[:2]
    host = Socket(node.ws_url)
    host.open()
    wait_until(lambda: host.id in cluster.listing(), what="the listing")
    with Watcher(other.url, f"?lambda={host.id}") as watching:
        asked = calling(other.url, host.id)
        host.receive()
        time.sleep(wait_s)  # a Pushpin holds the caller after 0.2 seconds
        os.kill(cluster.pushpin(node), signal.SIGKILL)

        (ended,) = watching.wait_for(host.id, "ended")
        (closed,) = watching.wait_for(host.id, "closed")

    assert asked.result(10).status_code == 502
    assert (ended["status"], ended["code"], closed["reason"]) == (502, "disconnected", "gone")
    wait_until(lambda: health(f"{node.url}/readyz").status == 200, 30, "the node")
