"""A deployment of several Pushpins and backends: any of them serves any lambda."""

from __future__ import annotations

import itertools
import json
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
import requests

from tests.support.clients import Host, Socket, call, calling
from tests.support.cluster import (
    Cluster,
    Deliveries,
    health,
    published_bytes,
    settled,
)
from tests.support.stack import wait_until
from tests.support.transports import connect

#: Bodies of calls and of results, so far apart that a node's bytes say what it was given.
BODY, RESULT = 20_000, 60_000


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Three Pushpins, four backends, a Redis and a load balancer."""
    running = Cluster(tmp_path_factory.mktemp("cluster"), GRIP_LAMBDA_PUSHPIN_STATS="1")
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module")
def hosts(cluster: Cluster) -> Iterator[dict[str, Host]]:
    """A lambda on each node, by the node's name; its answer begins with that name."""
    opened: dict[str, Host] = {}
    for node in cluster.nodes:

        def answer(method: str, body: Any, name: str = node.name) -> Any:
            return name + "r" * RESULT if method == "large" else [name, method, body]

        opened[node.name] = Host(node.ws_url, answer)
    wait_until(lambda: {one.id for one in opened.values()} <= cluster.listing().keys())
    yield opened
    for one in opened.values():
        one.close()


def test_only_the_loopback_interface_is_listened_on(cluster: Cluster) -> None:
    """127.0.0.2 stands for the addresses that nobody named."""
    assert requests.get(f"http://[::1]:{cluster.port}/healthz", timeout=5).ok
    for url in (f"http://x:{cluster.port}", *(node.url for node in cluster.nodes)):
        with pytest.raises(requests.ConnectionError):
            requests.get(f"http://127.0.0.2:{url.rpartition(':')[2]}/healthz", timeout=5)


@pytest.fixture
def deliveries(cluster: Cluster) -> Iterator[Deliveries]:
    watching = Deliveries(cluster.nodes)
    yield watching
    watching.close()


def test_a_lambda_on_any_node_is_callable_through_every_node_and_the_load_balancer(
    cluster: Cluster, hosts: dict[str, Host]
) -> None:
    urls = [cluster.url, *(node.url for node in cluster.nodes)]
    for (name, host), url in itertools.product(hosts.items(), urls):
        response = call(url, host.id, "greet", '{"from": 1}')
        assert (response.status_code, response.json()) == (200, [name, "greet", {"from": 1}])


def test_every_node_and_every_backend_lists_the_lambdas_of_all_nodes(
    cluster: Cluster, hosts: dict[str, Host]
) -> None:
    for url in (cluster.url, *(node.url for node in cluster.nodes), *cluster.backends):
        assert set(requests.get(f"{url}/lambda", timeout=5).json()) == {
            one.id for one in hosts.values()
        }


def test_every_backend_passes_a_call_on_to_a_host_on_any_node(
    cluster: Cluster, hosts: dict[str, Host]
) -> None:
    key = (cluster.data / "sig-key").read_text()
    for (backend, host), node in itertools.product(
        itertools.product(cluster.backends, hosts.values()), cluster.nodes
    ):
        claims = {"iss": f"http@{node.name}", "exp": int(time.time()) + 60}
        body = f"{backend} {node.name}"
        response = requests.post(
            f"{backend}/lambda/{host.id}/direct",
            json=body,
            headers={"Grip-Sig": jwt.encode(claims, key, algorithm="HS256"), "Prefer": "wait=1"},
            timeout=5,
        )
        assert response.headers["Grip-Hold"] == "response", response.text
        wait_until(
            lambda host=host, body=body: body in [seen["params"][0] for seen in host.seen],  # type: ignore[misc]
            what="the call",
        )


@pytest.mark.parametrize("caller", ["n1", "n2", "n3"])
@pytest.mark.parametrize("host", ["n1", "n2", "n3"])
def test_a_call_touches_the_nodes_of_its_host_and_its_caller_alone(
    cluster: Cluster, hosts: dict[str, Host], deliveries: Deliveries, host: str, caller: str
) -> None:
    nodes = {node.name: node for node in cluster.nodes}
    bytes_before = settled(lambda: published_bytes(cluster.nodes), 0.1)
    deliveries.read()

    response = call(nodes[caller].url, hosts[host].id, "large", '"' + "b" * BODY + '"')

    assert response.json() == host + "r" * RESULT
    delivered = [
        (node, channel.partition("-")[0]) for node, channel in settled_deliveries(deliveries)
    ]
    assert Counter(delivered) == {(host, "host"): 1, (caller, "call"): 1}
    # What nobody is subscribed to is not in the statistics: count what was sent to each, too.
    bytes_after = settled(lambda: published_bytes(cluster.nodes), 0.1)
    for name in nodes:
        expected = (BODY if name == host else 0) + (RESULT if name == caller else 0)
        arrived = bytes_after[name] - bytes_before[name]
        assert expected <= arrived <= expected * 1.1


def test_a_lambda_is_reopened_on_another_node_and_the_first_host_is_told(
    cluster: Cluster,
) -> None:
    first, second, third = cluster.nodes
    one = Socket(first.ws_url)
    lambda_id, _ = one.open()
    wait_until(lambda: lambda_id in cluster.listing())

    def answer(method: str, body: Any) -> Any:
        return ["second", body]

    with Host(second.ws_url, answer, f"/lambda/new/{lambda_id}?token={one.token}") as other:
        assert other.id == lambda_id
        assert one.closed()[0] == 4409
        assert call(third.url, lambda_id, body="1").json() == ["second", 1]
    assert call(first.url, lambda_id, body="1").status_code == 404


def test_callers_on_other_nodes_learn_at_once_that_a_host_has_gone(cluster: Cluster) -> None:

    first, second, third = cluster.nodes
    one = Socket(first.ws_url)
    one.open()
    wait_until(lambda: one.id in cluster.listing())
    waiting = [calling(node.url, one.id, wait=30) for node in (second, third)]
    for _ in waiting:
        one.receive()
    began = time.monotonic()

    one.drop()

    for each in waiting:
        response = each.result(5)
        assert (response.status_code, response.json()["code"]) == (502, "disconnected")
    assert time.monotonic() - began < 2


def test_all_are_healthy_and_ready_and_say_so_quickly(cluster: Cluster) -> None:
    proxies = {node.name: "ok" for node in cluster.nodes}
    for url in (cluster.url, *(node.url for node in cluster.nodes), *cluster.backends):
        alive, ready = health(f"{url}/healthz"), health(f"{url}/readyz")
        assert (alive.status, alive.body) == (200, {"status": "ok"})
        assert (ready.status, ready.body) == (
            200,
            {"status": "ready", "store": "ok", "proxies": proxies},
        )
        assert alive.seconds < 1
        assert ready.seconds < 1


def settled_deliveries(deliveries: Deliveries) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []

    def count() -> int:
        found.extend(deliveries.read())
        return len(found)

    settled(count, 0.2)
    return found


@pytest.mark.parametrize("transport", ["sse", "poll"])
def test_a_host_without_websocket_goes_on_through_another_node(
    cluster: Cluster, transport: str
) -> None:
    one: Any = connect(transport, cluster.nodes[0].url)
    one.open()
    wait_until(lambda: one.id in cluster.listing())
    before = calling(cluster.url, one.id, body='"before"')
    asked = one.receive()
    one.drop()
    during = calling(cluster.nodes[2].url, one.id, body='"during"')

    one.move(cluster.nodes[1].url)
    again = one.resumed()

    message = again.receive()
    assert message["params"] == ["during"]
    again.answer(message, result="kept")
    again.answer(asked, result="still in flight")
    assert (before.result(10).json(), during.result(10).json()) == ("still in flight", "kept")
    after = calling(cluster.url, one.id, body='"after"')
    again.answer(again.receive(), result="here")
    assert after.result(10).json() == "here"
    requests.delete(f"{cluster.url}/lambda/{one.id}?token={one.token}", timeout=10)
    again.await_end("deleted")
    again.close()


def test_what_is_held_by_any_node_comes_at_once_and_whole(cluster: Cluster) -> None:
    """Behind two nginx, one of which stands between a Pushpin and the backends."""
    one = Socket(cluster.nodes[0].ws_url)
    one.open()
    wait_until(lambda: one.id in cluster.listing())
    with requests.post(
        f"{cluster.url}/lambda/{one.id}/test",
        headers={"Accept": "text/event-stream"},
        stream=True,
        timeout=10,
    ) as streamed:
        lines = streamed.iter_lines()
        message = one.receive()
        one.send({"method": "progress", "params": [message["id"], "half"], "id": None})
        assert b'data: "half"' in lines
        one.answer(message, result="done")
        assert b'data: "done"' in lines
    result = "x" * 3_000_000
    large = calling(cluster.url, one.id)
    body = json.dumps({"id": one.receive()["id"], "result": result})
    time.sleep(0.5)  # it is held by then
    requests.post(f"{cluster.url}/lambda/new/{one.id}?token={one.token}", body, timeout=10)
    assert large.result(10).json() == result
    one.close()
