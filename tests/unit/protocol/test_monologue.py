"""Monologue: what a client may say, what it means, and what ends its connection."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grip_lambda.errors import ProtocolError
from grip_lambda.protocol import ids, monologue
from grip_lambda.protocol.monologue import Answer, Other, Refused, Request, Whoami, parse
from tests.unit.protocol.test_jsonrpc import VALUES

ID = "AAAAbbbb0000-_zz"
TOKENS = st.text(st.characters(codec="utf-8"), max_size=50) | st.integers(-(2**53), 2**53)


def message(kind: str, to: Any = ID, **data: Any) -> bytes:
    return json.dumps({"to": to, "payload": {"type": kind, "data": data}}).encode()


def test_whoami() -> None:
    assert parse(b"whoami") == Whoami()
    assert parse(b'"whoami"') is None


@given(TOKENS, st.text(st.characters(codec="utf-8")), st.lists(VALUES))
def test_a_request_is_kept_as_it_came(token: Any, name: str, args: list[Any]) -> None:
    text = message("REQ", token=token, name=name, args=args)

    read = parse(text)

    assert isinstance(read, Request)
    assert (read.to, read.name, json.loads(read.token)) == (ID, name, token)
    assert json.loads(read.args) == args
    assert json.loads(read.payload) == json.loads(text)["payload"]
    assert read.payload in text


@given(TOKENS, VALUES)
def test_answers(token: Any, value: Any) -> None:
    for kind, name in (("ACK", "ret"), ("NAK", "error")):
        read = parse(message(kind, token=token, **{name: value}))
        assert isinstance(read, Answer)
        assert (json.loads(read.token), json.loads(read.value)) == (token, value)
        assert read.is_error == (kind == "NAK")
        assert read.payload == b""


@pytest.mark.parametrize(
    "text",
    [
        '{"to":"x","payload":{"type":"ACK","data":{"token":"t"}}}',
        '{"to":"x","payload":{"type":"ACK","data":{"token":"t","ret":1,"more":2}}}',
        '{"to":"x","payload":{"more":2,"type":"ACK","data":{"token":"t","ret":1}}}',
        '{"to":"x","payload":{"type":"NAK","data":{"token":"t"}}}',
    ],
)
def test_an_answer_that_says_more_or_less_is_kept_whole(text: str) -> None:
    read = parse(text.encode())

    assert isinstance(read, Answer)
    assert json.loads(read.payload) == json.loads(text)["payload"]


@pytest.mark.parametrize("to", ["5hort", "", None, 5, {}, "a b", "x" * 1000, "\ud800"])
def test_a_request_to_no_id_is_refused_by_its_token(to: Any) -> None:
    read = parse(message("REQ", to, token="t", name="x", args=[]))

    assert isinstance(read, Refused)
    assert read.token == b'"t"'
    assert read.to in (to, "")


@pytest.mark.parametrize("data", [{}, {"token": None}, {"token": {}}, {"token": "x" * 2000}])
def test_a_request_without_a_token_is_routed_like_any_other_message(data: dict[str, Any]) -> None:
    assert isinstance(parse(message("REQ", name="x", **data)), Other)


def test_the_depth_of_arguments() -> None:
    def request(depth: int) -> bytes:
        args = "[" * depth + "]" * depth
        data = f'{{"token":"t","name":"x","args":{args}}}'
        return f'{{"to":"{ID}","payload":{{"type":"REQ","data":{data}}}}}'.encode()

    assert isinstance(parse(request(501)), Request)
    assert isinstance(parse(request(502)), Refused)
    with pytest.raises(ProtocolError):
        parse(request(20_000))


@pytest.mark.parametrize(
    ("one", "other"),
    [('"A"', '"\\u0041"'), ('"\\u00e9"', '"é"'), ('"a/b"', '"a\\/b"')],
)
def test_spellings_of_a_token_are_the_same(one: str, other: str) -> None:
    assert monologue.token_key(one.encode()) == monologue.token_key(other.encode())


@pytest.mark.parametrize(("one", "other"), [('"1"', "1"), ('"a"', '"b"'), ("1", "2")])
def test_other_tokens_are_not(one: str, other: str) -> None:
    assert monologue.token_key(one.encode()) != monologue.token_key(other.encode())


@pytest.mark.parametrize("token", ["1.5", "true", "null", "[]", '"\\ud800"', "1e5", ""])
def test_what_can_be_no_token(token: str) -> None:
    assert monologue.token_key(token.encode()) is None


def test_call_tokens_follow_from_all_that_makes_a_call() -> None:
    other = "b" * 16
    tokens = {
        ids.client_call_token(secret, caller, callee, token)
        for secret in (b"s1", b"s2")
        for caller in (ID, other)
        for callee in (ID, other)
        for token in (b'"1"', b"1")
    }

    assert len(tokens) == 16
    assert {len(token) for token in tokens} == {len(ids.new_call_token())}


@given(TOKENS, VALUES, VALUES)
def test_what_is_sent_can_be_read(token: Any, first: Any, second: Any) -> None:
    raw, value = json.dumps(token).encode(), json.dumps(first).encode()
    args = json.dumps([first, second]).encode()

    sent = [
        monologue.request(ID, "t", "name", args),
        monologue.ack(ID, raw, value),
        monologue.nak(ID, raw, value),
        monologue.nak(ID, raw, value, "busy"),
        monologue.whoami(ID, {"ping": 30}),
    ]

    assert [json.loads(text) for text in sent] == [
        {
            "from": ID,
            "payload": {
                "type": "REQ",
                "data": {"token": "t", "name": "name", "args": [first, second]},
            },
        },
        {"from": ID, "payload": {"type": "ACK", "data": {"token": token, "ret": first}}},
        {"from": ID, "payload": {"type": "NAK", "data": {"token": token, "error": first}}},
        {
            "from": ID,
            "payload": {"type": "NAK", "data": {"token": token, "error": first, "code": "busy"}},
        },
        {"id": ID, "ping": 30},
    ]


@given(st.binary() | VALUES.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_read_or_refused(text: bytes) -> None:
    with contextlib.suppress(ProtocolError):
        parse(text)


@given(st.data())
def test_any_message_with_a_change_is_read_or_refused(data: st.DataObject) -> None:
    text = message("REQ", token="t", name="x", args=[1, {"a": "\ud800"}])
    at = data.draw(st.integers(0, len(text)))
    changed = text[:at] + data.draw(st.binary(max_size=3)) + text[at + 1 :]
    with contextlib.suppress(ProtocolError):
        read = parse(changed)
        if isinstance(read, Request):
            json.loads(monologue.routed(ID, read.payload))
