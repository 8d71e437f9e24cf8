"""All hosts of a service asked at once, on a real stack."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.integration.test_services import path
from tests.support.clients import Host
from tests.support.stack import Stack
from tests.support.transports import TRANSPORTS, Connection

Hosting = Callable[..., Connection]
HostFactory = Callable[..., Host]
STREAM = {"Accept": "text/event-stream"}


def ask_all(
    stack: Stack, name: str, method: str = "m", body: object = None, **options: Any
) -> requests.Response:
    url = f"{stack.url}/service/{name}/all/{method}"
    options.setdefault("timeout", 30)
    return requests.post(url, json=body, **options)


def events(response: requests.Response) -> Iterator[tuple[str, Any]]:
    """Yield the events of a stream, as they come."""
    name = ""
    for line in response.iter_lines(chunk_size=1):
        text = line.decode()
        if text.startswith("event: "):
            name = text[7:]
        elif text.startswith("data: "):
            yield name, json.loads(text[6:])


@pytest.mark.bare_too
@pytest.mark.function_too
def test_the_answers_of_all_by_id(stack: Stack, hosting: Hosting) -> None:
    hosts = [hosting(transport, path("gathered")) for transport in TRANSPORTS]
    busy = hosting("websocket", path("gathered"), answer={"max_calls": 1})
    with ThreadPoolExecutor() as pool:
        url = f"{stack.url}/lambda/{busy.id}/other"
        other = pool.submit(requests.post, url, timeout=20)
        in_flight = busy.receive()
        asked = pool.submit(ask_all, stack, "gathered", "m", [1])
        for n, one in enumerate(hosts):
            message = one.receive()
            assert (message["method"], message["params"]) == ("m", [[1]])
            if n:
                one.answer(message, result={"n": n})
            else:
                one.answer(message, error="no")
        response = asked.result()
        assert response.status_code == 200
        answers = response.json()
        assert answers[hosts[0].id] == {"status": 400, "error": "no"}
        for n, one in enumerate(hosts[1:], 1):
            assert answers[one.id] == {"status": 200, "result": {"n": n}}
        assert (answers[busy.id]["status"], answers[busy.id]["code"]) == (429, "busy")
        assert set(answers) == {busy.id, *(one.id for one in hosts)}
        busy.answer(in_flight, result=1)
        assert other.result().json() == 1


@pytest.mark.bare_too
def test_who_is_late_or_gone_has_that_as_answer(stack: Stack, hosting: Hosting) -> None:
    late, gone, quick = (hosting("websocket", path("uneven")) for _ in range(3))
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(ask_all, stack, "uneven", headers={"Prefer": "wait=1.5"})
        gone.receive()
        gone.drop()
        quick.answer(quick.receive(), result="quick")
        answers = asked.result().json()
    assert answers[quick.id] == {"status": 200, "result": "quick"}
    assert (answers[late.id]["status"], answers[late.id]["code"]) == (504, "deadline_exceeded")
    assert (answers[gone.id]["status"], answers[gone.id]["code"]) == (502, "disconnected")


@pytest.mark.bare_too
def test_a_slow_host_delays_no_answer_of_the_stream(stack: Stack, hosting: Hosting) -> None:
    slow, *others = (hosting("websocket", path("stream-all")) for _ in range(3))
    with ask_all(stack, "stream-all", headers=STREAM, stream=True) as response:
        assert response.headers["Content-Type"].startswith("text/event-stream")
        told = events(response)
        for one in others:
            one.answer(one.receive(), result=one.id)
            assert next(told) == ("answer", {"id": one.id, "status": 200, "result": one.id})
        slow.answer(slow.receive(), result="at last")
        last = {"id": slow.id, "status": 200, "result": "at last"}
        assert next(told) == ("answer", last)
        assert next(told) == ("end", {"hosts": 3})
        assert next(told, None) is None


@pytest.mark.bare_too
@pytest.mark.parametrize("headers", [{}, STREAM])
def test_hosts_are_told_if_the_caller_goes(
    stack: Stack, hosting: Hosting, headers: dict[str, str]
) -> None:
    """The body is not empty: Pushpin does not see who goes after ``Content-Length: 0``."""
    host = hosting("websocket", path("left"))
    response = None
    try:
        options: dict[str, Any] = {"headers": headers, "stream": True, "timeout": 1.5}
        response = ask_all(stack, "left", "m", [1], **options)
    except requests.Timeout:
        assert not headers  # a gathered answer has not even begun
    message = host.receive()
    if response is not None:
        response.close()
    told = host.receive()
    assert (told["method"], told["params"]) == ("rpc.cancel", [message["id"]])


def test_what_is_refused(stack: Stack, hosting: Hosting) -> None:
    hosting("websocket", path("refusing"))
    for headers in ({"Prefer": "respond-async"}, {"Idempotency-Key": "k"}):
        refused = ask_all(stack, "refusing", headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (400, "bad_request")
    for name, method, status in [
        ("nobody", "m", 404),
        ("1st", "m", 400),
        ("refusing", "open", 400),
        ("refusing", "rpc.x", 400),
    ]:
        assert ask_all(stack, name, method).status_code == status
    url = f"{stack.url}/service/refusing/all/m"
    assert requests.head(url, timeout=10).status_code == 405
    assert requests.post(url, data="{", timeout=10).status_code == 400


def test_large_answers_arrive_as_a_whole(stack: Stack, host: HostFactory) -> None:
    """Together they are more than comes through a Pushpin."""
    hosts = [host(lambda method, body: "x" * 90_000, path=path("large")) for _ in range(14)]
    answers = ask_all(stack, "large").json()
    assert {len(answers[one.id]["result"]) for one in hosts} == {90_000}


def test_a_query_is_the_body(stack: Stack, host: HostFactory) -> None:
    one = host(path=path("queried"))
    got = requests.get(f"{stack.url}/service/queried/all/m?a=1", timeout=10)
    assert got.json() == {one.id: {"status": 200, "result": {"a": "1"}}}


@pytest.mark.bare_too
def test_answers_that_take_their_time(stack: Stack, hosting: Hosting) -> None:
    """Pushpin asks again after a second for what it holds; this comes after that."""
    host = hosting("websocket", path("patient"))
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(ask_all, stack, "patient")
        message = host.receive()
        with pytest.raises(TimeoutError):
            asked.result(2.5)
        host.answer(message, result="late")
        assert asked.result(5).json() == {host.id: {"status": 200, "result": "late"}}
