"""JSON-RPC 1.0: what a host may send, what it means, and what ends its connection."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grip_lambda.errors import ProtocolError
from grip_lambda.protocol import jsonrpc, jsontext
from grip_lambda.protocol.jsonrpc import Answer, Notification, Request, parse

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"))
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=5)
    ),
    max_leaves=20,
)


@st.composite
def json_texts(draw: st.DrawFn) -> bytes:
    """Draw a JSON text, with spaces and escapes as different writers put them."""
    value = draw(VALUES)
    text = json.dumps(
        value,
        ensure_ascii=draw(st.booleans()),
        indent=draw(st.sampled_from([None, 1, "\t"])),
        separators=draw(st.sampled_from([(",", ":"), (", ", ": "), (" ,", " : ")])),
    )
    return text.encode()


@given(json_texts().filter(lambda text: text != b"null"))
def test_a_result_is_kept_byte_for_byte(text: bytes) -> None:
    assert parse(b'{"id":"t","result":%b}' % text) == Answer("t", text, is_error=False)


@given(json_texts().filter(lambda text: text != b"null"))
def test_an_error_is_kept_byte_for_byte(text: bytes) -> None:
    assert parse(b'{"error" : %b , "result": null, "id":"t"}' % text) == Answer("t", text, True)


@given(st.text(st.characters(codec="utf-8")), json_texts())
def test_an_invocation_carries_the_body_as_it_came(method: str, body: bytes) -> None:
    message = jsonrpc.call_message(method, body, "token")

    assert b"[" + body + b"]" in message
    assert json.loads(message) == {
        "method": method,
        "params": [json.loads(body)],
        "id": "token",
    }


@pytest.mark.parametrize(
    "text",
    [
        b"1.0",
        b"1e5",
        b"-0",
        b"0.1000",
        b"12345678901234567890123",
        b'{"b":1,"a":2,"b":3}',
        b'"\\u00e9"',
    ],
)
def test_numbers_order_and_escapes_of_a_result_are_not_rewritten(text: bytes) -> None:
    answer = parse(b'{"id":"t","result":%b}' % text)

    assert isinstance(answer, Answer)
    assert answer.value == text


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (b'{"id":"x"}', Answer("x", b"null", False)),
        (b'{"id":"x","result":null}', Answer("x", b"null", False)),
        (b'{"id":"x","error":null}', Answer("x", b"null", False)),
        (b'{"id":"x","result":null,"error":null}', Answer("x", b"null", False)),
        (b'{"id":"x","result":1,"error":null}', Answer("x", b"1", False)),
        (b'{"id":"x","result":1,"error":2}', Answer("x", b"2", True)),
        (b'{"id":"x","error":2,"result":1}', Answer("x", b"2", True)),
        (b'{"id":"x","result":null,"error":2}', Answer("x", b"2", True)),
        (b'{"id":"x","error":false}', Answer("x", b"false", True)),
        (b'{"id":"x","error":""}', Answer("x", b'""', True)),
        (b'{"id":"x","error":0}', Answer("x", b"0", True)),
        (b'{"id":"x","error":"null"}', Answer("x", b'"null"', True)),
        (b'{"id":"x","method":null,"result":1}', Answer("x", b"1", False)),
        (b'{"id":0,"result":"ok"}', Answer(0, b'"ok"', False)),
        (b' \t\r\n{ "id" : "x" } ', Answer("x", b"null", False)),
        (b'{"jsonrpc":"2.0","id":"x","result":1,"other":[{}]}', Answer("x", b"1", False)),
    ],
)
def test_an_answer_is_a_result_unless_its_error_is_not_null(text: bytes, answer: Answer) -> None:
    assert parse(text) == answer


@pytest.mark.parametrize(
    "text", [b'{"id":null}', b'{"id":null,"result":1}', b'{"id":null,"method":null}']
)
def test_a_null_id_without_a_method_says_nothing(text: bytes) -> None:
    assert parse(text) is None


def test_a_method_with_a_null_id_is_a_notification() -> None:
    message = parse(b'{"method":"progress","params":["t", 1.0],"id":null}')

    assert message == Notification("progress", b'["t", 1.0]')


def test_a_method_with_an_id_is_a_request() -> None:
    assert parse(b'{"method":"m","params":[],"id":7}') == Request(7, "m")


@pytest.mark.parametrize("given_id", ["1", '"a"', "true", "[1]", '{"a":1.5}', "9" * 30])
def test_a_request_of_a_host_is_refused_with_its_own_id(given_id: str) -> None:
    request = parse(b'{"method":"m","id":%b}' % given_id.encode())
    assert isinstance(request, Request)

    assert json.loads(jsonrpc.unknown_method(request)) == {
        "id": json.loads(given_id),
        "result": None,
        "error": "unknown method: m",
    }


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b" ",
        b"{",
        b"hello",
        b"{'id':1}",
        b'{"id":"x"} {}',
        b'{"id":"x",}',
        b'{"id":"x","result":NaN}',
        b'{"id":"x","result":Infinity}',
        b'{"id":"x","result":01}',
        b'{"id":"x","result":1.}',
        b'{"id":"x","result":"\\q"}',
        b'{"id":"x","result":"\\u12"}',
        b'{"id":"x","other":"\\q"}',
        b'{"id":"x","result":"\xff"}',
        b'{"id":"x","result":"\xed\xa0\x80"}',
        b'{"id":"x","\xff":1}',
        b'{"id":"x","result":"\n"}',
        b'\xef\xbb\xbf{"id":"x"}',
        '{"id":"x"}'.encode("utf-16"),
        b"null",
        b"1",
        b'"text"',
        b"[]",
        b'[{"id":"x"}]',
        b"{}",
        b'{"result":1}',
        b'{"method":"m"}',
        b'{"id":[1]}',
        b'{"id":{}}',
        b'{"id":1,"method":1}',
        b'{"id":1,"method":["m"]}',
        b'{"id":null,"method":{}}',
    ],
)
def test_what_is_not_json_rpc_ends_the_connection_with_1007(text: bytes) -> None:
    with pytest.raises(ProtocolError) as refused:
        parse(text)

    assert refused.value.close_code == 1007
    assert str(refused.value)


@given(st.binary())
def test_arbitrary_bytes_parse_or_are_a_protocol_error(data: bytes) -> None:
    with contextlib.suppress(ProtocolError):
        parse(data)


@given(VALUES.map(lambda value: json.dumps(value).encode()))
def test_arbitrary_json_parses_or_is_a_protocol_error(data: bytes) -> None:
    try:
        message = parse(data)
    except ProtocolError:
        return
    assert isinstance(json.loads(data), dict)
    assert message is None or "id" in json.loads(data)


@given(
    st.fixed_dictionaries(
        {"id": VALUES}, optional={"method": VALUES, "params": VALUES, "result": VALUES}
    )
)
def test_no_message_of_any_shape_raises_anything_else(message: dict[str, Any]) -> None:
    try:
        read = parse(json.dumps(message).encode())
    except ProtocolError:
        return
    if isinstance(read, Request):
        json.loads(jsonrpc.unknown_method(read))


@pytest.mark.parametrize("depth", [500, 930, 990, 1000, 1020, 1030, 5000, 49_000])
@pytest.mark.parametrize(
    "shape",
    [b'{"id":"t","result":%b}', b'{"id":"t","method":"m","params":%b}', b'{"id":%b}', b"%b"],
)
@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}"), (b"[", b"")])
def test_deep_nesting_raises_nothing_but_a_protocol_error(
    depth: int, shape: bytes, opening: bytes, closing: bytes
) -> None:
    text = shape % (opening * depth + b"1" + closing * depth)
    with contextlib.suppress(ProtocolError):
        parse(text)


def _deep(depth: int) -> bytes:
    return b"[" * depth + b'"]"' + b"]" * depth


def _under(frames: int, text: bytes) -> Answer | Notification | Request | None:
    """Parse below so many frames of Python, as a web server does."""
    return parse(text) if frames == 0 else _under(frames - 1, text)


@pytest.mark.parametrize("frames", [0, 100, 300])
def test_whatever_body_is_accepted_can_be_echoed_in_an_object(frames: int) -> None:
    deepest = max(depth for depth in range(1100) if jsontext.is_json(_deep(depth)))
    assert deepest == jsontext.MAX_DEPTH
    text = b'{"echo": %b }' % _deep(deepest)

    answer = _under(frames, b'{"id":"t" , "result": %b ,"error":null}' % text)

    assert answer == Answer("t", text, is_error=False)


@given(VALUES)
def test_every_json_text_is_json(value: Any) -> None:
    assert jsontext.is_json(json.dumps(value).encode())


@pytest.mark.parametrize(
    "text", [b"", b" ", b"a=b", b"{", b"[1,]", b"NaN", b"\xff", b'"\xff"', b"1 2", b"'a'", b"01"]
)
def test_other_bytes_are_no_json(text: bytes) -> None:
    assert not jsontext.is_json(text)


def test_brackets_within_strings_do_not_count_as_nesting() -> None:
    assert jsontext.is_json(json.dumps('["\\[{' * 1000).encode())
    assert jsontext.is_json(json.dumps(["[" * 999] * 5).encode())
    assert jsontext.is_json(b"[%b]" % b",".join([b"[[]]"] * 1001))


@given(json_texts(), st.data())
def test_no_text_is_taken_for_json_that_another_parser_refuses(
    text: bytes, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(text)))
    other = data.draw(
        st.binary(max_size=2) | st.sampled_from([b"[", b"]", b'"', b"\\", b"0", b"."])
    )
    changed = text[:at] + other + text[at + data.draw(st.integers(0, 2)) :]

    if jsontext.is_json(changed):
        json.loads(changed.decode(), parse_constant=pytest.fail)


def test_the_open_message_has_the_id_alone_and_then_the_details() -> None:
    message = json.loads(jsonrpc.open_message("a" * 16, {"token": "t"}))

    assert message == {"method": "open", "params": ["a" * 16, {"token": "t"}], "id": 0}


def test_an_incomplete_escape_before_half_a_pair_is_not_completed() -> None:
    assert not jsontext.is_json(b'"\\u0\\ud977"')
    assert not jsontext.is_json(b'"\\u00\\ud977\\ude9c\\ud9b2"')
