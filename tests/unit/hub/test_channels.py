"""Channels, and what Pushpin keeps of a connection."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grip_lambda.hub.channels import (
    call_channel,
    host_channel,
    log_channel,
    parse_call_channel,
    parse_host_channel,
    parse_log_channel,
)
from grip_lambda.hub.hosts import Session
from grip_lambda.protocol import ids
from grip_lambda.store import Call

LAMBDA_IDS = st.text(
    st.sampled_from("ABCXYZabcxyz0189-_"),
    min_size=16,
    max_size=16,
)
TOKENS = st.text(st.sampled_from("ABCXYZabcxyz0189-_"), min_size=1, max_size=30)


@given(LAMBDA_IDS, TOKENS)
def test_a_calls_channel_tells_its_lambda_and_its_token(lambda_id: str, token: str) -> None:
    channel = call_channel(Call(token, lambda_id, "n1", 0.0))

    assert parse_call_channel(channel) == (lambda_id, token)


@given(LAMBDA_IDS, TOKENS, LAMBDA_IDS, TOKENS)
def test_different_calls_have_different_channels(a: str, b: str, c: str, d: str) -> None:
    same = call_channel(Call(b, a, "n1", 0.0)) == call_channel(Call(d, c, "n2", 1.0))

    assert same == ((a, b) == (c, d))


@given(LAMBDA_IDS, TOKENS, st.integers(min_value=1, max_value=999_999_999))
def test_a_logs_channel_tells_its_lambda_its_name_and_its_hold(
    lambda_id: str, log: str, hold: int
) -> None:
    channel = log_channel(lambda_id, log, hold)

    assert parse_log_channel(channel) == (lambda_id, log, hold)
    assert parse_call_channel(channel) is None


@given(st.text())
def test_nothing_else_tells_of_a_log(text: str) -> None:
    assert parse_log_channel(text) is None
    assert parse_log_channel(f"log-{text}-1-") is None


@pytest.mark.parametrize(
    "channel",
    [
        "",
        "call-",
        "call-" + "a" * 16,
        "call-" + "a" * 16 + "-",
        "call-" + "a" * 15 + "-token",
        "call-" + "a" * 17 + "token",
        "call-" + "!" * 16 + "-token",
        "host-" + "a" * 16 + "-token",
        "Call-" + "a" * 16 + "-token",
        host_channel("a" * 16, "token"),
    ],
)
def test_what_is_no_calls_channel_tells_nothing(channel: str) -> None:
    assert parse_call_channel(channel) is None


@given(st.text())
def test_any_text_is_a_calls_channel_or_none(text: str) -> None:
    known = parse_call_channel(text)

    if known is not None:
        assert call_channel(Call(known[1], known[0], "n1", 0.0)) == text


def test_a_hosts_channel_names_its_lambda_and_its_connection() -> None:
    lambda_id = ids.new_lambda_id()

    assert parse_host_channel(host_channel(lambda_id, "a-b")) == (lambda_id, "a-b")


@given(st.text())
def test_any_text_is_a_hosts_channel_or_none(text: str) -> None:
    for channel in (text, f"host-{text}"):
        known = parse_host_channel(channel)
        assert known is None or host_channel(*known) == channel


sessions = st.builds(
    Session,
    lambda_id=st.builds(ids.new_lambda_id),
    generation=st.builds(ids.new_generation),
    connected_at=st.integers(0, 2**40),
    may_take_over=st.booleans(),
    acknowledged_at=st.none() | st.floats(0, 2**40),
    max_calls=st.none() | st.integers(1, 2**31),
    # So few that they fit into a header.
    methods=st.none() | st.lists(st.text(st.characters(codec="utf-8"), max_size=20), max_size=10),
)


@given(sessions)
def test_a_session_comes_back_from_its_header(session: Session) -> None:
    encoded = session.encode()

    assert Session.decode(encoded) == session
    assert encoded.isascii()
    assert encoded.isprintable()


def test_names_that_are_too_many_for_a_header_are_left_out() -> None:
    session = Session("a" * 16, "g", acknowledged_at=1.0, methods=["method"] * 1000)

    decoded = Session.decode(session.encode())

    assert decoded is not None
    assert decoded.methods is None
    assert decoded.is_open
    assert len(session.encode()) < 500


@given(st.text())
def test_any_header_is_a_session_or_none(text: str) -> None:
    session = Session.decode(text)

    assert session is None or isinstance(session.is_open, bool)


@pytest.mark.parametrize("text", ["", " ", "a", "a b", "a b 0", "a b 000", "a b c 00"])
def test_what_is_no_session_is_none(text: str) -> None:
    assert Session.decode(text) is None
