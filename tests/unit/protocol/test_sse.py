"""Server-sent events: what is sent arrives, in whatever pieces."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from grip_lambda.protocol import sse

DATA = st.text(alphabet=st.characters(exclude_categories=["Cs"])).map(str.encode)
WORD = st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"))
EVENTS = st.lists(st.tuples(DATA, WORD, WORD), max_size=6)


def parsed(stream: bytes, cuts: list[int] | None = None) -> list[sse.Event]:
    parser = sse.Parser()
    edges = sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in cuts or [])})
    pieces = [stream[a:b] for a, b in pairwise(edges)]
    return [event for piece in pieces for event in parser.feed(piece)]


@given(EVENTS, st.lists(st.integers(min_value=0), max_size=10))
@example([(b"a\r\nb\rc\nd", "1", "")], [1])
@example([(b"", "", "")], [])
@example([(b" x", " y", " z")], [])
def test_what_is_encoded_is_parsed_alike_in_any_pieces(
    events: list[tuple[bytes, str, str]], cuts: list[int]
) -> None:
    stream = b"".join(sse.encode(data, id, name) for data, id, name in events)

    last, expected = "", []
    for data, id, name in events:
        last = id or last
        expected.append(sse.Event(re.sub(rb"\r\n?", b"\n", data), last, name or "message"))
    assert parsed(stream, cuts) == expected


@given(st.binary(), st.lists(st.integers(min_value=0), max_size=5))
def test_any_bytes_are_taken_and_the_pieces_make_no_difference(
    stream: bytes, cuts: list[int]
) -> None:
    assert parsed(stream, cuts) == parsed(stream)


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (b"data: a\n\n", [sse.Event(b"a")]),
        (b"data:a\r\rdata\r\n\r\n", [sse.Event(b"a"), sse.Event(b"")]),
        (b"\xef\xbb\xbfdata: a\n\n", [sse.Event(b"a")]),
        (b": nothing\n\nevent: x\n\nid: 7\n\ndata: a\n\n", [sse.Event(b"a", "7")]),
        (b"id: 7\ndata: a\n\nid\ndata: b\n\n", [sse.Event(b"a", "7"), sse.Event(b"b")]),
        (b"id: 7\0\ndata: a\n\n", [sse.Event(b"a")]),
        (b"data: a\ndata: b\n\n", [sse.Event(b"a\nb")]),
        (b"other: a\ndata: unfinished\n", []),
    ],
)
def test_the_standards_examples(stream: bytes, expected: list[sse.Event]) -> None:
    assert parsed(stream) == expected


def test_comments_say_nothing_and_retry_is_noted() -> None:
    parser = sse.Parser()

    assert parser.feed(sse.COMMENT + b"retry: 1500\nretry: x\n\n") == []
    assert parser.retry_ms == 1500
