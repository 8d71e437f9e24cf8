"""Batches of WebSocket-over-HTTP: read strictly, whatever comes."""

from __future__ import annotations

import struct

import pytest
from gripcontrol import WebSocketEvent
from hypothesis import example, given
from hypothesis import strategies as st

from grip_lambda.errors import BadRequest
from grip_lambda.grip import events

TYPES = ["OPEN", "TEXT", "BINARY", "PING", "PONG", "CLOSE", "DISCONNECT"]
EVENTS = st.lists(st.tuples(st.sampled_from(TYPES), st.binary(max_size=60)), max_size=8)


def _encode(batch: list[tuple[str, bytes]]) -> bytes:
    return events.encode(WebSocketEvent(kind, content or None) for kind, content in batch)


@given(EVENTS)
@example([("TEXT", b"\r\n"), ("TEXT", b"TEXT 1\r\nx\r\n")])
def test_what_was_encoded_is_decoded_alike(batch: list[tuple[str, bytes]]) -> None:
    assert events.decode(_encode(batch)) == batch


def test_sizes_are_hexadecimal_in_either_case() -> None:
    assert events.decode(b"TEXT A\r\n0123456789\r\n") == [("TEXT", b"0123456789")]
    assert events.decode(b"TEXT a\r\n0123456789\r\n") == [("TEXT", b"0123456789")]
    assert events.decode(b"TEXT 0\r\n\r\nOPEN\r\n") == [("TEXT", b""), ("OPEN", b"")]


@pytest.mark.parametrize(
    "body",
    [
        b"\r\n",
        b"OPEN",
        b"OPEN\n",
        b"OPEN\r",
        b" OPEN\r\n",
        b"OPEN \r\n",
        b"open\r\n",
        b"HELLO\r\n",
        b"TEXT 5\r\n",
        b"TEXT 5\r\nhell",
        b"TEXT 5\r\nhello",
        b"TEXT 5\r\nhello\r",
        b"TEXT 5\r\nhello\n\n",
        b"TEXT 4\r\nhello\r\n",
        b"TEXT 6\r\nhello\r\n",
        b"TEXT -5\r\nhello\r\n",
        b"TEXT +5\r\nhello\r\n",
        b"TEXT 0x5\r\nhello\r\n",
        b"TEXT 5 \r\nhello\r\n",
        b"TEXT  5\r\nhello\r\n",
        b"TEXT five\r\nhello\r\n",
        b"TEXT 1_0\r\n0123456789012345\r\n",
        b"TEXT ffffffff\r\nhello\r\n",
        b"TEXT 100000000\r\nhello\r\n",
        b"TEXT 5\r\nhello\r\nOPE",
        b"TEXT 5 5\r\nhello\r\n",
        "TEXT \u0665\r\nhello\r\n".encode(),
    ],
)
def test_a_batch_that_does_not_fit_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest):
        events.decode(body)


@given(EVENTS, st.data())
def test_a_batch_cut_short_is_refused_or_is_the_beginning(
    batch: list[tuple[str, bytes]], data: st.DataObject
) -> None:
    body = _encode(batch)
    cut = body[: data.draw(st.integers(0, len(body)))]
    try:
        decoded = events.decode(cut)
    except BadRequest:
        return
    assert decoded == batch[: len(decoded)]


@given(
    st.binary()
    | st.lists(
        st.sampled_from([b"TEXT", b"OPEN", b" ", b"\r\n", b"1", b"f", b"-", b"\r", b"\n"])
    ).map(b"".join)
)
def test_arbitrary_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        decoded = events.decode(body)
    except BadRequest:
        return
    assert all(kind in TYPES for kind, _ in decoded)
    assert sum(len(content) for _, content in decoded) <= len(body)


def test_half_a_close_code_is_answered_with_1002() -> None:
    for content in (b"\x03", b"\xff", b"\0"):
        answer = events.close_echo(content).content
        assert isinstance(answer, bytes)
        assert answer[:2] == struct.pack(">H", 1002)


def test_a_reason_that_is_no_text_is_answered_with_1007() -> None:
    answer = events.close_echo(struct.pack(">H", 1000) + b"\xff").content

    assert isinstance(answer, bytes)
    assert answer[:2] == struct.pack(">H", 1007)


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1011, 1014, 3000, 4000, 4999])
def test_an_allowed_close_code_is_echoed(code: int) -> None:
    content = struct.pack(">H", code)

    assert events.close_echo(content).content == content
    assert events.close_echo(content + b"bye").content == content


@pytest.mark.parametrize("code", [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535])
def test_a_close_code_that_may_not_be_sent_is_answered_with_1002(code: int) -> None:
    content = events.close_echo(struct.pack(">H", code)).content

    assert content[:2] == struct.pack(">H", 1002)


@given(st.binary(max_size=130))
def test_any_close_is_answered_with_a_code_that_may_be_sent(content: bytes) -> None:
    answer = events.close_echo(content).content

    if answer is not None:
        (code,) = struct.unpack(">H", answer[:2])
        assert code in (1000, 1001, 1002, 1003, *range(1007, 1015)) or 3000 <= code < 5000


@given(st.integers(1000, 4999), st.text(st.characters(codec="utf-8")))
def test_a_close_fits_a_control_frame_and_its_reason_is_utf8(code: int, reason: str) -> None:
    content = events.close(code, reason * 3).content

    assert len(content) <= 125
    assert struct.unpack(">H", content[:2]) == (code,)
    assert (reason * 3).startswith(content[2:].decode())
