"""Asynchronous calls, cancellation, and calls that are made once."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any
from urllib.parse import urljoin

import pytest
import requests

from tests.integration.conftest import SocketFactory, StackFactory
from tests.support.clients import Host, call, calling
from tests.support.stack import Stack, wait_until

ASYNC = {"Prefer": "respond-async"}


class Gate:
    """A handler whose answers wait until the test opens it."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.asked: list[Any] = []

    def __call__(self, method: str, body: Any) -> Any:
        self.asked.append(body)
        if method == "fail":
            raise ValueError("no")
        if method == "count":
            return len(body)
        if method != "quick":
            assert self.opened.wait(20), "the test did not open the gate"
        return {"method": method, "body": body}


def listed(stack: Stack, gate: Gate, **options: Any) -> Host:
    """Open a lambda, and wait until it can be called."""
    one = Host(stack.ws_url, gate, **options)
    wait_until(lambda: one.id in stack.listing(), what="the listing of a lambda")
    return one


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def host(stack: Stack, gate: Gate) -> Iterator[Host]:
    with listed(stack, gate) as one:
        yield one
        gate.opened.set()


def begin(stack: Stack, host: Host, method: str = "test", body: Any = 1, **options: Any) -> str:
    """Begin a call, and return where its result will be."""
    headers = {**ASYNC, **options.pop("headers", {})}
    response = call(stack.url, host.id, method, json.dumps(body), headers=headers, **options)
    assert response.status_code == 202, response.text
    return urljoin(response.url, response.headers["Location"])


def ask(location: str, wait: float | None = None) -> requests.Response:
    headers = {} if wait is None else {"Prefer": f"wait={wait}"}
    return requests.get(location, headers=headers, timeout=30)


def asking(location: str, wait: float) -> Future[requests.Response]:
    future: Future[requests.Response] = Future()
    threading.Thread(target=lambda: future.set_result(ask(location, wait)), daemon=True).start()
    return future


# Asynchronous calls


def test_an_asynchronous_call_is_accepted_at_once_and_shows_its_result_later(
    stack: Stack, host: Host, gate: Gate
) -> None:
    response = call(stack.url, host.id, "test", "[1]", headers=ASYNC)

    assert response.status_code == 202
    assert response.json().keys() == {"state", "created"}
    location = urljoin(response.url, response.headers["Location"])
    assert location.startswith(f"{stack.url}/calls/")
    assert len(location) == len(f"{stack.url}/calls/") + 22
    pending = ask(location)
    assert (pending.status_code, pending.json()) == (202, response.json())
    assert pending.json()["state"] == "pending"
    gate.opened.set()
    done = ask(location, wait=10)
    assert (done.status_code, done.json()) == (200, {"method": "test", "body": [1]})
    assert ask(location).content == done.content
    assert len(gate.asked) == 1


def test_waiting_for_a_result_ends_in_time(stack: Stack, host: Host) -> None:
    location = begin(stack, host)

    began = time.monotonic()
    response = ask(location, wait=1.5)

    assert response.status_code == 202
    assert response.json()["state"] == "pending"
    assert 1.4 <= time.monotonic() - began < 2.5


def test_all_who_wait_for_a_result_get_the_same(stack: Stack, host: Host, gate: Gate) -> None:
    location = begin(stack, host)
    waiting = [asking(location, 20) for _ in range(5)]
    late = begin(stack, host)  # the ones before have begun to wait for over a second
    assert ask(late, wait=1.2).status_code == 202
    gate.opened.set()

    answers = [one.result(20) for one in waiting]

    assert {one.status_code for one in answers} == {200}
    assert len({one.content for one in answers}) == 1
    assert len(gate.asked) == 2


def test_an_asynchronous_error_is_shown_as_the_call_would_have_shown_it(
    stack: Stack, host: Host
) -> None:
    response = ask(begin(stack, host, "fail"), wait=10)

    assert (response.status_code, response.json()) == (400, {"error": "no"})


def test_an_asynchronous_call_has_its_deadline(stack: Stack, host: Host) -> None:
    location = begin(stack, host, headers={"Prefer": "respond-async, wait=0.5"})

    response = ask(location, wait=10)

    assert (response.status_code, response.json()["code"]) == (504, "deadline_exceeded")


def test_an_asynchronous_call_fails_when_its_host_goes(stack: Stack, opened: SocketFactory) -> None:
    host = opened()
    response = call(stack.url, host.id, headers=ASYNC)
    host.receive()
    waiting = asking(urljoin(response.url, response.headers["Location"]), 20)
    host.drop()

    assert (waiting.result(10).status_code, waiting.result().json()["code"]) == (
        502,
        "disconnected",
    )


def test_what_is_refused_is_refused_at_once(stack: Stack, host: Host) -> None:
    unknown = call(stack.url, "A" * 16, headers=ASYNC)
    no_json = call(stack.url, host.id, body="{", headers=ASYNC)

    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")
    assert (no_json.status_code, no_json.json()["code"]) == (400, "bad_request")


@pytest.mark.parametrize("token", ["A" * 22, "A", "A" * 23, "%01"])
def test_an_unknown_call_is_not_found(stack: Stack, token: str) -> None:
    for method in ("GET", "DELETE"):
        response = requests.request(method, f"{stack.url}/calls/{token}", timeout=10)
        assert (response.status_code, response.json()["code"]) == (404, "not_found")


def test_a_plain_call_is_not_shown_to_who_knows_its_token(
    stack: Stack, opened: SocketFactory
) -> None:
    host = opened()
    waiting = calling(stack.url, host.id)
    message = host.receive()

    assert ask(f"{stack.url}/calls/{message['id']}").status_code == 404
    host.answer(message, result=1)
    assert waiting.result(10).status_code == 200
    assert ask(f"{stack.url}/calls/{message['id']}").status_code == 404


def test_an_asynchronous_body_may_be_larger(stack: Stack, host: Host, gate: Gate) -> None:
    body = "x" * 6_291_000

    location = begin(stack, host, "count", body)

    assert ask(location, wait=20).json() == len(body)
    too_large = call(stack.url, host.id, "count", json.dumps(body + "x" * 500), headers=ASYNC)
    assert (too_large.status_code, too_large.json()["code"]) == (413, "too_large")


# Cancellation


def test_a_cancelled_call_is_gone_and_its_host_is_told(stack: Stack, opened: SocketFactory) -> None:
    host = opened()
    response = call(stack.url, host.id, headers=ASYNC)
    location = urljoin(response.url, response.headers["Location"])
    message = host.receive()
    waiting = asking(location, 20)

    assert requests.delete(location, timeout=10).status_code == 204

    token = message["id"]
    assert host.receive() == {"method": "rpc.cancel", "params": [token], "id": None}
    assert (waiting.result(10).status_code, waiting.result().json()["code"]) == (410, "cancelled")
    host.answer(message, result="late")
    assert ask(location).status_code == 410
    assert requests.delete(location, timeout=10).status_code == 204


def test_cancelling_frees_the_place_of_a_call(stack: Stack, opened: SocketFactory) -> None:
    host = opened({"max_calls": 1})
    response = call(stack.url, host.id, headers=ASYNC)
    assert call(stack.url, host.id).status_code == 429

    requests.delete(urljoin(response.url, response.headers["Location"]), timeout=10)

    assert call(stack.url, host.id, headers=ASYNC).status_code == 202


# Calls that are made once


def once(key: str, **headers: str) -> dict[str, str]:
    return {"Idempotency-Key": key, **headers}


def test_a_second_call_with_the_same_key_gets_the_answer_of_the_first(
    stack: Stack, host: Host, gate: Gate
) -> None:
    first = call(stack.url, host.id, "quick", "1", headers=once("a"))
    second = call(stack.url, host.id, "quick", "1", headers=once("a"))

    assert first.status_code == second.status_code == 200
    assert first.content == second.content
    assert len(gate.asked) == 1


def test_a_second_call_waits_for_the_first(stack: Stack, host: Host, gate: Gate) -> None:
    calls = [calling(stack.url, host.id, "test", "1", headers=once("b")) for _ in range(4)]
    wait_until(lambda: gate.asked)
    impatient = call(stack.url, host.id, "test", "1", wait=1.5, headers=once("b"))
    assert (impatient.status_code, impatient.json()["code"]) == (504, "deadline_exceeded")
    gate.opened.set()

    answers = [one.result(20) for one in calls]

    assert [one.status_code for one in answers] == [200] * 4
    assert len({one.content for one in answers}) == 1
    assert len(gate.asked) == 1


def test_an_error_is_kept_for_the_second_call_too(stack: Stack, host: Host, gate: Gate) -> None:
    answers = [call(stack.url, host.id, "fail", "1", headers=once("c")) for _ in range(2)]

    assert [(one.status_code, one.json()) for one in answers] == [(400, {"error": "no"})] * 2
    assert len(gate.asked) == 1


def test_another_body_with_the_same_key_is_refused(stack: Stack, host: Host, gate: Gate) -> None:
    call(stack.url, host.id, "quick", "1", headers=once("d"))

    response = call(stack.url, host.id, "quick", "2", headers=once("d"))

    assert (response.status_code, response.json()["code"]) == (422, "key_reused")
    assert gate.asked == [1]


def test_keys_are_kept_apart_by_method_and_lambda(stack: Stack, host: Host, gate: Gate) -> None:
    with listed(stack, gate) as other:
        call(stack.url, host.id, "quick", "1", headers=once("e"))
        call(stack.url, host.id, "fail", "2", headers=once("e"))
        call(stack.url, other.id, "quick", "3", headers=once("e"))

    assert gate.asked == [1, 2, 3]


def test_what_never_reached_a_host_is_forgotten(stack: Stack, gate: Gate) -> None:
    with listed(stack, gate, answer={"max_calls": 1}) as host:
        busy = calling(stack.url, host.id, "test", "0")
        wait_until(lambda: gate.asked)
        refused = call(stack.url, host.id, "quick", "1", headers=once("f"))
        assert refused.status_code == 429
        gate.opened.set()
        assert busy.result(10).status_code == 200

        assert call(stack.url, host.id, "quick", "2", headers=once("f")).status_code == 200
    assert gate.asked == [0, 2]


def test_an_asynchronous_call_is_made_once_too(stack: Stack, host: Host, gate: Gate) -> None:
    first = begin(stack, host, headers=once("g"))
    second = begin(stack, host, headers=once("g"))
    held = calling(stack.url, host.id, "test", "1", headers=once("g"))
    assert first == second
    gate.opened.set()

    assert held.result(10).content == ask(first, wait=10).content
    assert held.result().status_code == 200
    third = call(stack.url, host.id, "test", "1", headers=once("g", **ASYNC))
    assert (third.status_code, third.json()["state"]) == (202, "ended")
    assert len(gate.asked) == 1


def test_a_held_call_with_a_key_can_be_cancelled_by_who_finds_it(
    stack: Stack, host: Host, gate: Gate
) -> None:
    held = calling(stack.url, host.id, "test", "1", headers=once("h"))
    wait_until(lambda: gate.asked)
    location = begin(stack, host, headers=once("h"))

    assert requests.delete(location, timeout=10).status_code == 204

    assert (held.result(10).status_code, held.result().json()["code"]) == (410, "cancelled")


def test_a_key_that_is_too_long_is_refused(stack: Stack, host: Host) -> None:
    response = call(stack.url, host.id, "quick", headers=once("k" * 256))

    assert (response.status_code, response.json()["code"]) == (400, "bad_request")


def test_results_outlive_every_backend(start_stack: StackFactory, gate: Gate) -> None:
    own_stack = start_stack()
    with listed(own_stack, gate) as host:
        location = begin(own_stack, host)
        keyed = calling(own_stack.url, host.id, "test", "2", headers=once("i"))
        wait_until(lambda: len(gate.asked) == 2)
        host.settle()
        # Pushpin repeats what it holds after a second, and has nobody to ask while all are dead.
        assert ask(location, wait=1.5).status_code == 202
        own_stack.kill_workers()
        gate.opened.set()

        assert ask(location, wait=20).json() == {"method": "test", "body": 1}
        assert keyed.result(20).status_code == 200
        own_stack.kill_workers()
        assert ask(location).json() == {"method": "test", "body": 1}
        again = call(own_stack.url, host.id, "test", "2", headers=once("i"))
        assert again.content == keyed.result().content
        assert len(gate.asked) == 2
