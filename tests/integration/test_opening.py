"""Opening a lambda, opening it again, and the ways in which it closes."""

from __future__ import annotations

import re
import struct
import time
from collections.abc import Iterator
from socket import SO_LINGER, SOL_SOCKET
from typing import Any

import pytest
import requests
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.integration.conftest import ConnectionFactory, HostFactory, SocketFactory
from tests.support import raw
from tests.support.clients import Socket, call, calling
from tests.support.stack import Stack, wait_until
from tests.support.transports import TRANSPORTS

pytestmark = pytest.mark.function_too

UNUSED_ID = "AAAAbbbb0000-_zz"


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that pings its hosts each second."""
    running = Stack(tmp_path_factory.mktemp("quick"), GRIP_LAMBDA_PING="1")
    yield running
    running.stop()


def refusal(stack: Stack, path: str, **options: Any) -> tuple[int, str]:
    """Return status and body of a handshake that is refused."""
    with pytest.raises(InvalidStatus) as refused:
        connect(stack.ws_url + path, **options).__enter__()
    response = refused.value.response
    return response.status_code, (response.body or b"").decode()


def await_gone(stack: Stack, lambda_id: str, timeout_s: float = 5.0) -> None:
    wait_until(lambda: lambda_id not in stack.listing(), timeout_s, "the end of a lambda")


def closed_id(stack: Stack, opened: SocketFactory) -> str:
    """Return an id that was open before."""
    one = opened()
    one.close()
    await_gone(stack, one.id)
    return one.id


# The open message and its answer


def test_the_first_message_names_the_lambda(socket: SocketFactory) -> None:
    message = socket().receive()

    assert list(message) == ["method", "params", "id"]
    assert message["method"] == "open"
    assert message["id"] == 0
    lambda_id, details = message["params"]
    assert re.fullmatch(r"[A-Za-z0-9_-]{16}", lambda_id)
    assert len(details["token"]) >= 16
    assert details["recovered"] is False
    assert details["limits"] == {"message": 100_000, "body": 100_000, "result": 10_485_760}
    assert (details["ping"], details["grace"]) == (30, 10)


def test_each_lambda_has_an_id_and_a_token_of_its_own(socket: SocketFactory) -> None:
    messages = [socket().receive()["params"] for _ in range(5)]

    assert len({lambda_id for lambda_id, _ in messages}) == 5
    assert len({details["token"] for _, details in messages}) == 5


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_lambda_is_neither_listed_nor_callable_before_it_is_acknowledged(
    stack: Stack, connected: ConnectionFactory, transport: str
) -> None:
    one = connected(transport)
    lambda_id, _ = one.greet()

    assert lambda_id not in stack.listing()
    assert requests.get(f"{stack.url}/lambda/{lambda_id}", timeout=10).status_code == 404
    refused = call(stack.url, lambda_id)
    assert (refused.status_code, refused.json()["error"]) == (404, "lambda not found")

    one.send({"id": 0, "result": "ok"})
    wait_until(lambda: lambda_id in stack.listing())
    future = calling(stack.url, lambda_id)
    one.answer(one.receive(), result=1)
    assert future.result(10).json() == 1


@pytest.mark.parametrize(
    "text",
    [
        '{"id":0,"result":"ok"}',
        '{"id":0,"result":null}',
        '{"id":0}',
        '{"id":0,"result":false,"error":null}',
        '{"result":[1e400],"id":0}',
        '{"id":0,"result":{"ok":true,"methods":["a"],"max_calls":8,"context":false}}',
        '{"id":0,"result":{"methods":7,"max_calls":"many"}}',
    ],
)
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_any_result_but_an_error_acknowledges(
    stack: Stack, connected: ConnectionFactory, text: str, transport: str
) -> None:
    one = connected(transport)
    lambda_id, _ = one.greet()
    one.send_text(text)

    wait_until(lambda: lambda_id in stack.listing())


def test_a_binary_answer_acknowledges_too(stack: Stack, socket: SocketFactory) -> None:
    one = socket()
    lambda_id = one.receive()["params"][0]
    one.socket.send(b'{"id":0,"result":"ok"}')

    wait_until(lambda: lambda_id in stack.listing())


@pytest.mark.parametrize(
    ("transport", "error"),
    [
        *(("websocket", error) for error in ("no", {"code": 1}, False, 0)),
        ("sse", "no"),
        ("poll", 0),
    ],
)
def test_an_error_in_answer_to_open_closes(
    stack: Stack, connected: ConnectionFactory, transport: str, error: object
) -> None:
    one = connected(transport)
    lambda_id, _ = one.greet()
    one.send({"id": 0, "error": error})

    one.await_end("refused")
    assert lambda_id not in stack.listing()


def test_the_first_ping_that_finds_no_acknowledgement_closes(quick: Stack) -> None:
    one = Socket(quick.ws_url)
    assert one.receive()["params"][1]["ping"] == 1

    started = time.monotonic()
    assert one.closed()[0] == 4400
    assert time.monotonic() - started < 2


def test_a_silent_host_is_gone_after_two_intervals(quick: Stack) -> None:
    host, lambda_id = raw.open_host(quick.port)
    wait_until(lambda: lambda_id in quick.listing())

    # From here on it reads nothing and answers no ping.
    started = time.monotonic()
    waiting = calling(quick.url, lambda_id)
    response = waiting.result(10)
    elapsed = time.monotonic() - started

    assert (response.status_code, response.json()["code"]) == (502, "disconnected")
    assert lambda_id not in quick.listing()
    assert call(quick.url, lambda_id).status_code == 404
    assert elapsed < 2.4
    host.close()


def test_a_host_that_answers_pings_stays(quick: Stack) -> None:
    one = Socket(quick.ws_url)
    lambda_id, _ = one.open()
    wait_until(lambda: lambda_id in quick.listing())

    # A call that takes longer than two intervals.
    response = calling(quick.url, lambda_id)
    message = one.receive()
    started = time.monotonic()
    wait_until(lambda: lambda_id not in quick.listing() or time.monotonic() - started > 2.7)
    one.answer(message, result="still here")

    assert response.result(10).json() == "still here"
    one.close()


# Handshakes that are refused


@pytest.mark.parametrize("wanted", ["short", "seventeen-letters", "AAAAbbbb0000-_z.", "%00" * 16])
def test_a_malformed_id_is_refused_before_the_upgrade(stack: Stack, wanted: str) -> None:
    status, body = refusal(stack, f"/lambda/new/{wanted}")

    assert status == 400
    assert '"code":"bad_request"' in body


def test_a_plain_get_is_told_what_to_send(stack: Stack) -> None:
    for path in ("/lambda/new", f"/lambda/new/{UNUSED_ID}"):
        response = requests.get(stack.url + path, timeout=10)

        assert response.status_code == 426
        assert response.headers["Upgrade"] == "websocket"
        assert response.json()["code"] == "upgrade_required"
        assert "Upgrade: websocket" in response.json()["error"]


def test_a_capitalised_upgrade_is_told_what_to_send(stack: Stack) -> None:
    connection, reply = raw.handshake(stack.port, upgrade="WebSocket")
    connection.close()

    assert reply.status == 426
    assert "lower case" in reply.json()["error"]


def test_the_codec_that_is_offered_is_echoed(stack: Stack, opened: SocketFactory) -> None:
    one = opened(subprotocols=["graphql-ws", "json-rpc"])

    assert one.socket.subprotocol == "json-rpc"
    assert stack.listing()[one.id]["code"] == "json-rpc"


def test_no_codec_is_chosen_where_none_is_offered(opened: SocketFactory) -> None:
    assert opened().socket.subprotocol is None


def test_an_offer_of_unknown_codecs_only_is_refused(stack: Stack) -> None:
    status, body = refusal(stack, "/lambda/new", subprotocols=["graphql-ws", "mqtt"])

    assert status == 406
    assert '"code":"not_acceptable"' in body


# Opening again


def test_an_id_that_was_never_issued_may_be_opened(stack: Stack, opened: SocketFactory) -> None:
    wanted = f"never-{time.time_ns() % 10**10:010d}"
    one = opened(path=f"/lambda/new/{wanted}")

    assert one.id == wanted
    assert wanted in stack.listing()


def test_a_lambda_that_was_open_is_recovered(
    stack: Stack, opened: SocketFactory, socket: SocketFactory
) -> None:
    first = socket()
    _, details = first.open()
    assert details["recovered"] is False
    wait_until(lambda: first.id in stack.listing())
    first.close()
    await_gone(stack, first.id)

    for query in ("", f"?token={first.token}"):
        again = socket(f"/lambda/new/{first.id}{query}")
        lambda_id, details = again.open()

        assert lambda_id == first.id
        assert details["recovered"] is True
        wait_until(lambda: first.id in stack.listing())
        future = calling(stack.url, first.id, "m", "7")
        again.answer(again.receive(), result="back")
        assert future.result(10).json() == "back"
        again.close()
        await_gone(stack, first.id)


def test_an_id_that_was_never_open_is_not_recovered(socket: SocketFactory) -> None:
    wanted = f"fresh-{time.time_ns() % 10**10:010d}"

    assert socket(f"/lambda/new/{wanted}").receive()["params"][1]["recovered"] is False
    # The first one did not acknowledge: it was not open.
    assert socket(f"/lambda/new/{wanted}").receive()["params"][1]["recovered"] is False


def test_the_token_still_counts_after_a_reopening_with_it(
    stack: Stack, opened: SocketFactory
) -> None:
    first = opened()
    second = opened(path=f"/lambda/new/{first.id}?token={first.token}")
    assert first.closed()[0] == 4409

    third = opened(path=f"/lambda/new/{first.id}?token={second.token}")
    assert second.closed()[0] == 4409
    assert third.id == first.id


@pytest.mark.parametrize("later", TRANSPORTS)
@pytest.mark.parametrize("earlier", TRANSPORTS)
def test_a_takeover_gives_the_calls_to_the_new_host(
    stack: Stack, hosting: ConnectionFactory, earlier: str, later: str
) -> None:
    first = hosting(earlier)
    in_flight = calling(stack.url, first.id, "old")
    asked = first.receive()
    assert asked["method"] == "old"

    second = hosting(later, f"/lambda/new/{first.id}?token={first.token}")

    first.await_end("taken_over")
    lost = in_flight.result(10)
    assert (lost.status_code, lost.json()) == (
        502,
        {"error": "lambda disconnected", "code": "disconnected"},
    )
    future = calling(stack.url, first.id, "new")
    message = second.receive()
    assert message["method"] == "new"
    second.answer(message, result="second")
    assert future.result(10).json() == "second"
    assert first.id in stack.listing()


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_takeover_happens_only_when_it_is_acknowledged(
    stack: Stack, hosting: ConnectionFactory, connected: ConnectionFactory, transport: str
) -> None:
    first = hosting(transport)
    second = connected(transport, f"/lambda/new/{first.id}?token={first.token}")
    assert second.greet()[1]["recovered"] is True

    future = calling(stack.url, first.id)
    first.answer(first.receive(), result="first")
    assert future.result(10).json() == "first"

    second.send({"id": 0, "error": "changed my mind"})
    second.await_end("refused")
    future = calling(stack.url, first.id)
    first.answer(first.receive(), result="first")
    assert future.result(10).json() == "first"


@pytest.mark.parametrize("query", ["", "?token=", "?token=wrong", "?token=%FF%00"])
def test_an_open_lambda_is_kept_from_who_has_no_token(
    stack: Stack, host: HostFactory, query: str
) -> None:
    one = host()

    status, body = refusal(stack, f"/lambda/new/{one.id}{query}")

    assert status == 403
    assert '"code":"forbidden"' in body
    assert call(stack.url, one.id, body="1").json() == 1


def test_the_token_of_another_lambda_does_not_count(stack: Stack, host: HostFactory) -> None:
    one, other = host(), host()

    assert refusal(stack, f"/lambda/new/{one.id}?token={other.token}")[0] == 403


def test_of_two_that_open_a_closed_id_the_first_to_acknowledge_has_it(
    stack: Stack, opened: SocketFactory, socket: SocketFactory
) -> None:
    wanted = closed_id(stack, opened)
    early, late = socket(f"/lambda/new/{wanted}"), socket(f"/lambda/new/{wanted}")
    early_message, late_message = early.receive(), late.receive()
    assert early_message["params"][0] == late_message["params"][0] == wanted

    late.send({"id": 0, "result": "ok"})
    wait_until(lambda: wanted in stack.listing())
    early.send({"id": 0, "result": "ok"})

    code, reason = early.closed()
    assert code == 4403
    assert reason
    future = calling(stack.url, wanted)
    late.answer(late.receive(), result="mine")
    assert future.result(10).json() == "mine"


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_an_old_connections_end_does_not_close_the_new_one(
    stack: Stack, hosting: ConnectionFactory, transport: str
) -> None:
    first = hosting(transport)
    second = hosting(transport, f"/lambda/new/{first.id}?token={first.token}")
    first.drop()

    for number in range(3):
        future = calling(stack.url, second.id)
        second.answer(second.receive(), result=number)
        assert future.result(10).json() == number


# One lambda, and its end by request


def test_one_lambda_is_shown_with_its_methods(stack: Stack, opened: SocketFactory) -> None:
    one = opened({"ok": True, "methods": ["add", "größer"]})

    entry = requests.get(f"{stack.url}/lambda/{one.id}", timeout=10).json()
    assert entry["methods"] == ["add", "größer"]
    assert stack.listing()[one.id].items() <= entry.items()


def test_methods_are_not_shown_where_the_host_named_none(stack: Stack, host: HostFactory) -> None:
    entry = requests.get(f"{stack.url}/lambda/{host().id}", timeout=10).json()

    assert "methods" not in entry


@pytest.mark.parametrize(
    ("wanted", "status", "code"), [(UNUSED_ID, 404, "not_found"), ("x", 400, "bad_request")]
)
def test_what_is_not_open_is_not_shown(stack: Stack, wanted: str, status: int, code: str) -> None:
    response = requests.get(f"{stack.url}/lambda/{wanted}", timeout=10)

    assert (response.status_code, response.json()["code"]) == (status, code)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_who_has_the_token_may_close_a_lambda(
    stack: Stack, hosting: ConnectionFactory, transport: str
) -> None:
    one = hosting(transport)
    in_flight = calling(stack.url, one.id)
    one.receive()

    response = requests.delete(f"{stack.url}/lambda/{one.id}?token={one.token}", timeout=10)

    assert (response.status_code, response.content) == (204, b"")
    one.await_end("deleted")
    assert in_flight.result(10).status_code == 502
    assert one.id not in stack.listing()
    gone = requests.delete(f"{stack.url}/lambda/{one.id}?token={one.token}", timeout=10)
    assert gone.status_code == 404


@pytest.mark.parametrize("query", ["", "?token=wrong"])
def test_who_has_no_token_may_not_close_a_lambda(
    stack: Stack, host: HostFactory, query: str
) -> None:
    one = host()

    response = requests.delete(f"{stack.url}/lambda/{one.id}{query}", timeout=10)

    assert (response.status_code, response.json()["code"]) == (403, "forbidden")
    assert call(stack.url, one.id, body="1").json() == 1


# The end of the connection


def test_a_host_that_closes_is_gone_at_once(stack: Stack, opened: SocketFactory) -> None:
    one = opened()
    one.close()

    await_gone(stack, one.id, 1)


def test_a_host_whose_connection_is_reset_is_gone_at_once(stack: Stack) -> None:
    host, lambda_id = raw.open_host(stack.port)
    wait_until(lambda: lambda_id in stack.listing())

    linger = struct.pack("ii", 1, 0)
    host.setsockopt(SOL_SOCKET, SO_LINGER, linger)
    host.close()

    await_gone(stack, lambda_id, 1)


def test_a_client_that_neither_acknowledges_nor_answers_pings_is_closed(quick: Stack) -> None:
    connection, _ = raw.handshake(quick.port)
    connection.settimeout(30)  # Pushpin asks by itself every 20 s at the most often

    while (frame := raw.read_frame(connection))[0] != 8:
        assert frame[0] in (1, 9), "only messages and pings come before the end"

    assert int.from_bytes(frame[1][:2], "big") == 4400
