"""Hosts of each codec: the same for their callers, whichever they chose."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urljoin

import pytest
import requests
from websockets.exceptions import InvalidStatus

from tests.support.clients import Socket, call, calling
from tests.support.monologue import MonologueSocket
from tests.support.stack import Stack, wait_until

V1, V2 = "json-rpc", "jsonrpc-2.0"


class CodecSocket(Socket):
    """A host that says each message in its codec."""

    code = V1

    def send(self, message: object) -> None:
        if self.code == V2 and isinstance(message, dict):
            message = {"jsonrpc": "2.0", **message}
        super().send(message)

    def call(self) -> dict[str, Any]:
        """Wait for a call; check what its codec adds."""
        message = self.receive()
        if self.code == V2:
            assert message.pop("jsonrpc") == "2.0"
        return message


Open = Callable[..., CodecSocket]


@pytest.fixture
def opened(stack: Stack) -> Iterator[Open]:
    """Open a lambda in a codec, by its address or by a subprotocol."""
    sockets: list[CodecSocket] = []

    def open_socket(
        code: str, answer: object = "ok", query: str = "", **options: Any
    ) -> CodecSocket:
        path = f"/lambda/new?code={code}&{query}" if not options else f"/lambda/new?{query}"
        one = CodecSocket(stack.ws_url, path, **options)
        sockets.append(one)
        one.code = code
        one.open(answer)
        wait_until(lambda: one.id in stack.listing(), what="the listing of a lambda")
        return one

    yield open_socket
    for one in sockets:
        one.close()


both = pytest.mark.parametrize("code", [V1, V2])


@both
def test_the_listing_tells_the_codec(stack: Stack, opened: Open, code: str) -> None:
    one = opened(code)

    assert stack.listing()[one.id]["code"] == code


@both
def test_a_subprotocol_chooses_it_and_is_echoed(stack: Stack, opened: Open, code: str) -> None:
    one = opened(code, subprotocols=["mqtt", code])

    assert one.socket.subprotocol == code
    assert stack.listing()[one.id]["code"] == code


@both
@pytest.mark.parametrize("body", ["1.50", '"x"', "null", "[1,[2]]", '{"b":1e400,"a":"\\ud83d"}'])
def test_bodies_and_results_pass_as_they_are(
    stack: Stack, opened: Open, code: str, body: str
) -> None:
    one = opened(code)
    waiting = calling(stack.url, one.id, "m", body)

    text = str(one.socket.recv(10))
    token = json.loads(text, parse_float=str)["id"]
    params = body if code == V2 and body.startswith("{") else f"[{body}]"
    start = '{"jsonrpc":"2.0",' if code == V2 else "{"
    assert text == f'{start}"method":"m","params":{params},"id":"{token}"}}'
    one.socket.send(f'{start}"id":"{token}","result":{body}}}')

    response = waiting.result(10)
    assert (response.status_code, response.text) == (200, body)


@both
def test_errors_reach_the_caller_whole(stack: Stack, opened: Open, code: str) -> None:
    one = opened(code)
    error = {"code": -32602, "message": "Invalid params", "data": [1, {"x": None}]}
    waiting = calling(stack.url, one.id, "m", "1")

    one.answer(one.call(), error=error)

    response = waiting.result(10)
    assert (response.status_code, response.json()) == (400, {"error": error})


@both
def test_deadlines_late_answers_and_limits(stack: Stack, opened: Open, code: str) -> None:
    one = opened(code, {"max_calls": 1})
    waiting = calling(stack.url, one.id, "m", "1", wait=0.3)
    late = one.call()

    assert call(stack.url, one.id, "m", "1").status_code == 429
    assert waiting.result(10).status_code == 504
    one.answer(late, result="late")
    waiting = calling(stack.url, one.id, "m", "2")
    one.answer(one.call(), result="in time")
    assert waiting.result(10).json() == "in time"


@both
def test_a_host_that_goes_away_fails_its_calls(stack: Stack, opened: Open, code: str) -> None:
    one = opened(code)
    waiting = calling(stack.url, one.id, "m", "1")
    one.call()

    one.drop()

    assert waiting.result(10).status_code == 502


@both
@pytest.mark.parametrize("text", ["x", "5", "{}", '{"id":{}}', "[1", '{"method":5,"id":1}'])
def test_what_is_not_json_rpc_ends_the_connection(opened: Open, code: str, text: str) -> None:
    one = opened(code)

    one.socket.send(text)

    assert one.closed()[0] == 1007


@both
def test_a_host_that_refuses_to_open_is_closed(stack: Stack, code: str) -> None:
    one = CodecSocket(stack.ws_url, f"/lambda/new?code={code}")
    one.code = code
    assert one.call()["id"] == 0

    one.send({"id": 0, "error": {"code": 1, "message": "no"}})

    assert one.closed()[0] == 4400


@both
def test_a_lambda_is_opened_again_in_another_codec(stack: Stack, opened: Open, code: str) -> None:
    first = opened(code)
    other = V1 if code == V2 else V2
    again = CodecSocket(stack.ws_url, f"/lambda/new/{first.id}?code={other}&token={first.token}")
    again.code = other
    again.open()
    assert first.closed()[0] == 4409

    waiting = calling(stack.url, first.id, "m", "1")
    again.answer(again.call(), result=2)

    assert waiting.result(10).json() == 2
    assert stack.listing()[first.id]["code"] == other
    again.close()


@both
def test_progress_and_cancellation(stack: Stack, opened: Open, code: str) -> None:
    one = opened(code)
    id_of = {} if code == V2 else {"id": None}
    with requests.post(
        f"{stack.url}/lambda/{one.id}/m",
        data="1",
        headers={"Accept": "text/event-stream"},
        stream=True,
        timeout=10,
    ) as response:
        message = one.call()
        one.send({"method": "progress", "params": [message["id"], {"done": 5}], **id_of})
        one.answer(message, result="all")
        text = response.text
    assert text.index("event: progress") < text.index("event: result")
    assert '{"done":5}' in text.replace(" ", "")

    started = call(stack.url, one.id, "m", "1", headers={"Prefer": "respond-async"})
    message = one.call()
    requests.delete(urljoin(started.url, started.headers["Location"]), timeout=10)
    assert one.call() == {"method": "rpc.cancel", "params": [message["id"]], **id_of}


@both
def test_a_host_that_wants_the_context_gets_it_in_order(
    stack: Stack, opened: Open, code: str
) -> None:
    one = opened(code, {"context": True})
    waiting = calling(stack.url, one.id, "m", '{"a":1}')

    message = one.call()

    event, context = message["params"]
    assert event == {"a": 1}
    assert isinstance(context, dict)
    one.answer(message, result=None)
    assert waiting.result(10).text == "null"


@both
def test_a_monologue_client_gives_its_arguments_in_order(
    stack: Stack, opened: Open, code: str
) -> None:
    one, client = opened(code), MonologueSocket(stack.ws_url)
    client.whoami()
    client.request(one.id, "t", "m", {"a": 1})

    message = one.call()

    assert message["params"] == [{"a": 1}]
    one.answer(message, result=5)
    assert client.receive()["payload"]["data"] == {"token": "t", "ret": 5}
    client.close()


# JSON-RPC 2.0 alone


def test_a_batch_of_answers_and_requests(stack: Stack, opened: Open) -> None:
    one = opened(V2)
    waiting = [calling(stack.url, one.id, "m", str(number)) for number in range(3)]
    calls = [one.call() for _ in waiting]
    batch: list[Any] = [
        {"jsonrpc": "2.0", "id": each["id"], "result": each["params"]} for each in calls
    ]
    batch += [{"jsonrpc": "2.0", "id": 7, "method": "what"}, "nonsense"]

    Socket.send(one, batch)

    assert sorted(future.result(10).json() for future in waiting) == [[0], [1], [2]]
    answer: Any = one.receive()
    assert [(each["id"], each["error"]["code"]) for each in answer] == [(7, -32601), (None, -32600)]
    Socket.send(one, [])
    assert one.receive()["error"]["code"] == -32600
    one.send({"id": "q", "method": "what"})
    answer = one.receive()
    assert (answer["id"], answer["error"]["code"]) == ("q", -32601)


def test_a_batch_may_acknowledge(stack: Stack) -> None:
    one = CodecSocket(stack.ws_url, "/lambda/new?code=jsonrpc-2.0")
    lambda_id = one.receive()["params"][0]

    Socket.send(one, [{"jsonrpc": "2.0", "id": 0, "result": {"methods": ["m"]}}])

    wait_until(lambda: lambda_id in stack.listing())
    one.close()


@pytest.mark.parametrize("query", ["code=jsonrpc-3.0", "code=", "code=monologue"])
@pytest.mark.parametrize("accept", ["", "text/event-stream", "application/json"])
def test_codecs_that_are_not_spoken_are_refused(stack: Stack, query: str, accept: str) -> None:
    if accept:
        refused = requests.get(
            f"{stack.url}/lambda/new?{query}", headers={"Accept": accept}, timeout=10
        )
        assert (refused.status_code, refused.json()["code"]) == (406, "not_acceptable")
        return
    with pytest.raises(InvalidStatus) as error:
        Socket(stack.ws_url, f"/lambda/new?{query}")
    assert error.value.response.status_code == 406


def test_a_host_that_polls_may_choose_it(stack: Stack) -> None:
    url = f"{stack.url}/lambda/new"
    polls = {"Accept": "application/json"}
    first = requests.get(f"{url}?code=jsonrpc-2.0", headers=polls, timeout=10)
    (opening,) = first.json()
    lambda_id, details = opening["params"]
    assert opening["jsonrpc"] == "2.0"
    own = {"token": details["token"]}
    refused = requests.post(f"{url}/{lambda_id}", params=own, data='{"id":0}', timeout=10)
    assert refused.status_code == 400
    done = requests.post(
        f"{url}/{lambda_id}",
        params=own,
        json=[{"jsonrpc": "2.0", "id": 0, "result": 1}],
        timeout=10,
    )
    assert done.status_code == 204
    waiting = calling(stack.url, lambda_id, "m", '{"a":1}')

    polls["Last-Event-ID"] = first.headers["Last-Event-ID"]
    (message,) = requests.get(f"{url}/{lambda_id}", params=own, headers=polls, timeout=20).json()
    assert message["params"] == {"a": 1}
    answer = {"jsonrpc": "2.0", "id": message["id"], "result": "polled"}
    requests.post(f"{url}/{lambda_id}", params=own, json=answer, timeout=10)

    assert waiting.result(10).json() == "polled"
    assert stack.listing()[lambda_id]["code"] == "jsonrpc-2.0"
    requests.delete(f"{stack.url}/lambda/{lambda_id}", params=own, timeout=10)
