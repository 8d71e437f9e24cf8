"""Monologue: clients that behave as the original, and what goes beyond it."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from websockets.exceptions import InvalidStatus

from grip_lambda.hub import Hub
from grip_lambda.hub.hosts import Connection, Session
from grip_lambda.hub.hosts.session import MonologueTerms
from grip_lambda.settings import load
from tests.integration.conftest import HostFactory, SocketFactory, StackFactory
from tests.support.clients import Socket, call, calling
from tests.support.monologue import MonologueSocket, Original
from tests.support.redis import RedisServer
from tests.support.stack import Stack, wait_until

UNUSED_ID = "AAAAbbbb0000-_zz"
ClientFactory = Callable[..., MonologueSocket]
OriginalFactory = Callable[..., Original]


@pytest.fixture
def client(stack: Stack) -> Iterator[ClientFactory]:
    """Connect to ``/monologue`` and ask for the id; the test says the rest."""
    running: list[MonologueSocket] = []

    def start(path: str = "/monologue", **options: object) -> MonologueSocket:
        running.append(MonologueSocket(stack.ws_url, path, **options))
        running[-1].whoami()
        return running[-1]

    yield start
    for one in running:
        one.close()


@pytest.fixture
def original(stack: Stack) -> Iterator[OriginalFactory]:
    """Connect clients that behave as the original."""
    running: list[Original] = []

    def start(path: str = "/monologue", **options: Any) -> Original:
        one = Original(stack.ws_url + path, **options)
        one.connect()
        running.append(one)
        return one

    yield start
    for one in running:
        one.close()


def nak(one: Socket) -> dict[str, Any]:
    """Wait for a NAK; return its data, and who sent it as ``from``."""
    message = one.receive()
    assert message.keys() == {"from", "payload"}
    assert message["payload"]["type"] == "NAK"
    return {"from": message["from"], **message["payload"]["data"]}


# As the original


def test_whoami_is_answered_with_the_bare_id(stack: Stack, client: ClientFactory) -> None:
    one = client()

    assert re.fullmatch(r"[\w-]{16}", one.id)
    entry = stack.listing()[one.id]
    assert entry["code"] == "monologue"


def test_clients_connect_close_and_connect_again(stack: Stack, original: OriginalFactory) -> None:
    one, other = original(), original()
    first = one.connection_id

    one.close()
    wait_until(lambda: first not in stack.listing())
    one.close()
    one.connect()

    assert one.connection_id != first
    one.on("hello", lambda name: f"hello {name}")
    assert other.call(one.connection_id, "hello", "you") == "hello you"


def test_arguments_come_in_their_order_and_what_is_returned_goes_back(
    original: OriginalFactory,
) -> None:
    seen: list[tuple[Any, ...]] = []
    one, other = original(), original()

    def listener(*args: Any) -> dict[str, str]:
        seen.append(args)
        return {"sample": "data2"}

    one.on("test1", listener)

    answer = other.call(one.connection_id, "test1", "string1", {"data": "string1"}, True)

    assert answer == {"sample": "data2"}
    assert seen == [("string1", {"data": "string1"}, True)]


def test_a_listener_that_is_missing_lets_the_caller_wait(original: OriginalFactory) -> None:
    one, other = original(), original(timeout_s=0.4)

    with pytest.raises(TimeoutError):
        other.call(one.connection_id, "invalid-function")


def test_a_listener_that_returns_nothing_gives_nothing(
    client: ClientFactory, original: OriginalFactory
) -> None:
    one, other = original(), client()
    one.on("nothing", lambda: None)

    other.request(one.connection_id, "t1", "nothing")

    assert other.receive() == {
        "from": one.connection_id,
        "payload": {"type": "ACK", "data": {"token": "t1"}},
    }


@pytest.mark.parametrize("path", ["/latest", "/monologues", "/monologue/x/y", "/"])
def test_a_wrong_endpoint_is_refused(stack: Stack, path: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        MonologueSocket(stack.ws_url, path)

    assert 400 <= refused.value.response.status_code < 500


def test_any_key_will_do_where_none_are_configured(original: OriginalFactory) -> None:
    one, other = original(api_key="invalid"), original(api_key="")
    one.on("x", lambda: 1)

    assert other.call(one.connection_id, "x") == 1


def test_payloads_are_routed_as_they_came(client: ClientFactory) -> None:
    caller, callee = client(), client()
    asked = (
        '{"type" : "REQ","more":[1.50,1e400],"data":{ "token":"t\\u00e9","name":"a.b/c d",'
        '"args":[123456789012345678901234567890,"\\ud83d",{"b":1,"a":2}],"note":null}}'
    )
    caller.socket.send(f'{{"payload":{asked},"to":"{callee.id}","from":"forged"}}')

    received = callee.socket.recv(10)
    assert received == f'{{"from":"{caller.id}","payload":{asked}}}'

    answered = '{"data":{"ret":[1.0,-0],"token":"té","took":5},"type":"ACK"}'
    callee.socket.send(f'{{"to":"{caller.id}","payload":{answered}}}')
    assert caller.socket.recv(10) == f'{{"from":"{callee.id}","payload":{answered}}}'


def test_messages_of_other_types_are_routed(client: ClientFactory) -> None:
    one, other = client(), client()
    for payload in ({"type": "EVT"}, {"type": "EVT", "data": {"token": "x"}, "n": 1}):
        one.send({"to": other.id, "payload": payload})

        assert other.receive() == {"from": one.id, "payload": payload}


def test_a_client_can_call_itself(original: OriginalFactory) -> None:
    one = original()
    one.on("x", lambda number: number + 1)

    assert one.call(one.connection_id, "x", 1) == 2


def test_many_calls_at_once_get_their_own_answers(client: ClientFactory) -> None:
    caller, callee = client(), client()
    for number in range(60):
        caller.request(callee.id, f"t{number}", "double", number)
    for _ in range(60):
        message = callee.receive()
        (number,) = message["payload"]["data"]["args"]
        callee.ack(message, ret=2 * number)

    answers = [caller.receive()["payload"]["data"] for _ in range(60)]

    assert sorted(answers, key=lambda data: int(data["ret"])) == [
        {"token": f"t{number}", "ret": 2 * number} for number in range(60)
    ]


def test_whoami_can_be_said_again(client: ClientFactory) -> None:
    one = client()

    assert one.whoami() == one.id


def test_who_does_not_say_whoami_can_call_all_the_same(
    stack: Stack, original: OriginalFactory
) -> None:
    other = original()
    other.on("x", lambda: 1)
    one = MonologueSocket(stack.ws_url)

    one.request(other.connection_id, "t", "x")

    assert one.receive()["payload"] == {"type": "ACK", "data": {"token": "t", "ret": 1}}
    assert one.whoami() in stack.listing()
    one.close()


def test_clients_in_node(stack: Stack) -> None:
    done = subprocess.run(
        ["node", "monologue.mjs", f"{stack.ws_url}/monologue"],
        cwd=Path(__file__).parents[1] / "node",
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )

    assert json.loads(done.stdout) == ["hello a and b", "undefined"]


# Calls that fail


def test_a_call_to_nobody_fails_at_once(client: ClientFactory) -> None:
    one = client()

    one.request(UNUSED_ID, "t1", "x")

    assert nak(one) == {
        "from": UNUSED_ID,
        "token": "t1",
        "error": "lambda not found",
        "code": "not_found",
    }


def test_a_call_to_a_service_without_hosts_fails_at_once(client: ClientFactory) -> None:
    one = client()

    one.request("nobody", "t1", "x")

    told = nak(one)
    assert (told["from"], told["token"], told["code"]) == ("nobody", "t1", "not_found")


@pytest.mark.parametrize("to", ["no body", "", None, 5, "x" * 5000])
def test_a_call_to_what_is_no_name_fails_at_once(client: ClientFactory, to: object) -> None:
    one = client()

    one.request(to, "t1", "x")

    told = nak(one)
    assert (told["token"], told["code"]) == ("t1", "bad_request")
    assert told["from"] in (to, "")


def test_the_deadline_is_the_clients(client: ClientFactory) -> None:
    caller, callee = client("/monologue?timeout=0.5"), client()
    began = time.monotonic()
    caller.request(callee.id, "t1", "x")
    message = callee.receive()

    told = nak(caller)

    assert (told["from"], told["code"]) == (callee.id, "deadline_exceeded")
    assert 0.5 <= time.monotonic() - began < 1.5
    callee.ack(message, ret="late")
    callee.request(caller.id, "t2", "after")
    assert caller.receive()["payload"]["data"]["name"] == "after"


def test_a_deadline_of_fifteen_seconds_is_the_default(client: ClientFactory) -> None:
    one = client("/monologue?whoami=json")

    assert json.loads(one.id)["timeout"] == 15


def test_a_callee_that_goes_away_fails_its_calls_at_once(client: ClientFactory) -> None:
    caller, callee = client(), client()
    caller.request(callee.id, "t1", "x")
    callee.receive()

    callee.drop()

    told = nak(caller)
    assert (told["from"], told["code"]) == (callee.id, "disconnected")


def test_an_answer_of_who_was_not_asked_changes_nothing(client: ClientFactory) -> None:
    caller, callee, other = client(), client(), client()
    caller.request(callee.id, "t1", "x")
    message = callee.receive()

    other.ack(message, ret="forged")
    other.nak(message, "forged")
    caller.ack(message, ret="forged")
    other.request(caller.id, "t2", "after")
    assert caller.receive()["payload"]["data"]["name"] == "after"
    callee.ack(message, ret="mine")
    callee.ack(message, ret="repeated")

    assert caller.receive()["payload"]["data"] == {"token": "t1", "ret": "mine"}
    other.request(caller.id, "t3", "last")
    assert caller.receive()["payload"]["data"]["name"] == "last"


def test_two_calls_with_one_token_do_not_mix(client: ClientFactory) -> None:
    callee, other, first, second = client(), client(), client(), client()
    for caller in (first, second):
        caller.request(callee.id, "same", "x", caller.id)
    first.request(other.id, "same", "x", "other")
    messages = [callee.receive(), callee.receive()]

    # While it is in flight, a client can't use a token again with the same callee.
    first.request(callee.id, "same", "again")
    told = nak(first)
    assert (told["token"], told["code"]) == ("same", "busy")

    for message in messages:
        callee.ack(message, ret=message["payload"]["data"]["args"])
    other.ack(other.receive(), ret="other")
    got = [first.receive(), first.receive(), second.receive()]
    assert {(one["from"], json.dumps(one["payload"]["data"]["ret"])) for one in got[:2]} == {
        (callee.id, json.dumps([first.id])),
        (other.id, '"other"'),
    }
    assert got[2]["payload"]["data"]["ret"] == [second.id]

    first.request(callee.id, "same", "again")
    callee.ack(callee.receive(), ret=3)
    assert first.receive()["payload"]["data"]["ret"] == 3


@pytest.mark.parametrize(
    "text",
    [
        "hello",
        "",
        "[]",
        "null",
        "{",
        '{"to":"x"}',
        '{"to":"%s","payload":5}',
        '{"to":"%s","payload":{"type":5}}',
        '{"to":"%s","payload":{"type":"EVT","data":5}}',
        '{"to":"AAAAbbbb0000-_zz","payload":{"type":"EVT"}}',
        '{"to":"%s","payload":{"type":"ACK","data":{"token":"x"}}}',
        '{"to":"x","payload":{"type":"ACK","data":{"token":"x"}}}',
        '{"to":"x","payload":{"type":"NAK"}}',
        '{"payload":{"type":"REQ"}}',
    ],
)
def test_what_makes_no_sense_is_dropped(client: ClientFactory, text: str) -> None:
    one, other = client(), client()

    one.socket.send(text.replace("%s", other.id))

    assert one.whoami() == one.id
    one.request(other.id, "t", "x")
    other.ack(other.receive(), ret=1)
    assert one.receive()["payload"]["data"]["ret"] == 1


@pytest.mark.parametrize("content", [b"\xff\xfe", b'{"to":' + b"[" * 50_000, b'{"to":' * 10_000])
def test_what_is_hostile_ends_the_connection(client: ClientFactory, content: bytes) -> None:
    one = client()

    one.socket.send(content)

    assert one.closed()[0] == 1007


def test_arguments_nested_too_deep_fail_their_call_alone(client: ClientFactory) -> None:
    one, other = client(), client()
    for depth in (500, 520):
        deep = "[" * depth + "]" * depth
        data = f'{{"token":"t","name":"x","args":{deep}}}'
        one.socket.send(f'{{"to":"{other.id}","payload":{{"type":"REQ","data":{data}}}}}')

    assert nak(one)["code"] == "bad_request"
    message = other.receive()
    other.ack(message, ret=message["payload"]["data"]["args"])
    assert one.receive()["payload"]["type"] == "ACK"


def test_a_burst_of_calls_to_nobody_is_answered_whole(client: ClientFactory) -> None:
    one = client()
    for number in range(100):
        one.request(UNUSED_ID, f"token-{number}", "x")

    tokens = {nak(one)["token"] for _ in range(100)}

    assert len(tokens) == 100


def test_a_batch_that_comes_twice_is_delivered_once(stack: Stack, client: ClientFactory) -> None:
    caller, callee = client(), client()
    pid = stack.workers()[0]
    variables = Path(f"/proc/{pid}/environ").read_text().rstrip("\0").split("\0")
    hub = Hub(load(dict(variable.split("=", 1) for variable in variables)))
    try:
        known = hub.hosts.get(caller.id)
        hub.nodes[known.node].ensure_reachable()
        connection = Connection(known.connection, known.node, dict)
        terms = MonologueTerms(calls=7)
        session = Session(
            caller.id,
            known.generation,
            acknowledged_at=known.opened,
            code=known.code,
            monologue=terms,
        )
        data = {"token": "t", "name": "x", "args": []}
        request = json.dumps({"to": callee.id, "payload": {"type": "REQ", "data": data}}).encode()

        lost = hub.monologue.batch(connection, session, [("TEXT", request)])
        again = hub.monologue.batch(connection, session, [("TEXT", request)])
        later = hub.monologue.batch(connection, again.session, [("TEXT", request)])

        assert [len(batch.later) for batch in (lost, again, later)] == [2, 2, 0], "deliver, sync"
        assert b"busy" in later.out[0].content
        for deliver in again.later:
            deliver()
        callee.ack(callee.receive(), ret=1)
        assert caller.receive()["payload"]["data"] == {"token": "t", "ret": 1}
        callee.request(callee.id, "own", "next")
        assert callee.receive()["payload"]["data"]["name"] == "next"
    finally:
        hub.close()


# With lambdas and over HTTP


def test_a_client_calls_a_lambda(client: ClientFactory, opened: SocketFactory) -> None:
    one, to = client(), opened()
    one.request(to.id, "t1", "add", 1, {"b": 2})

    message = to.receive()
    assert message["method"] == "add"
    assert message["params"] == [1, {"b": 2}]
    to.answer(message, result={"sum": 3})

    assert one.receive() == {
        "from": to.id,
        "payload": {"type": "ACK", "data": {"token": "t1", "ret": {"sum": 3}}},
    }


def test_a_lambdas_error_is_a_nak(client: ClientFactory, opened: SocketFactory) -> None:
    one, to = client(), opened()
    one.request(to.id, 17, "add")

    to.answer(to.receive(), error={"code": -32000, "message": "no"})

    assert nak(one) == {"from": to.id, "token": 17, "error": {"code": -32000, "message": "no"}}


@pytest.mark.parametrize("name", ["open", "rpc.cancel", "", None, 5])
def test_names_that_no_lambda_has_are_refused(
    client: ClientFactory, opened: SocketFactory, name: Any
) -> None:
    one, to = client(), opened()

    one.request(to.id, "t1", name)
    assert nak(one)["code"] == "bad_request"

    one.request(to.id, "t1", "good")
    assert to.receive()["method"] == "good"


def test_a_lambda_takes_as_many_calls_as_it_said(
    client: ClientFactory, opened: SocketFactory
) -> None:
    one, to = client(), opened(answer={"max_calls": 1})

    one.request(to.id, "t1", "x")
    one.request(to.id, "t2", "x")
    one.request(to.id, "t1", "x")

    assert [nak(one)["code"], nak(one)["code"]] == ["busy", "busy"]
    to.answer(to.receive(), result=1)
    assert one.receive()["payload"]["data"] == {"token": "t1", "ret": 1}
    one.request(to.id, "t3", "after")
    assert to.receive()["method"] == "after"


def test_a_listener_is_called_over_http(stack: Stack, original: OriginalFactory) -> None:
    one = original()
    one.on("greet", lambda body: {"hello": body})
    one.on("nothing", lambda body: None)

    for body, answer in (('"you"', {"hello": "you"}), ("", {"hello": None})):
        response = call(stack.url, one.connection_id, "greet", body)
        assert (response.status_code, response.json()) == (200, answer)
    response = call(stack.url, one.connection_id, "nothing", "1")
    assert (response.status_code, response.text) == (200, "null")
    assert call(stack.url, one.connection_id, "missing", wait=0.3).status_code == 504


def test_a_listeners_nak_is_an_error_over_http(stack: Stack, client: ClientFactory) -> None:
    one = client()
    waiting = calling(stack.url, one.id, "x", "[1]")
    message = one.receive()
    assert message["payload"]["data"]["args"] == [[1]]

    one.nak(message, {"errorType": "ValueError"})

    response = waiting.result(10)
    assert (response.status_code, response.json()) == (400, {"error": {"errorType": "ValueError"}})


def test_over_http_a_forged_answer_changes_nothing(stack: Stack, client: ClientFactory) -> None:
    one, other = client(), client()
    waiting = calling(stack.url, one.id, "x", "1")
    message = one.receive()

    other.ack(message, ret="forged")
    one.request(message["from"], "t", "back")
    assert nak(one)["code"] == "bad_request"
    assert not waiting.done()
    one.ack(message, ret="mine")

    assert waiting.result(10).json() == "mine"


def test_a_callee_that_goes_away_is_told_over_http(stack: Stack, client: ClientFactory) -> None:
    one = client()
    waiting = calling(stack.url, one.id, "x", "1")
    one.receive()

    one.close()

    response = waiting.result(10)
    assert (response.status_code, response.json()["code"]) == (502, "disconnected")


def test_over_http_the_listings_entry_hides_the_key(stack: Stack, client: ClientFactory) -> None:
    one = client(additional_headers={"x-api-key": "secret-key"})

    shown = requests.get(f"{stack.url}/lambda/{one.id}", timeout=10)

    assert shown.json()["headers"]["X-Api-Key"] == ["[redacted]"]
    assert "secret-key" not in shown.text


# The same id again


def test_an_id_is_opened_again_with_its_token(stack: Stack, client: ClientFactory) -> None:
    first = client("/monologue?whoami=json")
    told = json.loads(first.id)
    assert told.keys() >= {"id", "token", "recovered", "limits", "ping", "timeout"}
    assert (told["recovered"], told["ping"]) == (False, 30)
    waiting = calling(stack.url, told["id"], "x", "1")
    first.receive()

    with pytest.raises(InvalidStatus) as refused:
        client(f"/monologue/{told['id']}")
    assert refused.value.response.status_code == 403
    second = client(f"/monologue/{told['id']}?token={told['token']}&whoami=json")

    again = json.loads(second.id)
    assert (again["id"], again["token"], again["recovered"]) == (told["id"], told["token"], True)
    assert first.closed()[0] == 4409
    assert waiting.result(10).status_code == 502
    later = calling(stack.url, told["id"], "x", "2")
    second.ack(second.receive(), ret="second")
    assert later.result(10).json() == "second"


def test_the_original_keeps_an_id_that_stands_in_its_endpoint(
    stack: Stack, client: ClientFactory, original: OriginalFactory
) -> None:
    first = client("/monologue?whoami=json")
    told = json.loads(first.id)
    endpoint = f"/monologue/{told['id']}?token={told['token']}"

    one = original(endpoint)

    assert one.connection_id == told["id"]
    one.on("x", lambda body: "still here")
    assert call(stack.url, told["id"], "x").json() == "still here"


def test_nothing_comes_before_the_id_of_a_client_that_is_called_all_the_time(
    stack: Stack, client: ClientFactory
) -> None:
    one, caller = client("/monologue?whoami=json"), client()
    told = json.loads(one.id)

    for number in range(20):
        for burst in range(10):
            caller.request(told["id"], f"{number}.{burst}", "x")
        again = MonologueSocket(stack.ws_url, f"/monologue/{told['id']}?token={told['token']}")
        again.socket.send("whoami")
        for burst in range(10, 20):
            caller.request(told["id"], f"{number}.{burst}", "x")
        assert again.socket.recv(10) == told["id"]
        again.drop()
    caller.drop()  # it has read nothing of what it was told


def test_delete_closes_it(stack: Stack, client: ClientFactory) -> None:
    one = client("/monologue?whoami=json")
    told = json.loads(one.id)

    done = requests.delete(
        f"{stack.url}/lambda/{told['id']}", params={"token": told["token"]}, timeout=10
    )

    assert done.status_code == 204
    assert one.closed()[0] == 4410


@pytest.mark.parametrize(
    ("path", "status"),
    [("/monologue?timeout=soon", 400), ("/monologue?timeout=nan", 400), ("/monologue/short", 400)],
)
def test_addresses_that_make_no_sense_are_refused(stack: Stack, path: str, status: int) -> None:
    with pytest.raises(InvalidStatus) as refused:
        MonologueSocket(stack.ws_url, path)

    assert refused.value.response.status_code == status


@pytest.mark.parametrize("path", ["/monologue", "/monologue/", f"/monologue/{UNUSED_ID}"])
def test_without_a_handshake_it_is_said_what_to_send(stack: Stack, path: str) -> None:
    response = requests.get(stack.url + path, timeout=10)

    assert (response.status_code, response.json()["code"]) == (426, "upgrade_required")


def test_a_lambda_and_a_client_are_in_one_namespace(
    stack: Stack, client: ClientFactory, host: HostFactory
) -> None:
    one, to = client(), host()

    listing = stack.listing()

    assert (listing[one.id]["code"], listing[to.id]["code"]) == ("monologue", "json-rpc")
    with pytest.raises(InvalidStatus) as refused:
        client(f"/monologue/{to.id}")
    assert refused.value.response.status_code == 403


def test_on_the_shared_store(start_stack: StackFactory, redis_server: RedisServer) -> None:
    stack = start_stack(GRIP_LAMBDA_STORE=redis_server.url)
    callee = Original(f"{stack.ws_url}/monologue")
    callee.connect()
    callee.on("greet", lambda *args: ["hello", *args])
    caller = MonologueSocket(stack.ws_url)
    caller.whoami()

    for _ in range(2):  # a token may be used again
        caller.request(callee.connection_id, "t", "greet", 1, 2)
        data = caller.receive()["payload"]["data"]
        assert data == {"token": "t", "ret": ["hello", 1, 2]}
    caller.request(UNUSED_ID, "t", "greet")
    assert nak(caller)["code"] == "not_found"
    assert call(stack.url, callee.connection_id, "greet", "3").json() == ["hello", 3]
    caller.request(callee.connection_id, "t", "missing")
    wait_until(lambda: callee.received[-1]["payload"]["data"]["name"] == "missing")
    callee.close()
    assert nak(caller)["code"] == "disconnected"
    caller.close()
