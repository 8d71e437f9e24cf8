"""What is published to streams: pieces, and now and then the wish to ask the next link."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import pytest
from pubcontrol import Item

from grip_lambda.grip.node import Node
from grip_lambda.grip.pace import Lost
from grip_lambda.settings import NEXT_S


class Noting(Node):
    """Notes what is published."""

    def __init__(self) -> None:
        super().__init__("n1")
        self.published: list[Any] = []

    @property
    def is_connected(self) -> bool:
        return True

    def ensure_reachable(self) -> None: ...

    def reply(
        self, channel: str, status: int, body: bytes, headers: Mapping[str, str] | None = None
    ) -> None: ...

    def stop(self) -> None: ...

    def _publish_held(self, channel: str, item: Item, lost: Lost | None = None) -> None:
        self._publish(channel, item)

    def _publish(self, channel: str, item: Item) -> None:
        self.published.append((channel, item.id, item.prev_id, item.formats[0].export()))


def test_pieces_follow_one_another() -> None:
    node = Noting()

    for seq in (1, 2):
        node.stream("channel", seq, b"data")

    assert node.published == [
        ("channel", "1", "0", {"content": "data"}),
        ("channel", "2", "1", {"content": "data"}),
    ]


def test_a_stream_that_is_never_quiet_is_asked_for_a_sign_of_life(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    node, clock = Noting(), [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])

    for second in range(3 * NEXT_S):
        clock[0] = 100.0 + second
        node.stream("busy", second + 1, b"data")
    node.stream("another", 1, b"data")

    asked = [channel for channel, *_, sent in node.published if sent == {"action": "hint"}]
    assert asked == ["busy"] * 2


def test_a_stream_that_is_restarted_is_sent_nothing() -> None:
    node = Noting()

    node.restart("channel")

    ((channel, id, prev_id, _),) = node.published
    assert (channel, id, prev_id) == ("channel", None, None), "or Pushpin goes on to sort"
