"""Hosts without WebSocket: what is peculiar to streams, polls and posts."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import Any
from urllib.parse import urljoin

import pytest
import requests

from tests.support import raw
from tests.support.clients import call, calling
from tests.support.stack import Stack, wait_until
from tests.support.transports import Stream, connect

HTTP = ["sse", "poll"]
ACCEPT = {"sse": "text/event-stream", "poll": "application/json"}

Open = Callable[..., Any]


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that soon finds out who is away."""
    running = Stack(tmp_path_factory.mktemp("quick"), GRIP_LAMBDA_PING="1", GRIP_LAMBDA_GRACE="2")
    yield running
    running.stop()


@pytest.fixture
def opened(stack: Stack) -> Iterator[Open]:
    """Open lambdas that the test answers for by hand; they are listed when this returns."""
    connections = []

    def open_one(transport: str, on: Stack = stack, **options: Any) -> Any:
        one = connect(transport, on.url, **options)
        connections.append((on, one))
        one.open()
        wait_until(lambda: one.id in on.listing(), what="the listing of a lambda")
        return one

    yield open_one
    for on, one in connections:
        requests.delete(f"{on.url}/lambda/{one.id}?token={one.token}", timeout=10)
        one.close()


def ask(stack: Stack, path: str, transport: str, **headers: str) -> requests.Response:
    """Send what opens a lambda or goes on with it, and look at the answer only."""
    headers = {"Accept": ACCEPT[transport], "Prefer": "wait=0.1", **headers}
    with requests.get(stack.url + path, headers=headers, stream=True, timeout=10) as response:
        if response.headers["Content-Type"] != "text/event-stream":
            assert response.content
        return response


def refused(response: requests.Response) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


def check_call(stack: Stack, one: Any, body: Any = 7) -> None:
    future = calling(stack.url, one.id, body=json.dumps(body))
    message = one.receive()
    assert message["params"] == [body]
    one.answer(message, result={"got": body})
    assert future.result(10).json() == {"got": body}


# Choosing a transport


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("text/event-stream", "text/event-stream"),
        ("application/json", "application/json"),
        ("text/event-stream;q=0.5, application/json", "application/json"),
        ("application/json;q=0.2, text/event-stream;q=0.3, */*", "text/event-stream"),
        ("application/json, text/plain", "application/json"),
        ("Text/Event-Stream; charset=utf-8", "text/event-stream"),
    ],
)
def test_the_client_says_what_it_takes(stack: Stack, accept: str, expected: str) -> None:
    response = ask(stack, "/lambda/new", "sse", Accept=accept)

    assert (response.status_code, response.headers["Content-Type"]) == (200, expected)
    assert response.headers["Cache-Control"].startswith("no-store")


@pytest.mark.parametrize(
    "accept",
    [
        *("*/*", "text/html, */*;q=0.8", "text/*", "text/event-stream;q=0", "", "a/b"),
        *("application/json, text/plain, */*", "text/plain, application/json"),
    ],
)
def test_who_takes_anything_is_asked_for_a_websocket(stack: Stack, accept: str) -> None:
    response = ask(stack, "/lambda/new", "sse", Accept=accept)

    assert refused(response) == (426, "upgrade_required")
    assert "text/event-stream" in response.json()["error"]


def test_an_event_id_in_the_query_goes_on(stack: Stack, opened: Open) -> None:
    """Polyfills of EventSource put it there, where the header would need a preflight."""
    one = opened("sse")
    one.close()
    last = one.last

    for path in ("/lambda/new", f"/lambda/new/{one.id}"):
        again = Stream(stack.url, f"{path}?lastEventId={last}")
        future = calling(stack.url, one.id, body="7")
        message = again.receive()
        assert message["method"] != "open"
        requests.post(
            f"{stack.url}/lambda/new/{one.id}?token={one.token}",
            data=json.dumps({"id": message["id"], "result": 8}),
            timeout=5,
        )
        assert future.result(10).json() == 8
        last = again.last
        again.close()
    forged = ask(stack, "/lambda/new?lastEventId=x", "sse")
    assert refused(forged) == (403, "forbidden")
    header = ask(stack, f"/lambda/new?lastEventId={last}", "sse", **{"Last-Event-ID": "x"})
    assert refused(header) == (403, "forbidden")


@pytest.mark.parametrize("transport", HTTP)
def test_head_opens_nothing(stack: Stack, transport: str) -> None:
    headers = {"Accept": ACCEPT[transport]}

    assert requests.head(f"{stack.url}/lambda/new", headers=headers, timeout=5).status_code == 405


# Streams


def test_a_stream_is_unnamed_events_with_secret_ids(stack: Stack, opened: Open) -> None:
    one = opened("sse")
    first = one.last
    check_call(stack, one)

    assert len(first) >= 40
    assert one.last != first
    assert first not in requests.get(f"{stack.url}/lambda/{one.id}", timeout=5).text


@pytest.mark.parametrize(
    "path", ["/lambda/new", "/lambda/new/{id}", "/lambda/new/{id}?token={token}"]
)
def test_a_stream_goes_on_after_the_last_event(stack: Stack, opened: Open, path: str) -> None:
    one = opened("sse")
    before = calling(stack.url, one.id, body='"before"')
    asked = one.receive()
    one.drop()
    during = calling(stack.url, one.id, body='"during"')

    again = one.resumed(path.format(id=one.id, token=one.token))

    message = again.receive()
    assert message["params"] == ["during"]
    again.answer(message, result="kept")
    again.answer(asked, result="still in flight")
    assert during.result(10).json() == "kept"
    assert before.result(10).json() == "still in flight"
    check_call(stack, again)
    again.close()


def test_a_stream_that_is_asked_for_twice_ends_the_earlier_one(stack: Stack, opened: Open) -> None:
    one = opened("sse")
    again = one.resumed()

    one._await_nothing_more(5)
    check_call(stack, again)
    again.close()


def test_a_stream_before_its_acknowledgement_goes_on_too(stack: Stack) -> None:
    one = Stream(stack.url)
    one.greet()
    one.drop()
    again = one.resumed()
    again.send({"id": 0, "result": "ok"})
    wait_until(lambda: again.id in stack.listing())

    check_call(stack, again)
    requests.delete(f"{stack.url}/lambda/{again.id}?token={again.token}", timeout=10)
    again.close()


# Polls


def test_a_poll_ends_with_nothing_in_time(opened: Open) -> None:
    one = opened("poll")
    one.close()

    started = time.monotonic()
    reply = one.poll(wait=0.5)
    elapsed = time.monotonic() - started

    assert (reply.status, reply.body) == (200, b"[]")
    assert reply.headers["last-event-id"] == one.last
    assert 0.5 <= elapsed < 1.0


def test_the_same_cursor_gives_the_same_messages_and_a_later_one_the_rest(
    stack: Stack, opened: Open
) -> None:
    one = opened("poll")
    one.close()
    futures = [calling(stack.url, one.id, body="1")]
    first = one.poll(wait=5)
    futures.append(calling(stack.url, one.id, body="2"))
    wait_until(lambda: len(one.poll(wait=0.2).json()) == 2)
    again = one.poll(wait=5)

    assert again.json()[:1] == first.json()
    assert one.poll(wait=5).body == again.body
    rest = one.poll(wait=5, last=first.headers["last-event-id"])
    assert rest.json() == again.json()[1:]
    for message in again.json():
        one.answer(message, result=message["params"][0])
    assert [future.result(10).json() for future in futures] == [1, 2]
    assert one.poll(wait=0.2, last=rest.headers["last-event-id"]).body == b"[]"


def test_of_two_polls_the_earlier_ends_with_nothing(stack: Stack, opened: Open) -> None:
    one = opened("poll")
    one.close()
    ended: SimpleQueue[raw.Reply] = SimpleQueue()
    polls = [threading.Thread(target=lambda: ended.put(one.poll(wait=20))) for _ in range(2)]
    for poll in polls:
        poll.start()

    early = ended.get(timeout=5)
    assert (early.status, early.body) == (200, b"[]")
    assert early.headers["last-event-id"] == one.last
    future = calling(stack.url, one.id, body="1")
    (message,) = ended.get(timeout=5).json()
    one.answer(message, result="late")
    assert future.result(10).json() == "late"


def test_calls_between_two_polls_are_kept(stack: Stack, opened: Open) -> None:
    one = opened("poll")
    one.close()
    futures = [calling(stack.url, one.id, body=str(n)) for n in range(5)]
    messages: list[Any] = []
    while len(messages) < 5:
        reply = one.poll(wait=5)
        messages += reply.json()
        one.last = reply.headers["last-event-id"]

    for message in messages:
        one.answer(message, result=message["params"][0])
    assert sorted(future.result(10).json() for future in futures) == list(range(5))
    assert len({message["id"] for message in messages}) == 5


# Event ids


@pytest.mark.parametrize("transport", HTTP)
def test_a_forged_event_id_is_refused(stack: Stack, opened: Open, transport: str) -> None:
    one, other = opened(transport), opened("sse")
    text, _, mac = one.last.rpartition(".")

    for forged in ("x", text, f"{text}.{mac[::-1]}", f"{text}1.{mac}", "." * 9, "x" * 4000):
        for path in ("/lambda/new", f"/lambda/new/{one.id}?token={one.token}"):
            answer = ask(stack, path, transport, **{"Last-Event-ID": forged})
            assert answer.status_code == 403, (forged, path, answer.text)
    path = f"/lambda/new/{other.id}?token={other.token}"
    answer = ask(stack, path, transport, **{"Last-Event-ID": one.last})
    assert refused(answer) == (403, "forbidden")
    answer = ask(
        stack, f"/lambda/new/{one.id}?token={other.token}", transport, **{"Last-Event-ID": one.last}
    )
    assert refused(answer) == (403, "forbidden")
    check_call(stack, one)


@pytest.mark.parametrize("transport", HTTP)
def test_an_event_id_from_before_a_takeover_or_the_end_is_of_no_use(
    stack: Stack, opened: Open, transport: str
) -> None:
    one = opened(transport)
    former = one.last
    again = opened("websocket", path=f"/lambda/new/{one.id}?token={one.token}")
    one.await_end("taken_over")
    assert refused(ask(stack, "/lambda/new", transport, **{"Last-Event-ID": former})) == (
        409,
        "taken_over",
    )

    requests.delete(f"{stack.url}/lambda/{one.id}?token={again.token}", timeout=10)

    for _ in range(2):
        answer = ask(stack, "/lambda/new", transport, **{"Last-Event-ID": former})
        assert refused(answer) == (410, "cancelled")
        again = opened(transport, path=f"/lambda/new/{one.id}?token={one.token}")


@pytest.mark.parametrize("transport", HTTP)
def test_a_lambda_that_is_gone_is_opened_again_under_its_id(
    quick: Stack, opened: Open, transport: str
) -> None:
    one = opened(transport, on=quick)
    waiting = calling(quick.url, one.id)
    one.receive()
    one.drop()
    left = time.monotonic()

    assert waiting.result(10).json()["code"] == "disconnected"
    assert 2 <= time.monotonic() - left < 5
    wait_until(lambda: one.id not in quick.listing())
    again = one.resumed("/lambda/new")
    lambda_id, details = again.open()

    assert lambda_id == one.id
    assert details["recovered"] is True
    wait_until(lambda: one.id in quick.listing())
    check_call(quick, again)
    again.close()


@pytest.mark.parametrize("transport", HTTP)
def test_a_host_that_is_connected_stays(quick: Stack, opened: Open, transport: str) -> None:
    one = opened(transport, on=quick)
    waiting = calling(quick.url, one.id)
    message = one.receive()
    started = time.monotonic()
    wait_until(lambda: one.id not in quick.listing() or time.monotonic() - started > 5)
    one.answer(message, result="still here")

    assert waiting.result(10).json() == "still here"


# Posts


@pytest.mark.parametrize("transport", ["websocket", *HTTP])
def test_a_large_result_goes_up_by_post(stack: Stack, opened: Open, transport: str) -> None:
    one = opened(transport)
    future = calling(stack.url, one.id)
    message = one.receive()
    result = "x" * 10_000_000

    answer = post(stack, one, json.dumps({"id": message["id"], "result": result}).encode())

    assert (answer.status_code, answer.content) == (204, b"")
    assert future.result(20).json() == result


def post(stack: Stack, one: Any, body: bytes, token: str | None = None) -> requests.Response:
    query = one.token if token is None else token
    address = f"{stack.url}/lambda/new/{one.id}?token={query}"
    return requests.post(address, data=body, timeout=30)


@pytest.mark.parametrize("where", ["first", "last", "array"])
def test_a_result_that_is_too_large_is_told_to_its_caller(
    stack: Stack, opened: Open, where: str
) -> None:
    one = opened("poll")
    future = calling(stack.url, one.id)
    call_id = one.receive()["id"].encode()
    result = b'"%b"' % (b'\\"id' * 3_000_000)
    body = {
        "first": b'{"error":null,"id":"%b","result":%b}' % (call_id, result),
        "last": b'{"result":%b, "error": null, "id" : "%b"}\n' % (result, call_id),
        "array": b'[{"id":"%b","result":%b}]' % (call_id, result),
    }[where]

    answer = post(stack, one, body)

    assert refused(answer) == (413, "too_large")
    assert refused(future.result(10)) == (502, "result_too_large")
    check_call(stack, one)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[{]",
        b"7",
        b'{"result":1}',
        b'{"id":{},"result":1}',
        b"[" * 100_000,
        b'{"id":"%b","result":"\xff"}',
        b'[{"id":"%b","result":1},{"result":2}]',
        b'[{"id":"%b","result":1},7]',
    ],
    ids=lambda body: repr(body[:30]),
)
def test_of_what_is_no_json_rpc_nothing_is_used(stack: Stack, opened: Open, body: bytes) -> None:
    one = opened("sse")
    future = calling(stack.url, one.id)
    message = one.receive()

    assert refused(post(stack, one, body.replace(b"%b", message["id"].encode()))) == (
        400,
        "bad_request",
    )

    assert not future.done()
    one.answer(message, result="used")
    assert future.result(10).json() == "used"


def test_many_answers_may_come_in_one_array(stack: Stack, opened: Open) -> None:
    one = opened("sse")
    futures = [calling(stack.url, one.id, body=str(n)) for n in range(3)]
    messages = [one.receive() for _ in range(3)]
    answers = [{"id": known["id"], "result": known["params"][0]} for known in messages]
    cut = '{"id":null,"result":"\\ud83d"}'

    answer = post(stack, one, f" [{cut},{json.dumps(answers)[1:]}".encode())

    assert answer.status_code == 204, answer.text
    assert [future.result(10).json() for future in futures] == [0, 1, 2]


@pytest.mark.parametrize("transport", ["websocket", *HTTP])
def test_posting_takes_the_token_of_an_open_lambda(
    stack: Stack, opened: Open, transport: str
) -> None:
    one, other = opened(transport), opened("sse")
    future = calling(stack.url, one.id)
    message = one.receive()
    body = json.dumps({"id": message["id"], "result": "forged"}).encode()

    for token in ("", "wrong", other.token, "%FF%00"):
        assert refused(post(stack, one, body, token)) == (403, "forbidden")
    assert post(stack, other, body).status_code == 204, "late or forged answers are dropped"
    other.id = "AAAAbbbb0000-_zz"
    assert refused(post(stack, other, body)) == (404, "not_found")
    other.id = "x"
    assert refused(post(stack, other, body)) == (400, "bad_request")

    assert not future.done()
    one.answer(message, result="mine")
    assert future.result(10).json() == "mine"


def test_a_full_host_is_busy(stack: Stack, opened: Open) -> None:
    """A host that reads nothing costs a bounded number of bytes."""
    one = opened("poll")
    one.close()
    body = b'"%b"' % bytes(99_000).replace(b"\0", b"x")
    statuses: list[int] = []

    def work() -> None:
        while not (429 in statuses or len(statuses) > 300):
            answer = call(stack.url, one.id, body=body, headers={"Prefer": "respond-async"})
            if answer.status_code == 202:
                location = urljoin(answer.url, answer.headers["Location"])
                statuses.append(requests.get(location, timeout=10).status_code)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)

    assert 429 in statuses
    assert 160 < len(statuses) < 180
