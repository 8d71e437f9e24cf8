"""Streamed calls: progress in order, none lost, and one end."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from grip_lambda.protocol.sse import Event, Parser
from tests.integration.conftest import SocketFactory, StackFactory
from tests.support.clients import Socket, call, calling
from tests.support.stack import Stack, wait_until

STREAM = {"Accept": "text/event-stream"}


class Reader:
    """A caller that reads a stream, event by event."""

    def __init__(
        self, stack: Stack, lambda_id: str, last_event_id: str = "", **headers: str
    ) -> None:
        headers |= {"Last-Event-ID": last_event_id} if last_event_id else {}
        self.response = requests.post(
            f"{stack.url}/lambda/{lambda_id}/test",
            data="1",
            headers={**STREAM, **headers},
            stream=True,
            timeout=20,
        )
        self._parser = Parser()
        self._pieces = self.response.iter_content(None)
        self._events = self._read()

    def _read(self) -> Iterator[Event]:
        for piece in self._pieces:
            yield from self._parser.feed(piece)

    def next(self) -> Event:
        return next(self._events)

    def next_id(self) -> str:
        """Read on until there is an id to come back with."""
        while not self._parser.last_id:
            self._parser.feed(next(self._pieces))
        return self._parser.last_id

    def rest(self) -> list[Event]:
        return list(self._events)

    def close(self) -> None:
        self.response.close()


def progress(host: Socket, message: dict[str, Any], value: object) -> None:
    host.send({"method": "progress", "params": [message["id"], value], "id": None})


def shown(events: list[Event]) -> list[tuple[str, Any]]:
    return [(one.name, json.loads(one.data)) for one in events]


def test_progress_comes_as_it_is_reported_and_then_the_result(
    stack: Stack, opened: SocketFactory
) -> None:
    host = opened()
    caller = Reader(stack, host.id)
    assert caller.response.status_code == 200
    assert caller.response.headers["Content-Type"].startswith("text/event-stream")
    message = host.receive()
    for value in (1, {"ä": [None]}, "x\r\ny"):
        progress(host, message, value)
        event = caller.next()
        assert (event.name, json.loads(event.data)) == ("progress", value)
    host.answer(message, result={"done": True})

    assert shown(caller.rest()) == [("result", {"done": True})]


def test_a_thousand_events_come_in_order_and_none_is_lost(
    stack: Stack, opened: SocketFactory
) -> None:
    host = opened()
    caller = Reader(stack, host.id)
    message = host.receive()

    def work() -> None:
        for n in range(1000):
            progress(host, message, n)
        host.answer(message, result="end")

    threading.Thread(target=work, daemon=True).start()

    assert shown(caller.rest()) == [("progress", n) for n in range(1000)] + [("result", "end")]


def test_a_stream_of_an_answer_at_once_has_one_event(stack: Stack, opened: SocketFactory) -> None:
    host = opened()
    for n in range(20):
        caller = Reader(stack, host.id)
        host.answer(host.receive(), result=n)
        assert shown(caller.rest()) == [("result", n)]


def test_an_error_ends_a_stream_with_its_status(stack: Stack, opened: SocketFactory) -> None:
    host = opened()
    caller = Reader(stack, host.id)
    message = host.receive()
    progress(host, message, 1)
    host.answer(message, error={"why": "not"})

    assert shown(caller.rest())[1:] == [("error", {"error": {"why": "not"}, "status": 400})]


def test_a_deadline_ends_a_stream(stack: Stack, opened: SocketFactory) -> None:
    host = opened()
    began = time.monotonic()
    ((name, error),) = shown(Reader(stack, host.id, Prefer="wait=0.5").rest())

    assert (name, error["code"], error["status"]) == ("error", "deadline_exceeded", 504)
    assert time.monotonic() - began < 2


def test_the_end_of_its_host_ends_a_stream(stack: Stack, opened: SocketFactory) -> None:
    host = opened()
    caller = Reader(stack, host.id)
    progress(host, host.receive(), 1)
    assert caller.next().name == "progress"
    host.drop()

    ((name, error),) = shown(caller.rest())

    assert (name, error["code"], error["status"]) == ("error", "disconnected", 502)


def test_what_is_refused_is_a_plain_response(stack: Stack, opened: SocketFactory) -> None:
    unknown = call(stack.url, "A" * 16, headers=dict(STREAM))
    no_json = call(stack.url, opened().id, body="{", headers=dict(STREAM))

    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")
    assert (no_json.status_code, no_json.json()["code"]) == (400, "bad_request")


@pytest.mark.parametrize(
    ("accept", "streams"),
    [
        ("text/event-stream", True),
        ("text/event-stream, */*;q=0.1", True),
        ("application/json;q=0.5, text/event-stream", True),
        ("application/json", False),
        ("*/*", False),
        ("text/event-stream;q=0", False),
        ("application/json, text/event-stream;q=0.9", False),
    ],
)
def test_a_caller_chooses_what_it_accepts(
    stack: Stack, opened: SocketFactory, accept: str, streams: bool
) -> None:
    host = opened()
    response = calling(stack.url, host.id, headers={"Accept": accept})
    host.answer(host.receive(), result=1)

    kind = response.result(10).headers["Content-Type"]
    assert kind.startswith("text/event-stream" if streams else "application/json")


def test_progress_of_a_plain_call_changes_nothing(stack: Stack, opened: SocketFactory) -> None:
    host = opened()
    response = calling(stack.url, host.id)
    message = host.receive()
    progress(host, message, 1)
    host.answer(message, result=2)

    assert response.result(10).json() == 2


@pytest.mark.parametrize(
    "params", [None, [], ["x"], [1, 2], {"a": 1}, ["A" * 22, 1], ["", 1], [None, 1]]
)
def test_progress_of_nothing_costs_its_host_nothing(
    stack: Stack, opened: SocketFactory, params: object
) -> None:
    host = opened()
    host.send({"method": "progress", "params": params, "id": None})

    response = calling(stack.url, host.id)
    host.answer(host.receive(), result=1)
    assert response.result(10).json() == 1


def test_another_host_can_add_nothing(stack: Stack, opened: SocketFactory) -> None:
    host, thief = opened(), opened()
    caller = Reader(stack, host.id)
    message = host.receive()
    progress(thief, message, "forged")
    thief.answer(message, result="forged")
    response = calling(stack.url, thief.id)  # when this is answered the forged ones were read
    thief.answer(thief.receive(), result=1)
    assert response.result(10).json() == 1
    host.answer(message, result="right")

    assert shown(caller.rest()) == [("result", "right")]


# Coming back


def test_a_caller_that_comes_back_goes_on_after_its_last_event(
    stack: Stack, opened: SocketFactory
) -> None:
    host = opened()
    first = Reader(stack, host.id)
    message = host.receive()
    for n in range(3):
        progress(host, message, n)
    seen = [first.next() for _ in range(2)]
    first.close()
    progress(host, message, 3)

    again = Reader(stack, host.id, seen[-1].id)
    assert shown([again.next(), again.next()]) == [("progress", 2), ("progress", 3)]
    progress(host, message, 4)
    host.answer(message, result="end")

    rest = again.rest()
    assert shown(rest) == [("progress", 4), ("result", "end")]
    late = Reader(stack, host.id, seen[0].id)
    assert [name for name, _ in shown(late.rest())] == ["progress"] * 4 + ["result"]
    over = Reader(stack, host.id, rest[-1].id)
    assert over.response.status_code == 204


def test_the_later_of_two_readers_has_the_stream(stack: Stack, opened: SocketFactory) -> None:
    host = opened()
    first = Reader(stack, host.id)
    message = host.receive()
    progress(host, message, 1)
    last = first.next()

    second = Reader(stack, host.id, last.id)
    assert first.rest() == []
    host.answer(message, result=2)

    assert shown(second.rest()) == [("result", 2)]


@pytest.mark.parametrize(
    "event_id", ["1", "x.1", "A" * 22 + ".1", "A" * 22 + ".", "A" * 22 + ".99999999999", "ä.1"]
)
def test_an_unknown_event_is_not_found_and_calls_nobody(
    stack: Stack, opened: SocketFactory, event_id: str
) -> None:
    host = opened()
    headers: dict[str, str | bytes] = {**STREAM, "Last-Event-ID": event_id.encode()}
    response = requests.post(f"{stack.url}/lambda/{host.id}/test", headers=headers, timeout=10)

    assert (response.status_code, response.json()["code"]) == (404, "not_found")
    plain = calling(stack.url, host.id, "next")
    message = host.receive()
    assert message["method"] == "next", "the first that the host was asked"
    host.answer(message, result=1)
    assert plain.result(10).status_code == 200


def test_an_event_id_in_the_query_is_one_and_no_argument(
    stack: Stack, opened: SocketFactory
) -> None:
    """Polyfills of EventSource put it there, where the header would need a preflight."""
    host = opened()
    url = f"{stack.url}/lambda/{host.id}/test"
    first = requests.get(f"{url}?a=1&lastEventId=", headers=STREAM, stream=True, timeout=10)
    message = host.receive()
    assert message["params"] == [{"a": "1"}]
    assert "no-transform" in first.headers["Cache-Control"]
    host.answer(message, result=2)
    parser = Parser()
    events = [event for piece in first.iter_content(None) for event in parser.feed(piece)]
    assert shown(events) == [("result", 2)]

    over = requests.get(f"{url}?a=1&lastEventId={events[-1].id}", headers=STREAM, timeout=10)
    begin = f"{message['id']}.0"
    again = requests.get(f"{url}?lastEventId={begin}", headers=STREAM, timeout=10)
    both = requests.get(
        f"{url}?lastEventId=x", headers={**STREAM, "Last-Event-ID": begin}, timeout=10
    )
    unknown = requests.get(f"{url}?lastEventId=x", headers=STREAM, timeout=10)

    assert (over.status_code, unknown.status_code) == (204, 404)
    assert shown(parser_of(again)) == shown(parser_of(both)) == [("result", 2)]
    # To a call that is not streamed it is an argument like any other.
    with ThreadPoolExecutor(1) as pool:
        plain = pool.submit(requests.get, f"{url}?lastEventId=x", timeout=10)
        message = host.receive()
        assert message["params"] == [{"lastEventId": "x"}]
        host.answer(message, result=1)
        assert plain.result(10).status_code == 200


def parser_of(response: requests.Response) -> list[Event]:
    return Parser().feed(response.content)


@pytest.mark.parametrize(
    "accept", ["application/json", "*/*", "application/json, text/event-stream"]
)
def test_who_goes_on_never_makes_a_call(stack: Stack, opened: SocketFactory, accept: str) -> None:
    host = opened()
    headers = {"Accept": accept, "Last-Event-ID": "A" * 22 + ".1"}

    response = requests.post(f"{stack.url}/lambda/{host.id}/test", headers=headers, timeout=10)

    assert (response.status_code, response.json()["code"]) == (404, "not_found")
    plain = calling(stack.url, host.id, "next")
    message = host.receive()
    assert message["method"] == "next", "the first that the host was asked"
    host.answer(message, result=1)
    assert plain.result(10).status_code == 200


def test_parameters_of_what_is_accepted_say_nothing(stack: Stack, opened: SocketFactory) -> None:
    caller = Reader(stack, opened().id, Accept="text/event-stream;charset=utf-8")

    assert caller.response.headers["Content-Type"].startswith("text/event-stream")
    caller.close()


def test_an_event_of_another_lambda_is_not_found(stack: Stack, opened: SocketFactory) -> None:
    host, other = opened(), opened()
    caller = Reader(stack, host.id)
    progress(host, host.receive(), 1)
    event = caller.next()

    assert Reader(stack, other.id, event.id).response.status_code == 404


def test_nobody_but_the_proxy_follows_a_stream(stack: Stack, opened: SocketFactory) -> None:
    host = opened()
    caller = Reader(stack, host.id)
    message = host.receive()
    forged = f"log-{host.id}-1-{message['id']}; last-id=0"
    for name in ("Grip-Last", "Grip_Last"):  # WSGI does not tell them apart
        for link in ("1", forged, "x.y", "stream", "stream.y"):
            url = f"{stack.url}/call-streams/{link}"
            response = requests.get(url, headers={name: forged}, timeout=10)
            assert (response.status_code, response.json()["code"]) == (404, "not_found")
    host.answer(message, result=1)
    assert shown(caller.rest()) == [("result", 1)]


def test_a_stream_outlives_every_backend(start_stack: StackFactory) -> None:
    stack = start_stack()
    host = Socket(stack.ws_url)
    host.open()
    wait_until(lambda: host.id in stack.listing(), what="the listing of a lambda")
    caller = Reader(stack, host.id)
    message = host.receive()
    progress(host, message, 1)
    assert caller.next().data == b"1"
    host.settle()
    stack.kill_workers()
    progress(host, message, 2)
    assert caller.next().data == b"2"
    host.answer(message, result=3)

    assert shown(caller.rest()) == [("result", 3)]


# Callers that go, and calls that are made once


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack where who is away for a second has gone."""
    running = Stack(tmp_path_factory.mktemp("hasty"), GRIP_LAMBDA_GRACE="1")
    yield running
    running.stop()


def test_a_call_whose_caller_has_gone_is_cancelled_at_its_host(hasty: Stack) -> None:
    host = Socket(hasty.ws_url)
    host.open()
    wait_until(lambda: host.id in hasty.listing(), what="the listing of a lambda")
    leaving, staying = Reader(hasty, host.id), Reader(hasty, host.id)
    left, kept = host.receive(), host.receive()
    token = leaving.next_id().partition(".")[0]
    if left["id"] != token:
        left, kept = kept, left
    began = time.monotonic()
    leaving.close()

    assert host.receive() == {"method": "rpc.cancel", "params": [token], "id": None}
    assert 0.9 < time.monotonic() - began < 3
    assert requests.get(f"{hasty.url}/calls/{token}", timeout=10).status_code == 410
    host.answer(left, result="late")
    host.answer(kept, result="kept")
    assert shown(staying.rest()) == [("result", "kept")]


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
def test_a_call_that_somebody_else_waits_for_is_not_cancelled(hasty: Stack, accept: str) -> None:
    host = Socket(hasty.ws_url)
    host.open()
    wait_until(lambda: host.id in hasty.listing(), what="the listing of a lambda")
    same = {"Idempotency-Key": "a"}
    leaving = Reader(hasty, host.id, **same)
    message = host.receive()
    leaving.next_id()
    leaving.close()
    staying = calling(hasty.url, host.id, "test", "1", headers={**same, "Accept": accept})

    with pytest.raises(TimeoutError):
        host.receive(3.0)  # of a cancellation, or of a second call
    host.answer(message, result=1)

    response = staying.result(10)
    assert response.status_code == 200
    assert response.text in ("1", "event: result\ndata: 1\n\n")
    host.close()


def test_a_caller_that_is_back_in_time_keeps_its_call(hasty: Stack) -> None:
    host = Socket(hasty.ws_url)
    host.open()
    wait_until(lambda: host.id in hasty.listing(), what="the listing of a lambda")
    caller = Reader(hasty, host.id)
    message = host.receive()
    event_id = caller.next_id()
    caller.close()

    again = Reader(hasty, host.id, event_id)
    with pytest.raises(TimeoutError):
        host.receive(2.0)  # of a cancellation
    host.answer(message, result=1)
    assert shown(again.rest()) == [("result", 1)]


def test_a_cancelled_stream_ends_with_an_error(stack: Stack, opened: SocketFactory) -> None:
    host = opened()
    caller = Reader(stack, host.id)
    message = host.receive()
    progress(host, message, 1)
    token = caller.next().id.partition(".")[0]

    assert requests.delete(f"{stack.url}/calls/{token}", timeout=10).status_code == 204

    assert host.receive()["method"] == "rpc.cancel"
    ((name, error),) = shown(caller.rest())
    assert (name, error["code"], error["status"]) == ("error", "cancelled", 410)


def test_the_same_call_as_a_stream_and_plain(stack: Stack, opened: SocketFactory) -> None:
    host = opened()
    key = {"Idempotency-Key": "a"}
    plain = calling(stack.url, host.id, "test", "1", headers=dict(key))
    message = host.receive()
    begun: list[Reader] = []
    thread = threading.Thread(target=lambda: begun.append(Reader(stack, host.id, **key)))
    thread.start()
    host.answer(message, result=7)
    thread.join(10)

    assert plain.result(10).json() == 7
    assert shown(begun[0].rest()) == [("result", 7)]
    assert shown(Reader(stack, host.id, **key).rest()) == [("result", 7)]
