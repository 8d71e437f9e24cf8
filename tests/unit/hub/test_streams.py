"""Streamed calls: what their callers are sent, now and when they come back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from grip_lambda.errors import NotFound
from grip_lambda.hub.access import Limits
from grip_lambda.hub.calls import STREAM, CallEvents, StreamedCalls, outcomes
from grip_lambda.hub.channels import log_channel
from grip_lambda.hub.feeds import Link
from grip_lambda.store import Call, Outcome, Store
from tests.support.nodes import RecordingNode, nodes_of
from tests.support.stores import store_with_host

ID, TOKEN = "A" * 16, "t" * 22
HELLO = Outcome.of_result(b'"hello"')
RESULT = b'event: result\nid: %b.3\ndata: "hello"\n\n' % TOKEN.encode()


class Scene:
    """One streamed call, and what happens to it."""

    def __init__(self, store: Store) -> None:
        self.node = RecordingNode()
        self.store = store
        self.ended: list[tuple[str, str, Outcome]] = []
        self.events = CallEvents(store, nodes_of(self.node), Limits(store))
        self.streamed = StreamedCalls(
            store,
            self.events,
            lambda *end: self.ended.append(end),
            link=Link(nodes_of(self.node), b"secret", "events"),
            grace_s=5.0,
        )
        now = time.time()
        self.call = Call(
            TOKEN, ID, "n1", now + 60, STREAM.name, kept_s=600.0, created=now, key="key"
        )
        store.begin_call(self.call, now)

    def progress(self, value: bytes) -> None:
        self.streamed.progressed(ID, "connection", TOKEN, value)

    def finish(self) -> None:
        self.store.end_calls(ID, "connection", {TOKEN: HELLO}, time.time())
        self.events.finish(self.call, HELLO)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with store_with_host(tmp_path, ID) as store:
        yield Scene(store)


def test_each_event_is_published_with_its_number_to_who_reads(scene: Scene) -> None:
    first = scene.streamed.open(scene.call)
    scene.progress(b"1")
    scene.progress(b"2")
    scene.finish()

    channel = log_channel(ID, TOKEN, 1)
    assert (first.channel, first.last) == (channel, 0)
    assert first.body == b"id: %b.0\n\n" % TOKEN.encode()
    assert [(where, seq) for where, seq, _ in scene.node.streamed] == [
        (channel, 1),
        (channel, 2),
        (channel, 3),
    ]
    assert scene.node.streamed[-1][2] == RESULT
    assert scene.node.ended == [(channel, 4)]


def test_what_comes_before_its_reader_is_kept(scene: Scene) -> None:
    scene.progress(b"1")
    scene.progress(b"2")
    scene.finish()

    piece = scene.streamed.open(scene.call)

    assert scene.node.streamed == []
    assert piece.body.count(b"event: progress") == 2
    assert piece.body.endswith(RESULT)
    assert piece.channel is None, "nothing follows"


def test_a_caller_who_comes_back_gets_what_it_has_missed(scene: Scene) -> None:
    scene.streamed.open(scene.call)
    scene.progress(b"1")
    scene.progress(b"2")

    piece = scene.streamed.reopen(ID, f"{TOKEN}.1", "key", "n2")

    assert piece is not None
    assert piece.body == b"event: progress\nid: %b.2\ndata: 2\n\n" % TOKEN.encode()
    assert piece.channel == log_channel(ID, TOKEN, 2), "with a new hold"
    scene.finish()
    assert [where for where, _, _ in scene.node.streamed[-1:]] == [piece.channel]
    assert scene.streamed.reopen(ID, f"{TOKEN}.3", "key", "n1") is None, "it has all"


@pytest.mark.parametrize(
    ("event_id", "key"),
    [
        (f"{TOKEN}.1", "another key"),
        (f"{'u' * 22}.1", "key"),
        (f"{TOKEN}.-1", "key"),
        (TOKEN, "key"),
        ("", "key"),
    ],
)
def test_nobody_else_comes_back(scene: Scene, event_id: str, key: str) -> None:
    with pytest.raises(NotFound):
        scene.streamed.reopen(ID, event_id, key, "n1")


def test_pushpin_is_told_what_it_has_missed_and_the_end(scene: Scene) -> None:
    first = scene.streamed.open(scene.call)
    scene.progress(b"1")
    link = first.link.rpartition("/")[2]

    missed = scene.streamed.follow(link, f"{first.channel}; last-id=0")
    current = scene.streamed.follow(link, f"{first.channel}; last-id=1")
    scene.streamed.reopen(ID, f"{TOKEN}.1", "key", "n2")
    replaced = scene.streamed.follow(link, f"{first.channel}; last-id=1")

    assert b"event: progress" in missed.body
    assert (current.channel, current.last) == (first.channel, 1)
    assert (replaced.body, replaced.channel) == (b"", None), "another hold reads now"


def test_a_call_that_nobody_reads_any_more_is_to_be_cancelled(scene: Scene) -> None:
    piece = scene.streamed.open(scene.call)
    assert piece.channel is not None

    scene.streamed.left(piece.channel)

    due = scene.store.expire(HELLO, HELLO, time.time() + 6.0)
    assert [(wait.call, wait.node) for wait in due.waits] == [(TOKEN, "")]


def test_progress_of_a_call_that_is_over_is_not_kept(scene: Scene) -> None:
    scene.finish()
    scene.progress(b"1")

    assert b"progress" not in scene.streamed.open(scene.call).body


def test_a_call_with_far_too_much_progress_is_ended(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grip_lambda.hub.calls.events.EVENTS_MAX", 2)
    for _ in range(3):
        scene.progress(b"1")

    assert scene.ended == [(ID, TOKEN, outcomes.TOO_MUCH)]
