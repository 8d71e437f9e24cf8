"""Whoever posts what only Pushpin may send, or answers what it was not asked, changes nothing."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass

import jwt
import pytest
import requests
from gripcontrol import WebSocketEvent
from websockets.exceptions import ConnectionClosed, InvalidStatus

from grip_lambda.grip import events
from grip_lambda.hub.channels import call_channel, host_channel
from grip_lambda.hub.hosts import Session
from grip_lambda.store import Call
from tests.integration.conftest import ConnectionFactory, SocketFactory
from tests.support.clients import Socket, call, calling
from tests.support.stack import Stack, wait_until
from tests.support.transports import TRANSPORTS


@dataclass(frozen=True)
class Facts:
    """What a forger would have to know of an open lambda; read from the store here."""

    connection: str
    session: Session
    generation: str


def facts(stack: Stack, lambda_id: str) -> Facts:
    with closing(sqlite3.connect(stack.folder / "data" / "grip-lambda.db")) as db:
        ((connection, generation),) = db.execute(
            "SELECT connection, generation FROM lambdas WHERE id = ?", (lambda_id,)
        ).fetchall()
    return Facts(connection, Session(lambda_id, generation, acknowledged_at=1.0), generation)


def signature(stack: Stack, issuer: str, key: str | None = None) -> str:
    """Sign as Pushpin does, with the true key or another."""
    key = key or (stack.folder / "data" / "sig-key").read_text().strip()
    return jwt.encode({"iss": issuer, "exp": int(time.time()) + 3600}, key, algorithm="HS256")


def forge(
    stack: Stack,
    batch: bytes,
    connection: str,
    meta: str = "",
    path: str = "/lambda/new",
    **headers: str,
) -> requests.Response:
    """Post a batch, as any client can."""
    sent = {
        "Content-Type": events.CONTENT_TYPE,
        "Accept": events.CONTENT_TYPE,
        "Connection-Id": connection,
        **headers,
    }
    if meta:
        sent["Meta-Lambda"] = meta
    return requests.post(stack.url + path, data=batch, headers=sent, timeout=10)


def check_nothing_was_delivered(stack: Stack, host: Socket) -> None:
    waiting = calling(stack.url, host.id, body='"only"')
    message = host.receive()
    assert message["params"] == ["only"]
    host.answer(message, result="mine")
    assert waiting.result(10).json() == "mine"


BATCHES: dict[str, list[WebSocketEvent]] = {
    "an opening": [WebSocketEvent("OPEN")],
    "an acknowledgement": [WebSocketEvent("TEXT", b'{"id":0,"result":"ok"}')],
    "a close": [WebSocketEvent("CLOSE", b"\x03\xe8")],
    "a disconnection": [WebSocketEvent("DISCONNECT")],
    "a pong": [WebSocketEvent("PONG", b"p")],
    "a ping": [WebSocketEvent("PING", b"p")],
    "a message that is no JSON": [WebSocketEvent("TEXT", b"}")],
    "all at once": [
        WebSocketEvent("OPEN"),
        WebSocketEvent("TEXT", b'{"id":0,"error":"no"}'),
        WebSocketEvent("DISCONNECT"),
    ],
    "nothing": [],
}


@pytest.mark.parametrize("what", BATCHES)
@pytest.mark.parametrize("known", ["guessed", "real"])
def test_a_posted_batch_is_refused_and_changes_nothing(
    stack: Stack, opened: SocketFactory, what: str, known: str
) -> None:
    true_host = opened()
    waiting = calling(stack.url, true_host.id, body="1")
    message = true_host.receive()
    real = facts(stack, true_host.id)
    guess = Facts("guess", Session(true_host.id, "guess", acknowledged_at=1.0), "guess")
    one = real if known == "real" else guess
    before = stack.listing()
    batch = events.encode(BATCHES[what])
    acknowledging = Session(true_host.id, one.generation, may_take_over=True)

    for meta in (one.session.encode(), acknowledging.encode(), ""):
        for path in ("/lambda/new", f"/lambda/new/{true_host.id}"):
            for grip_sig in ("", signature(stack, "ws@n1"), signature(stack, "ws@n1", "x" * 32)):
                headers = {"Grip-Sig": grip_sig} if grip_sig else {}
                refused = forge(stack, batch, one.connection, meta, path, **headers)
                assert refused.status_code == 403, (meta, path, refused.text)
                assert refused.json()["code"] == "forbidden"
                assert not any(name.lower().startswith("set-meta") for name in refused.headers)

    after = stack.listing()
    assert after[true_host.id] == before[true_host.id]
    assert after.keys() <= before.keys(), "but for hosts of other tests, which may be going"
    assert facts(stack, true_host.id) == real
    true_host.answer(message, result="mine")
    assert waiting.result(10).json() == "mine"


@pytest.mark.parametrize("answer", [b'"result":"forged"', b'"error":"forged"'])
def test_a_posted_answer_to_a_waiting_call_is_refused(
    stack: Stack, opened: SocketFactory, answer: bytes
) -> None:
    true_host = opened()
    waiting = calling(stack.url, true_host.id, body="1")
    message = true_host.receive()
    real = facts(stack, true_host.id)
    forged = b'{"id":"%b",%b}' % (message["id"].encode(), answer)

    for kind in ("TEXT", "BINARY"):
        batch = events.encode([WebSocketEvent(kind, forged)])
        refused = forge(stack, batch, real.connection, real.session.encode())
        assert refused.status_code == 403

    true_host.answer(message, result="mine")
    response = waiting.result(10)
    assert (response.status_code, response.json()) == (200, "mine")


def test_events_posted_to_the_address_of_a_call_are_a_body_that_is_not_json(
    stack: Stack, opened: SocketFactory
) -> None:
    true_host = opened()
    real = facts(stack, true_host.id)

    for batch in BATCHES.values():
        body = events.encode(batch) or b"\r\n\r\n}"
        response = forge(
            stack, body, real.connection, real.session.encode(), f"/lambda/{true_host.id}/test"
        )
        assert (response.status_code, response.json()["code"]) == (400, "bad_request")

    check_nothing_was_delivered(stack, true_host)
    assert facts(stack, true_host.id) == real


def test_a_websocket_to_the_address_of_a_call_is_refused(
    stack: Stack, opened: SocketFactory
) -> None:
    true_host = opened()

    for path in (f"/lambda/{true_host.id}/test", f"/lambda/{true_host.id}", "/lambda", "/"):
        with pytest.raises(InvalidStatus) as refused:
            Socket(stack.ws_url, path)
        assert 400 <= refused.value.response.status_code < 500

    check_nothing_was_delivered(stack, true_host)


def test_meta_and_a_connection_id_in_a_real_handshake_have_no_effect(
    stack: Stack, opened: SocketFactory, socket: SocketFactory
) -> None:
    true_host = opened()
    real = facts(stack, true_host.id)
    headers = {
        "Connection-Id": real.connection,
        "Meta-Lambda": real.session.encode(),
        "Set-Meta-Lambda": real.session.encode(),
        "Grip-Sig": signature(stack, "ws@n1"),
    }

    other = socket(additional_headers=headers)
    other.open()
    wait_until(lambda: other.id in stack.listing())

    assert other.id != true_host.id
    assert facts(stack, true_host.id) == real
    assert facts(stack, other.id).connection != real.connection
    waiting = calling(stack.url, true_host.id, body="1")
    message = true_host.receive()
    other.send({"id": message["id"], "result": "forged"})
    other.close()
    wait_until(lambda: other.id not in stack.listing())
    true_host.answer(message, result="mine")
    assert waiting.result(10).json() == "mine"


def test_a_handshake_with_the_meta_of_an_open_lambda_cannot_take_it_over(
    stack: Stack, opened: SocketFactory
) -> None:
    true_host = opened()
    real = facts(stack, true_host.id)
    meta = Session(true_host.id, real.generation, may_take_over=True).encode()

    with pytest.raises(InvalidStatus) as refused:
        Socket(
            stack.ws_url, f"/lambda/new/{true_host.id}", additional_headers={"Meta-Lambda": meta}
        )

    assert refused.value.response.status_code == 403
    assert facts(stack, true_host.id) == real


@pytest.mark.parametrize("ended", [True, False])
def test_grip_last_from_a_caller_reveals_no_other_call_and_hinders_none(
    stack: Stack, opened: SocketFactory, ended: bool
) -> None:
    true_host = opened()
    first = calling(stack.url, true_host.id, body='"first"')
    message = true_host.receive()
    if ended:
        true_host.answer(message, result="secret")
        assert first.result(10).json() == "secret"
    channel = call_channel(Call(message["id"], true_host.id, "n1", 0.0))

    second = calling(
        stack.url,
        true_host.id,
        body='"second"',
        headers={"Grip-Last": f"{channel}; last-id=0"},
    )
    delivered = true_host.receive()
    assert delivered["params"] == ["second"]
    assert delivered["id"] != message["id"]
    true_host.answer(delivered, result="for the second")

    assert second.result(10).json() == "for the second"
    if not ended:
        true_host.answer(message, result="secret")
        assert first.result(10).json() == "secret"


def test_holds_and_channels_that_a_client_asks_for_are_not_given(
    stack: Stack, opened: SocketFactory
) -> None:
    true_host = opened()
    real = facts(stack, true_host.id)
    headers = {"Grip-Hold": "stream", "Grip-Channel": host_channel(true_host.id, real.connection)}

    response = requests.get(f"{stack.url}/lambda", headers=headers, timeout=5)

    assert response.status_code == 200
    assert not any(name.lower().startswith("grip-") for name in response.headers)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_host_that_answers_the_call_of_another_lambda_changes_nothing(
    stack: Stack, hosting: ConnectionFactory, transport: str
) -> None:
    true_host, other = hosting(transport), hosting(transport)
    waiting = calling(stack.url, true_host.id, body="1")
    message = true_host.receive()

    other.answer(message, result="forged")
    other.answer(message, error="forged")
    # The answer of its own call comes after the forged ones, in order.
    own = calling(stack.url, other.id, body="2")
    other.answer(other.receive(), result="own")
    assert own.result(10).json() == "own"
    assert not waiting.done()

    true_host.answer(message, result="mine")
    assert waiting.result(10).json() == "mine"
    assert {true_host.id, other.id} <= stack.listing().keys()


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_host_that_was_taken_over_and_answers_late_changes_nothing(
    stack: Stack, hosting: ConnectionFactory, connected: ConnectionFactory, transport: str
) -> None:
    former = hosting(transport)
    early = calling(stack.url, former.id, body='"early"')
    first = former.receive()

    successor = connected(transport, f"/lambda/new/{former.id}?token={former.token}")
    successor.open()
    response = early.result(10)
    assert (response.status_code, response.json()["code"]) == (502, "disconnected")
    later = calling(stack.url, former.id, body='"later"')
    second = successor.receive()
    assert second["params"] == ["later"]

    successor.answer(first, result="not asked")
    with contextlib.suppress(ConnectionClosed):
        former.answer(first, result="late")
        if transport == "websocket":  # a post shows the token, which is the successor's, too
            former.answer(second, result="forged")
    former.await_end("taken_over")
    assert not later.done()
    successor.answer(second, result="mine")

    assert later.result(10).json() == "mine"


def test_the_listing_shows_nothing_that_a_forger_could_use(
    stack: Stack, opened: SocketFactory
) -> None:
    true_host = opened(path=f"/lambda/new?token={'t' * 32}")
    real = facts(stack, true_host.id)

    for path in ("/lambda", f"/lambda/{true_host.id}"):
        shown = requests.get(stack.url + path, timeout=5).text
        for secret in (real.connection, real.generation, true_host.token, "t" * 32):
            assert secret not in shown


def test_the_backend_itself_takes_no_call_and_no_batch_without_a_signature(
    stack: Stack, opened: SocketFactory
) -> None:
    true_host = opened()
    real = facts(stack, true_host.id)
    backend = f"http://127.0.0.1:{stack.backend_port()}"
    batch = events.encode([WebSocketEvent("DISCONNECT")])
    headers = {
        "Content-Type": events.CONTENT_TYPE,
        "Connection-Id": real.connection,
        "Meta-Lambda": real.session.encode(),
    }

    for grip_sig in ("", "x", signature(stack, "ws@n1", "x" * 32), signature(stack, "http@n1")):
        refused = requests.post(
            f"{backend}/lambda/new",
            data=batch,
            headers=headers | ({"Grip-Sig": grip_sig} if grip_sig else {}),
            timeout=5,
        )
        assert refused.status_code == 403
    channel = call_channel(Call("token", true_host.id, "n1", 0.0))
    assert call(backend, true_host.id, headers={"Grip-Last": channel}).status_code == 503
    assert facts(stack, true_host.id) == real
