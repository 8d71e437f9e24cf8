"""What looks like a socket: batches in, a response out."""

from __future__ import annotations

import contextlib
from base64 import b64decode
from typing import Any

import pytest
from gripcontrol import WebSocketEvent
from hypothesis import given
from hypothesis import strategies as st

from grip_lambda.errors import GripLambdaError
from grip_lambda.faas import (
    BadBatch,
    ClientDisconnected,
    InvalidText,
    InvalidUse,
    NothingToReceive,
    NotWebSocket,
    WebSocketContext,
    lambda_get_websocket,
)
from grip_lambda.faas.websocket import MAX_MESSAGE
from grip_lambda.grip import events
from tests.support.gateway import event_v1, event_v2

TYPE = ("Content-Type", "application/websocket-events")
OPEN = WebSocketEvent("OPEN")


def batch(*made: WebSocketEvent, **headers: str) -> dict[str, Any]:
    fields = [TYPE, ("Connection-Id", "c1")]
    fields += [(name.replace("_", "-"), value) for name, value in headers.items()]
    return event_v1("POST", "/", fields, events.encode(made))


def got(*made: WebSocketEvent, **headers: str) -> WebSocketContext:
    return lambda_get_websocket(batch(*made, **headers))


def sent(ws: WebSocketContext) -> list[tuple[str, bytes]]:
    """Return the events of the response."""
    response = ws.to_response()
    assert response["statusCode"] == 200
    assert response["isBase64Encoded"] is True
    assert response["headers"]["Content-Type"] == "application/websocket-events"
    return events.decode(b64decode(response["body"]))


# Which events are about a WebSocket


def test_a_new_connection() -> None:
    ws = got(OPEN)

    assert ws.id == "c1"
    assert ws.is_opening() is True
    assert not ws.can_recv()
    ws.accept()
    ws.subscribe("room")
    assert sent(ws) == [("OPEN", b""), ("TEXT", b'c:{"channel": "room", "type": "subscribe"}')]
    assert ws.to_response()["headers"]["Sec-WebSocket-Extensions"] == "grip"


@pytest.mark.parametrize(
    "content_type",
    [
        "application/websocket-events",
        "Application/WebSocket-Events",
        "application/websocket-events; charset=utf-8",
        "application/websocket-events ;x",
    ],
)
@pytest.mark.parametrize("name", ["content-type", "CONTENT-TYPE", "Content-Type"])
def test_headers_are_read_in_capitals_and_small_letters(name: str, content_type: str) -> None:
    fields = [(name, content_type), ("CONNECTION-id", "c1"), ("META-Nick", "Anna")]
    body = events.encode([OPEN])

    for event in (event_v1("POST", "/", fields, body), event_v2("POST", "/", fields, body)):
        ws = lambda_get_websocket(event)
        assert ws.is_opening()
        assert ws.meta == {"nick": "Anna"}


@pytest.mark.parametrize("method", ["GET", "PUT", ""])
def test_another_method_is_no_websocket(method: str) -> None:
    with pytest.raises(NotWebSocket, match="POST"):
        lambda_get_websocket(batch(OPEN) | {"httpMethod": method})


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/json", ""])
def test_another_type_is_no_websocket(content_type: str | None) -> None:
    fields = [] if content_type is None else [("Content-Type", content_type)]

    with pytest.raises(NotWebSocket, match="application/websocket-events"):
        lambda_get_websocket(event_v1("POST", "/", fields, b"OPEN\r\n"))


@pytest.mark.parametrize("ids", [[], [""], ["c1", "c2"], ["c1,c2"], [" "], ["c\x7f"]])
def test_a_batch_has_one_connection_id(ids: list[str]) -> None:
    fields = [TYPE, *(("Connection-Id", one) for one in ids)]

    for event in (event_v1, event_v2):
        with pytest.raises(BadBatch, match="Connection-Id"):
            lambda_get_websocket(event("POST", "/", fields, events.encode([OPEN])))


@pytest.mark.parametrize(
    "body",
    [
        b"OPEN",
        b"HELLO\r\n",
        b"open\r\n",
        b"TEXT 5\r\nhello",
        b"TEXT 5\r\nhell\r\n",
        b"TEXT 5\r\nhello!\r\n",
        b"TEXT -1\r\n\r\n",
        b"TEXT x\r\nhello\r\n",
        b"TEXT 5 \r\nhello\r\n",
        b"TEXT 0x5\r\nhello\r\n",
        b"TEXT FFFFFFFFF\r\nhello\r\n",
        b"TEXT FFFFFFFF\r\nhello\r\n",
        b"\r\n",
        b"TEXT 0\r\n\r\nOPEN\r\n",
        b"OPEN\r\nOPEN\r\n",
    ],
)
def test_a_malformed_batch_is_refused(body: bytes) -> None:
    with pytest.raises(BadBatch):
        lambda_get_websocket(event_v1("POST", "/", [TYPE, ("Connection-Id", "c1")], body))


def test_a_batch_whose_bytes_the_gateway_changed_says_what_to_set() -> None:
    body = events.encode([WebSocketEvent("BINARY", b"\xff\xfe")])
    event = event_v1("POST", "/", [TYPE, ("Connection-Id", "c1")], body, binary_types=())

    with pytest.raises(BadBatch, match="binary media type"):
        lambda_get_websocket(event)


@given(st.binary(max_size=60) | st.text("OPENTXC \r\n015a", max_size=60).map(str.encode))
def test_any_body_is_read_or_refused(body: bytes) -> None:
    try:
        ws = lambda_get_websocket(event_v1("POST", "/", [TYPE, ("Connection-Id", "c1")], body))
    except BadBatch:
        return
    while ws.can_recv():
        with contextlib.suppress(ClientDisconnected, InvalidText):
            ws.recv()
    ws.to_response()


def test_the_errors_are_those_that_users_of_faas_grip_catch() -> None:
    for error, builtin in (
        (NotWebSocket, ValueError),
        (BadBatch, ValueError),
        (NothingToReceive, IndexError),
        (ClientDisconnected, OSError),
        (InvalidUse, ValueError),
        (InvalidText, ValueError),
    ):
        assert issubclass(error, builtin)
        assert issubclass(error, GripLambdaError)


# Receiving


@given(st.lists(st.text() | st.binary(), max_size=10))
def test_messages_come_as_they_are_in_their_order(messages: list[str | bytes]) -> None:
    made = [
        WebSocketEvent("TEXT", one.encode())
        if isinstance(one, str)
        else WebSocketEvent("BINARY", one)
        for one in messages
    ]

    ws = got(*made)

    received = []
    while ws.can_recv():
        received.append(ws.recv())
    assert received == messages
    with pytest.raises(NothingToReceive):
        ws.recv()


def test_an_empty_batch_is_a_sign_of_life() -> None:
    ws = got()

    assert not ws.is_opening()
    assert not ws.can_recv()
    assert sent(ws) == []


def test_an_event_without_content_is_an_empty_message() -> None:
    ws = got(WebSocketEvent("TEXT"), WebSocketEvent("BINARY"))

    assert (ws.recv(), ws.recv()) == ("", b"")


@pytest.mark.parametrize(
    ("content", "code", "reason"),
    [
        (None, None, ""),
        (b"", None, ""),
        (b"\x03", None, ""),
        (b"\x03\xe8", 1000, ""),
        (b"\x0f\xa1over", 4001, "over"),
        (b"\x0f" + b"\xa1" + "größer".encode(), 4001, "größer"),
        (b"\x0f\xa1\xff", 4001, "\ufffd"),
    ],
)
def test_a_close_has_a_code_and_a_reason(
    content: bytes | None, code: int | None, reason: str
) -> None:
    ws = got(WebSocketEvent("TEXT", b"last"), WebSocketEvent("CLOSE", content))

    assert ws.recv() == "last"
    assert ws.close_code is None
    assert ws.can_recv()
    assert ws.recv() is None
    assert (ws.close_code, ws.close_reason) == (code, reason)


def test_a_disconnection_is_an_error() -> None:
    ws = got(WebSocketEvent("TEXT", b"last"), WebSocketEvent("DISCONNECT"))

    assert ws.recv() == "last"
    assert ws.can_recv()
    with pytest.raises(ClientDisconnected):
        ws.recv()
    assert not ws.can_recv()
    assert sent(ws) == []


def test_a_text_that_is_not_utf_8_is_an_error_and_closes_with_1007() -> None:
    ws = got(WebSocketEvent("TEXT", b"\xff"))

    with pytest.raises(InvalidText):
        ws.recv()

    assert sent(ws) == [("CLOSE", b"\x03\xeftext must be UTF-8")]


def test_pings_are_answered_in_their_place_and_pongs_are_passed_over() -> None:
    ping, pong = WebSocketEvent("PING", b"p"), WebSocketEvent("PONG", b"q")
    ws = got(ping, WebSocketEvent("TEXT", b"1"), pong, ping, WebSocketEvent("TEXT", b"2"), ping)

    while ws.can_recv():
        message = ws.recv()
        assert isinstance(message, str)
        ws.send(message)

    answer = ("PONG", b"p")
    assert sent(ws) == [answer, ("TEXT", b"m:1"), answer, ("TEXT", b"m:2"), answer]


def test_pings_are_answered_where_nothing_is_received() -> None:
    ping = WebSocketEvent("PING", b"p")

    assert sent(got(ping, WebSocketEvent("TEXT", b"1"), ping)) == [("PONG", b"p")] * 2
    assert sent(got(WebSocketEvent("PING"))) == [("PONG", b"")]


# Sending


@given(st.text(max_size=20), st.binary(max_size=20))
def test_what_is_sent_is_a_message_whatever_it_says(text: str, content: bytes) -> None:
    ws = got()
    ws.send(text)
    ws.send(text.encode())
    ws.send_binary(content)
    ws.send_binary(text)

    kinds = [("TEXT", text.encode())] * 2 + [("BINARY", content), ("BINARY", text.encode())]
    assert sent(ws) == [(kind, b"m:" + one) for kind, one in kinds]


@pytest.mark.parametrize("message", [None, 1, ["a"], "\ud83d", b"\xff", "x" * (MAX_MESSAGE + 1)])
def test_what_is_no_message_is_refused(message: Any) -> None:
    with pytest.raises(InvalidUse):
        got().send(message)


def test_channels_have_the_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIP_PREFIX", "mine-")
    ws = got()
    ws.subscribe("a")
    ws.unsubscribe("b")
    ws.detach()

    assert sent(ws) == [
        ("TEXT", b'c:{"channel": "mine-a", "type": "subscribe"}'),
        ("TEXT", b'c:{"channel": "mine-b", "type": "unsubscribe"}'),
        ("TEXT", b'c:{"type": "detach"}'),
    ]


@pytest.mark.parametrize("code", [1000, 1001, 1003, 1011, 3000, 4999])
def test_a_close_comes_last_with_its_code(code: int) -> None:
    ws = got(OPEN)
    ws.accept()
    ws.close(code, "why")
    ws.send("sent before")

    assert sent(ws) == [
        ("OPEN", b""),
        ("TEXT", b"m:sent before"),
        ("CLOSE", code.to_bytes(2, "big") + b"why"),
    ]


@pytest.mark.parametrize(
    "code", [0, -1, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65536, "1000", True]
)
def test_a_close_code_that_no_endpoint_may_send_is_refused(code: Any) -> None:
    ws = got()

    with pytest.raises(InvalidUse, match="close code"):
        ws.close(code)

    assert not ws.closed
    assert sent(ws) == []


@pytest.mark.parametrize(
    ("content", "answer"),
    [
        (b"", b"\x03\xe8"),
        (b"\x0f\xa1over", b"\x0f\xa1"),
        (b"\x03\xed", b"\x03\xeainvalid close code"),
    ],
)
def test_a_close_is_answered_with_its_own_code(content: bytes, answer: bytes) -> None:
    ws = got(WebSocketEvent("CLOSE", content))
    assert ws.recv() is None
    ws.close()

    assert sent(ws) == [("CLOSE", answer)]


def test_a_connection_that_is_not_new_cannot_be_accepted() -> None:
    with pytest.raises(InvalidUse, match="is_opening"):
        got(WebSocketEvent("TEXT", b"x")).accept()


# Meta


def changed(ws: WebSocketContext) -> dict[str, str]:
    headers = ws.to_response()["headers"]
    return {name: value for name, value in headers.items() if name.startswith("Set-Meta-")}


def test_meta_is_told_where_it_has_changed() -> None:
    ws = got(Meta_Nick="Anna", META_GONE="1", Meta_Same="x")
    assert ws.meta == {"nick": "Anna", "gone": "1", "same": "x"}
    ws.meta["nick"] = "Joe"
    ws.meta["New"] = "2"
    del ws.meta["gone"]

    assert changed(ws) == {"Set-Meta-nick": "Joe", "Set-Meta-new": "2", "Set-Meta-gone": ""}
    assert changed(got(Meta_Nick="Anna")) == {}


@given(st.dictionaries(st.from_regex(r"[a-z][a-z0-9-]{0,9}", fullmatch=True), st.text()))
def test_meta_comes_back_as_it_was(meta: dict[str, str]) -> None:
    ws = got()
    ws.meta.update(meta)
    headers = changed(ws)

    for name, value in headers.items():
        assert value.isascii()
        assert value.isprintable()
        assert value == value.strip() != ""
        assert name.isascii()
    back = got(**{name.removeprefix("Set-"): value for name, value in headers.items()})
    assert back.meta == meta
    assert changed(back) == {}


@pytest.mark.parametrize("value", ["Anna", "a b", "100%", '{"a": 1}', "x" * 1000, "UTF-8"])
def test_plain_values_of_meta_are_as_in_the_original(value: str) -> None:
    ws = got()
    ws.meta["nick"] = value

    assert changed(ws) == {"Set-Meta-nick": value}


@pytest.mark.parametrize("value", ["UTF-8''%FF", "UTF-8'x", "utf-8''a"])
def test_a_value_that_is_not_encoded_is_plain(value: str) -> None:
    assert got(Meta_Nick=value).meta == {"nick": value}


@pytest.mark.parametrize(
    "meta",
    [
        {"": "x"},
        {"a b": "x"},
        {"a:b": "x"},
        {"a\r\nb": "x"},
        {"ä": "x"},
        {1: "x"},
        {"a": 1},
        {"a": None},
        {"a": b"x"},
        {"a": "1", "A": "2"},
    ],
)
def test_meta_that_no_header_can_say_is_refused(meta: dict[Any, Any]) -> None:
    ws = got()
    ws.meta.update(meta)

    with pytest.raises(InvalidUse, match="meta"):
        ws.to_response()
