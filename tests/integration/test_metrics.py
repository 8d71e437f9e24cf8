"""Figures for whoever operates a server, as Prometheus reads them."""

from __future__ import annotations

import json
import os
import re
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests
from prometheus_client.parser import text_string_to_metric_families as prometheus_families

from tests.integration.conftest import HostFactory, StackFactory
from tests.support.clients import Host, Socket, call, calling
from tests.support.cluster import Cluster
from tests.support.stack import Stack, wait_until
from tests.support.watching import OPENMETRICS, families, get, metrics

CALLS = "grip_lambda_calls_total"
#: The metrics that the API promises, as OpenMetrics calls their families.
PROMISED = {
    "grip_lambda_calls": "counter",
    "grip_lambda_call_seconds": "histogram",
    "grip_lambda_calls_in_flight": "gauge",
    "grip_lambda_open": "gauge",
    "grip_lambda_publish_errors": "counter",
    "grip_lambda_store_errors": "counter",
}


def outcomes(url: str) -> dict[str, float]:
    """Return how many calls have ended how; without those outcomes that none had."""
    return {labels[0]: count for labels, count in metrics(url)[CALLS].items() if count}


def test_what_is_promised_is_there_with_a_word_for_each(stack: Stack) -> None:
    shown = families(stack.url)

    assert {name: shown[name].type for name in PROMISED} == PROMISED
    assert all(one.documentation for one in shown.values())
    assert all(name.startswith("grip_lambda_") for name in shown)
    transports = {one.labels["transport"] for one in shown["grip_lambda_open"].samples}
    assert transports == {"websocket", "sse", "poll"}


def test_without_a_wish_the_form_is_that_of_prometheus(stack: Stack) -> None:
    answer = requests.get(f"{stack.url}/metrics", timeout=10)

    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.headers["Cache-Control"] == "no-store"
    assert "grip_lambda_open" in {one.name for one in prometheus_families(answer.text)}


def test_outcomes_add_up_to_the_calls_that_were_made(
    start_stack: StackFactory,
) -> None:
    stack = start_stack()
    with Host(stack.ws_url, lambda method, body: 1 / body) as one:
        wait_until(lambda: one.id in stack.listing(), what="the listing")
        slow = Socket(stack.ws_url)
        slow.open()
        wait_until(lambda: slow.id in stack.listing(), what="the listing")
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda n: call(stack.url, one.id, body=str(n % 2)), range(40)))
        call(stack.url, "a" * 16)
        call(stack.url, one.id, body="no JSON")
        call(stack.url, slow.id, wait=0.05)
        missed = call(stack.url, slow.id, wait=0.4)  # the store knows this one
        left = calling(stack.url, slow.id)
        for _ in range(3):
            slow.receive()
        slow.drop()
        assert (missed.status_code, left.result(10).status_code) == (504, 502)

        wait_until(lambda: sum(outcomes(stack.url).values()) >= 45, what="the figures")
        figures = metrics(stack.url)

    assert outcomes(stack.url) == {
        **{"ok": 20, "error": 20, "not_found": 1, "bad_request": 1},
        **{"deadline_exceeded": 2, "disconnected": 1},
    }
    assert figures["grip_lambda_call_seconds_count"][()] == 43  # those whose hosts were asked
    assert figures["grip_lambda_call_seconds_bucket"]["+Inf",] == 43
    assert figures["grip_lambda_calls_in_flight"][()] == 0
    assert figures["grip_lambda_call_bytes_total"]["in",] > 40
    assert figures["grip_lambda_processes"][()] == 2


def test_what_a_process_has_counted_outlives_it(start_stack: StackFactory) -> None:
    stack = start_stack()
    with Host(stack.ws_url, lambda method, body: body) as one:
        wait_until(lambda: one.id in stack.listing(), what="the listing")
        for _ in range(20):
            call(stack.url, one.id)
        assert outcomes(stack.url) == {"ok": 20}  # which has each process write them down

        stack.kill_workers()

        assert outcomes(stack.url) == {"ok": 20}
        before = set(stack.workers())
        # One that is just starting does not heed the signal yet.
        wait_until(
            lambda: before == {one["pid"] for one in get(stack.url, "/status")["backends"]},
            what="the start of both",
        )
        for _ in range(20):
            call(stack.url, one.id)
        for pid in before:
            os.kill(pid, signal.SIGTERM)  # nothing is lost if a process is told to end
        wait_until(lambda: not before & set(stack.workers()), 30, "the end of both")
        wait_until(stack.is_ready, 30, "the start")

        assert outcomes(stack.url) == {"ok": 40}
        assert metrics(stack.url)["grip_lambda_calls_in_flight"][()] == 0


def test_no_label_is_a_clients_to_choose(stack: Stack, host: HostFactory) -> None:
    one = host()
    before = set(metrics(stack.url)[CALLS])
    for number in range(20):
        call(stack.url, one.id, f"method-{number}", headers={"X-Api-Key": f"key-{number}"})
        call(stack.url, f"{number:016}")
        requests.request(f"VERB{number}", f"{stack.url}/lambda/{one.id}/x", timeout=10)

    text = requests.get(f"{stack.url}/metrics", headers=OPENMETRICS, timeout=10).text

    assert len(set(metrics(stack.url)[CALLS]) - before) <= 3
    for chosen in ("method-", "key-", "VERB", one.id):
        assert chosen not in text


def test_lambdas_are_counted_by_transport(stack: Stack, host: HostFactory) -> None:
    before = metrics(stack.url)["grip_lambda_open"]["websocket",]
    for _ in range(3):
        host()

    assert metrics(stack.url)["grip_lambda_open"]["websocket",] == before + 3


def test_all_backends_of_a_cluster_are_in_one_answer(cluster: Cluster) -> None:
    with Host(cluster.nodes[0].ws_url, lambda method, body: body) as one:
        wait_until(lambda: one.id in cluster.listing(), what="the listing")
        before = outcomes(cluster.url).get("ok", 0)
        for _ in range(12):
            call(cluster.url, one.id)

        every = [outcomes(url)["ok"] for url in (cluster.url, *(n.url for n in cluster.nodes))]
        figures = metrics(cluster.url)

    assert every == [before + 12] * 4
    assert figures["grip_lambda_pushpin_up"] == {("n1",): 1, ("n2",): 1, ("n3",): 1}
    assert figures["grip_lambda_processes"][()] == len(cluster.backends)


def test_the_dashboard_shows_metrics_that_exist(stack: Stack) -> None:
    dashboard = json.loads((Path(__file__).parents[2] / "deploy/grafana.json").read_text())
    expressions = [
        target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())
    ]
    variables = [
        one["definition"] for one in dashboard["templating"]["list"] if "definition" in one
    ]
    shown = set(re.findall(r"\bgrip_lambda_\w+", " ".join(expressions + variables)))
    ends = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "gauge": ("",)}
    exist = {
        one.name + end for one in families(stack.url).values() for end in ends.get(one.type, ())
    }
    described = (Path(__file__).parents[2] / "docs/watching.md").read_text()

    assert len(shown) > 10
    assert shown <= exist
    for family in families(stack.url).values():
        name = family.name + ("_total" if family.type == "counter" else "")
        assert f"`{name}" in described
