"""What is known of lambdas and their calls, over all processes: figures, and the last calls."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from tests.integration.conftest import (
    ConnectionFactory,
    HostFactory,
    SocketFactory,
    StackFactory,
)
from tests.support.clients import Host, Socket, call, calling
from tests.support.cluster import Cluster
from tests.support.monologue import MonologueSocket
from tests.support.stack import Stack, wait_until
from tests.support.transports import TRANSPORTS
from tests.support.watching import ended_calls, get

#: What a call is told with before it ends, and what more then.
BEGUN = {"time", "lambda", "call", "method", "service", "from", "key", "bytes_in"}
ENDED = {"status", "code", "ms", "bytes_out"}


def one(url: str, lambda_id: str) -> dict[str, Any]:
    shown: dict[str, Any] = get(url, f"/lambda/{lambda_id}")
    return shown


def stats(url: str, lambda_id: str) -> dict[str, Any]:
    figures: dict[str, Any] = one(url, lambda_id)["stats"]
    return figures


def ago(text: str) -> timedelta:
    return datetime.now(UTC) - datetime.fromisoformat(text)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_lambda_tells_its_transport_and_its_services(
    stack: Stack, hosting: ConnectionFactory, transport: str
) -> None:
    shown = one(stack.url, hosting(transport).id)

    assert shown["transport"] == transport
    assert shown["services"] == []
    assert shown["stats"] == {
        **{"calls": 0, "errors": 0, "in_flight": 0},
        **{"last_call": None, "mean_ms": None, "max_ms": None},
    }


@pytest.mark.bare_too
def test_a_lambda_tells_how_its_calls_have_ended(stack: Stack, opened: SocketFactory) -> None:
    host = opened({"ok": True, "max_calls": 1})
    for outcome in ({"result": 1}, {"error": "no"}, {"result": 2}):
        asked = calling(stack.url, host.id, "of", b"[]")
        host.answer(host.receive(), **outcome)
        asked.result(10)
    missed = call(stack.url, host.id, wait=0.05)
    waiting = calling(stack.url, host.id)  # the host is seen to be free once the late one is over
    host.receive()
    message = host.receive()
    busy = call(stack.url, host.id)
    in_flight = stats(stack.url, host.id)["in_flight"]
    host.answer(message, result=3)
    waiting.result(10)

    # A deadline is kept by who waits; a moment later the sweep ends the call for good.
    wait_until(lambda: stats(stack.url, host.id)["calls"] == 6, what="the figures")
    figures = stats(stack.url, host.id)

    assert (missed.status_code, busy.status_code) == (504, 429)
    assert in_flight == 1
    assert figures["errors"] == 3  # every end but 200
    assert figures["in_flight"] == 0
    assert 0 < figures["mean_ms"] <= figures["max_ms"] < 30_000
    assert ago(figures["last_call"]) < timedelta(seconds=10)


def test_what_all_processes_have_counted_is_one_figure(stack: Stack, host: HostFactory) -> None:
    one = host()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: call(stack.url, one.id, body=str(n)), range(40)))

    assert stats(stack.url, one.id)["calls"] == 40  # whichever process is asked, and at once
    assert get(stack.url, "/lambda?detail")[one.id]["stats"]["calls"] == 40


def test_a_lambda_that_is_opened_again_begins_at_nought(
    stack: Stack, opened: SocketFactory, socket: SocketFactory
) -> None:
    first = opened()
    calling(stack.url, first.id)
    first.receive()
    second = socket(f"/lambda/new/{first.id}?token={first.token}")
    second.open()
    first.closed()  # whose call has failed by that
    wait_until(lambda: one(stack.url, first.id)["stats"]["in_flight"] == 0, what="the end")

    assert stats(stack.url, second.id)["calls"] == 0


def test_a_process_that_is_killed_leaves_no_call_in_flight(start_stack: StackFactory) -> None:
    stack = start_stack()
    host = Socket(stack.ws_url)
    host.open()
    wait_until(lambda: host.id in stack.listing(), what="the listing")
    call(stack.url, host.id, wait=0.05)
    host.receive()
    held = [calling(stack.url, host.id, wait=3) for _ in range(3)]
    prompt = [calling(stack.url, host.id, wait=0.4) for _ in range(3)]  # their threads wait
    for _ in range(6):
        host.receive()
    assert stats(stack.url, host.id)["in_flight"] == 6

    stack.kill_workers()
    for one in held + prompt:
        one.exception(20)

    wait_until(lambda: stats(stack.url, host.id)["in_flight"] == 0, what="the end of all calls")
    assert stats(stack.url, host.id)["calls"] >= 1  # what was counted is not lost
    assert get(stack.url, "/status")["in_flight"] == 0
    host.close()


@pytest.mark.bare_too
def test_the_last_calls_are_told_newest_first(stack: Stack, host: HostFactory) -> None:
    one = host(lambda method, body: {"ok": body} if method == "first" else 1 / 0)
    call(stack.url, one.id, "first", b"[1, 2]")
    call(stack.url, one.id, "fail")

    failed, first = ended_calls(stack.url, one.id, 2)

    assert set(first) == BEGUN | ENDED | {"inspect"}
    assert (first["lambda"], first["method"], first["from"]) == (one.id, "first", "127.0.0.1")
    assert (first["status"], first["code"], first["key"], first["service"]) == (200,) + (None,) * 3
    assert (first["bytes_in"], first["bytes_out"]) == (6, len(b'{"ok": [1, 2]}'))
    assert 0 < first["ms"] < 30_000
    assert (failed["method"], failed["status"], failed["code"]) == ("fail", 400, None)
    limited = get(stack.url, f"/calls?lambda={one.id}&limit=1")["calls"]
    assert [shown["call"] for shown in limited] == [failed["call"]]


def test_calls_of_every_kind_are_told(stack: Stack, host: HostFactory) -> None:
    one = host()
    listener = MonologueSocket(stack.ws_url)
    name = listener.whoami()
    listener.request(one.id, "t", "monologue", 1)
    for headers in ({"Prefer": "respond-async"}, {"Accept": "text/event-stream"}):
        call(stack.url, one.id, "plain", headers=headers)
    requests.post(f"{stack.url}/invoke/{one.id}/mless", json={"event": 1}, timeout=10)
    aws = f"{stack.url}/2015-03-31/functions/{one.id}/invocations?Qualifier=aws"
    requests.post(aws, data="1", timeout=10)
    requests.post(aws, data="1", headers={"X-Amz-Invocation-Type": "Event"}, timeout=10)

    shown = ended_calls(stack.url, one.id, 6)

    assert name
    assert sorted(one["method"] for one in shown) == [
        *("aws", "aws", "mless", "monologue", "plain", "plain")
    ]
    assert {one["status"] for one in shown} == {200}
    listener.close()


def test_the_name_of_a_call_gives_no_access_to_it(stack: Stack, opened: SocketFactory) -> None:
    host = opened()
    accepted = call(stack.url, host.id, headers={"Prefer": "respond-async"})
    token = host.receive()["id"]

    (shown,) = get(stack.url, f"/calls?lambda={host.id}")["calls"]

    assert accepted.headers["Location"].endswith(token)
    assert token not in json.dumps(shown)
    found = requests.get(f"{stack.url}/calls/{shown['call']}", timeout=10)
    assert found.status_code == 404
    host.send({"id": shown["call"], "result": "forged"})
    host.settle()
    assert "status" not in get(stack.url, f"/calls?lambda={host.id}")["calls"][0]
    host.send({"id": token, "result": "real"})
    ended_calls(stack.url, host.id, 1)


@pytest.mark.parametrize("query", ["limit=", "limit=-1", "limit=x", "limit=99999", "lambda=x"])
def test_what_is_asked_for_must_make_sense(stack: Stack, query: str) -> None:
    refused = requests.get(f"{stack.url}/calls?{query}", timeout=10)

    assert refused.status_code == 400
    assert refused.json()["code"] == "bad_request"


def test_bodies_are_kept_where_a_server_is_ones_own(stack: Stack, host: HostFactory) -> None:
    one = host(lambda method, body: "x" * 40_000 if method == "large" else {"seen": body})
    call(stack.url, one.id, "small", '{"käse": [1, null]}'.encode())
    call(stack.url, one.id, "large", json.dumps("y" * 30_000))

    large, small = ended_calls(stack.url, one.id, 2)

    assert small["inspect"]
    assert large["inspect"]
    shown = get(stack.url, f"/calls/{small['call']}/bodies")
    assert json.loads(shown["body"]) == {"käse": [1, None]}
    assert json.loads(shown["result"]) == {"seen": {"käse": [1, None]}}
    assert not shown["body_truncated"]
    assert not shown["result_truncated"]
    cut = get(stack.url, f"/calls/{large['call']}/bodies")
    assert (len(cut["body"]), len(cut["result"])) == (16_384, 16_384)
    assert cut["body_truncated"]
    assert cut["result_truncated"]


def test_bodies_are_for_nobody_elses_pages(stack: Stack, host: HostFactory) -> None:
    one = host()
    call(stack.url, one.id)
    (shown,) = ended_calls(stack.url, one.id, 1)
    address = f"{stack.url}/calls/{shown['call']}/bodies"

    for foreign in (
        {"Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Host": f"evil.example:{stack.port}"},  # DNS rebinding
    ):
        assert requests.get(address, headers=foreign, timeout=10).status_code == 403
    assert requests.get(address, headers={"Origin": stack.url}, timeout=10).status_code == 200


def test_the_state_of_a_server(stack: Stack, host: HostFactory) -> None:
    one = host()
    call(stack.url, one.id)

    shown = get(stack.url, "/status")

    assert {backend["pid"] for backend in shown["backends"]} == set(stack.workers())
    assert shown["store"]["kind"] == "sqlite"
    assert shown["store"]["ok"]
    assert shown["nodes"] == [{"name": "n1", "ok": True, "lambdas": shown["open"]}]
    assert shown["open"] >= 1
    assert shown["inspect"]
    assert shown["front"] == stack.has_front
    assert shown["pushpin"][0].isdigit()
    assert sum(shown["series"]["calls"]) >= 1


def test_the_state_of_a_cluster(cluster: Cluster) -> None:
    with Host(cluster.nodes[1].ws_url, lambda method, body: body) as one:
        wait_until(lambda: one.id in cluster.listing(), what="the listing")
        for node in cluster.nodes:
            for backend in cluster.backends:
                assert get(node.url, f"/lambda/{one.id}")["node"] == "n2"
                assert backend
        for _ in range(12):
            assert call(cluster.url, one.id).status_code == 200

        figures = [stats(url, one.id) for url in (cluster.url, *(n.url for n in cluster.nodes))]
        shown = get(cluster.url, "/status")
        last = get(cluster.url, f"/calls?lambda={one.id}")["calls"]

    assert [one["calls"] for one in figures] == [12] * 4
    assert len(shown["backends"]) == len(cluster.backends)
    assert [one["name"] for one in shown["nodes"]] == ["n1", "n2", "n3"]
    assert [one["lambdas"] for one in shown["nodes"]] == [0, 1, 0]
    assert shown["store"]["kind"] == "redis"
    assert len(last) == 12
