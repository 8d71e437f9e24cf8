"""Messages to hosts that read a stream or poll."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from grip_lambda.hub.channels import log_channel
from grip_lambda.hub.delivery import LIVES_S, POLL, SSE, Closing, Outbox
from grip_lambda.protocol.ids import EventId
from grip_lambda.store import Host, Store
from tests.support.nodes import RecordingNode, nodes_of
from tests.support.stores import store_with_host

ID = "A" * 16
HOST = Host("connection", "n1", transport=SSE)
CHANNEL = log_channel(ID, "connection", 1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with store_with_host(tmp_path, ID) as opened:
        yield opened


@pytest.fixture
def node() -> RecordingNode:
    return RecordingNode()


@pytest.fixture
def outbox(store: Store, node: RecordingNode) -> Outbox:
    return Outbox(store, nodes_of(node), b"secret")


def read(store: Store, kind: str, after: int = 0) -> list[bytes]:
    """Have the host read, and return what it finds."""
    now = time.time()
    tail = store.logs.attach(
        ID, "connection", after, now, node="n1", kind=kind, until=now + 60, lives_s=LIVES_S
    )
    return [one.data for one in tail.entries]


def test_a_stream_gets_each_message_with_an_id(
    outbox: Outbox, store: Store, node: RecordingNode
) -> None:
    read(store, SSE)
    outbox.send(ID, HOST, b"[1]")
    outbox.send(ID, HOST, b"[2]")

    assert [(channel, seq) for channel, seq, _ in node.streamed] == [(CHANNEL, 1), (CHANNEL, 2)]
    event_id = EventId(ID, "connection", 1).encode(b"secret")
    assert node.streamed[0][2] == b"id: %b\ndata: [1]\n\n" % event_id.encode()


def test_a_poll_is_answered_with_the_first_message_alone(
    outbox: Outbox, store: Store, node: RecordingNode
) -> None:
    read(store, POLL)
    outbox.send(ID, HOST, b"[1]")
    outbox.send(ID, HOST, b"[2]")

    assert node.replies == [(CHANNEL, 200, b"[[1]]")]
    assert read(store, POLL, after=1) == [b"[2]"], "with the next poll"


def test_a_message_waits_for_a_host_that_is_away(
    outbox: Outbox, store: Store, node: RecordingNode
) -> None:
    outbox.send(ID, HOST, b"[1]")

    assert node.streamed == []
    assert read(store, SSE) == [b"[1]"]


def test_a_message_for_a_connection_that_holds_nothing_is_dropped(
    outbox: Outbox, store: Store, node: RecordingNode
) -> None:
    outbox.send(ID, Host("another", "n1", transport=SSE), b"[1]")

    assert store.logs.read(ID, "another", 0, time.time()) is None
    assert read(store, SSE) == []


def test_a_poll_that_ends_says_why_and_a_stream_is_asked_for_its_end(
    outbox: Outbox, store: Store, node: RecordingNode
) -> None:
    read(store, POLL)
    outbox.close(ID, HOST, Closing.TAKEN_OVER)
    read(store, SSE)
    outbox.close(ID, HOST, Closing.TAKEN_OVER)

    ((channel, status, body),) = node.replies
    assert (channel, status) == (CHANNEL, Closing.TAKEN_OVER.error.status)
    assert json.loads(body)["code"] == Closing.TAKEN_OVER.error.code
    assert node.asked == [log_channel(ID, "connection", 2)]
