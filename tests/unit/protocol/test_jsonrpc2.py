"""JSON-RPC 2.0: what a host may send, what it means, and what ends its connection."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grip_lambda.errors import NotAcceptable, ProtocolError
from grip_lambda.protocol import codecs, jsonrpc, jsonrpc2, jsontext
from grip_lambda.protocol.jsonrpc import Answer, Invalid, Notification, Received, Request
from tests.unit.protocol.test_jsonrpc import VALUES

METHODS = st.text(st.characters(codec="utf-8"))


def one(text: str | bytes) -> Any:
    received = jsonrpc2.receive(text if isinstance(text, bytes) else text.encode())
    assert not received.is_batch
    (message,) = received.messages
    return message


def v2(**members: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", **members}


@given(METHODS, st.lists(VALUES))
def test_a_call_has_its_params_in_order(method: str, params: list[Any]) -> None:
    texts = b",".join(json.dumps(value).encode() for value in params)

    message = jsonrpc2.call_message(method, texts, "token")

    assert json.loads(message) == v2(method=method, params=params, id="token")


@given(METHODS, st.dictionaries(METHODS, VALUES))
def test_a_call_may_name_its_params(method: str, params: dict[str, Any]) -> None:
    message = jsonrpc2.named(method, json.dumps(params).encode(), "token")

    assert json.loads(message) == v2(method=method, params=params, id="token")


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("{}", True), (' \r\n\t{"a":1}', True), ("[{}]", False), ('"{"', False), ("null", False)],
)
def test_an_object_can_be_named_params(text: str, is_one: bool) -> None:
    assert jsonrpc2.is_object(text.encode()) == is_one


def test_what_the_server_says_of_itself() -> None:
    assert json.loads(jsonrpc2.open_message("id", {"ping": 1})) == v2(
        method="open", params=["id", {"ping": 1}], id=0
    )
    assert json.loads(jsonrpc2.cancellation("t")) == v2(method="rpc.cancel", params=["t"])


@given(VALUES, METHODS | st.integers(-(2**53), 2**53))
def test_answers(value: Any, id: Any) -> None:
    raw = json.dumps(value).encode()
    assert one(json.dumps(v2(result=value, id=id))) == Answer(id, raw, is_error=False)
    expected = Answer(id, raw, is_error=value is not None)
    assert one(json.dumps(v2(error=value, id=id))) == expected


@pytest.mark.parametrize("value", ["1.50", "1e400", "-0", '{"b":1,"a":2}', '"\\ud83d"', "9" * 400])
def test_values_are_kept_as_they_came(value: str) -> None:
    assert one(f'{{"jsonrpc":"2.0","id":"t","result":{value}}}').value == value.encode()
    (message,) = jsonrpc2.parse_all(f'[{{"jsonrpc":"2.0","id":"t","error":{value}}}]'.encode())
    assert message == Answer("t", value.encode(), is_error=True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"jsonrpc":"2.0","id":"t"}', Answer("t", b"null", is_error=False)),
        ('{"jsonrpc":"2.0","id":"t","result":1,"error":2}', Answer("t", b"2", is_error=True)),
        ('{"jsonrpc":"2.0","id":"t","result":1,"error":null}', Answer("t", b"1", is_error=False)),
        (
            '{"jsonrpc":"2.0","method":"progress","params":["t",1]}',
            Notification("progress", b'["t",1]'),
        ),
        ('{"jsonrpc":"2.0","method":"x","id":null}', Notification("x", b"[]")),
        ('{"jsonrpc":"2.0","method":"x","id":7}', Request(7, "x")),
        ('{"jsonrpc":"2.0","error":{"code":1},"id":null}', None),
    ],
)
def test_messages(text: str, message: Any) -> None:
    assert one(text) == message


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "5",
        '"x"',
        "null",
        "{",
        "[{]",
        "{}",
        '{"id":"t","result":1}',
        '{"jsonrpc":"1.0","id":"t","result":1}',
        '{"jsonrpc":2.0,"id":"t","result":1}',
        '{"jsonrpc":"2.0"}',
        '{"jsonrpc":"2.0","result":1}',
        '{"jsonrpc":"2.0","id":true,"result":1}',
        '{"jsonrpc":"2.0","id":{},"result":1}',
        '{"jsonrpc":"2.0","method":5}',
        '{"jsonrpc":"2.0","method":null,"id":1}',
        b'{"jsonrpc":"2.0","id":"\xff"}',
        b"[\xff]",
        '{"a":' * 20_000,
        "[" * 20_000,
    ],
    ids=lambda text: repr(text[:30]),
)
def test_what_is_no_message(text: str | bytes) -> None:
    data = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(ProtocolError) as refused:
        jsonrpc2.receive(data)
    assert refused.value.close_code == 1007
    with pytest.raises(ProtocolError):
        jsonrpc2.parse_all(data)


def test_a_batch_is_as_many_messages_and_gets_one_answer() -> None:
    batch = [
        v2(id="a", result=1),
        v2(method="x", id=1),
        5,
        {},
        v2(method="y", id="q"),
        v2(method="n"),
    ]

    received = jsonrpc2.receive(json.dumps(batch).encode())

    assert received == Received(
        [
            Answer("a", b"1", is_error=False),
            Request(1, "x"),
            Invalid(),
            Invalid(),
            Request("q", "y"),
            Notification("n", b"[]"),
        ],
        is_batch=True,
    )
    errors = json.loads(jsonrpc2.response(received) or b"")
    assert [(error["id"], error["error"]["code"]) for error in errors] == [
        (1, -32601),
        (None, -32600),
        (None, -32600),
        ("q", -32601),
    ]
    assert all(error.keys() == {"jsonrpc", "error", "id"} for error in errors)


def test_an_empty_batch_is_an_invalid_request() -> None:
    answer = jsonrpc2.response(jsonrpc2.receive(b" [ ] "))

    assert json.loads(answer or b"") == v2(
        error={"code": -32600, "message": "Invalid Request"}, id=None
    )
    with pytest.raises(ProtocolError):
        jsonrpc2.parse_all(b"[]")


def test_a_batch_of_answers_gets_none() -> None:
    batch = json.dumps([v2(id="a", result=1), v2(method="n")]).encode()

    assert jsonrpc2.response(jsonrpc2.receive(batch)) is None
    assert len(jsonrpc2.parse_all(batch)) == 2


def test_of_a_posted_batch_all_must_be_messages() -> None:
    with pytest.raises(ProtocolError):
        jsonrpc2.parse_all(json.dumps([v2(id="a", result=1), {}]).encode())


@given(
    st.binary() | st.recursive(VALUES, st.lists, max_leaves=5).map(lambda v: json.dumps(v).encode())
)
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(ProtocolError):
        received = jsonrpc2.receive(data)
        answer = jsonrpc2.response(received)
        assert answer is None or jsontext.is_json(answer)


@pytest.mark.parametrize(
    ("asked", "offered", "chosen"),
    [
        (None, "", ("json-rpc", None)),
        ("jsonrpc-2.0", "", ("jsonrpc-2.0", None)),
        ("json-rpc", "", ("json-rpc", None)),
        (None, "jsonrpc-2.0", ("jsonrpc-2.0", "jsonrpc-2.0")),
        (None, "mqtt , jsonrpc-2.0,json-rpc", ("jsonrpc-2.0", "jsonrpc-2.0")),
        (None, "json-rpc,jsonrpc-2.0", ("json-rpc", "json-rpc")),
        ("jsonrpc-2.0", "json-rpc, jsonrpc-2.0", ("jsonrpc-2.0", "jsonrpc-2.0")),
    ],
)
def test_the_choice(asked: str | None, offered: str, chosen: tuple[str, str | None]) -> None:
    assert codecs.choose(asked, offered) == chosen


@pytest.mark.parametrize(
    ("asked", "offered"),
    [("x", ""), ("", ""), ("monologue", ""), (None, "mqtt"), ("jsonrpc-2.0", "json-rpc")],
)
def test_what_is_not_spoken_is_refused(asked: str | None, offered: str) -> None:
    with pytest.raises(NotAcceptable):
        codecs.choose(asked, offered)


def test_other_codes_speak_the_default() -> None:
    assert codecs.of("monologue") is codecs.of(jsonrpc.CODE)


@pytest.mark.parametrize("read", [jsonrpc.parse_all, jsonrpc2.parse_all, jsonrpc2.receive])
def test_more_messages_than_may_come_together_are_refused_before_they_are_read(read: Any) -> None:
    most = jsonrpc.MESSAGES_MAX
    text = json.dumps(v2(id="a", result=1))

    read(f"[{','.join([text] * most)}]".encode())
    with pytest.raises(jsonrpc.TooMany) as refused:
        read(f"[{','.join(['1'] * (most + 1))}]".encode())

    assert refused.value.close_code == 1009


def test_what_is_said_of_a_batch_is_limited() -> None:
    """The answer to a batch of events has little room."""
    asked = json.dumps(v2(id=1, method="unknown"))
    received = jsonrpc2.receive(f"[{','.join([asked] * 2000)}]".encode())

    told = jsonrpc2.response(received)

    assert told is not None
    assert len(json.loads(told)) == 100
