"""A Pushpin that notes what is published to it, for tests of what is said when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from grip_lambda.grip.nodes import Nodes


class RecordingNode:
    """Takes everything, and delivers nothing.

    Attributes:
        replies: channel, status and body of each reply to a held request.
        sent: the messages to WebSockets.
        streamed: channel, number and data of each piece of a stream.
        ended: channel and number of each end of a stream.
        asked: the channels whose next link was asked for.
        restarted: those that were to go on with whatever comes.
    """

    def __init__(self) -> None:
        self.replies: list[tuple[str, int, bytes]] = []
        self.sent: list[bytes] = []
        self.streamed: list[tuple[str, int, bytes]] = []
        self.ended: list[tuple[str, int]] = []
        self.asked: list[str] = []
        self.restarted: list[str] = []

    def ensure_reachable(self) -> None:
        """Be there."""

    def send(self, channel: str, message: bytes, **_: object) -> None:
        self.sent.append(message)

    def reply(
        self, channel: str, status: int, body: bytes, headers: Mapping[str, str] | None = None
    ) -> None:
        self.replies.append((channel, status, body))

    def stream(self, channel: str, seq: int, data: bytes) -> None:
        self.streamed.append((channel, seq, data))

    def end_stream(self, channel: str, seq: int) -> None:
        self.ended.append((channel, seq))

    def ask_again(self, channel: str) -> None:
        self.asked.append(channel)

    def restart(self, channel: str) -> None:
        self.restarted.append(channel)


def nodes_of(node: RecordingNode) -> Nodes:
    """Return a deployment in which ``n1`` and ``n2`` are this Pushpin."""
    return cast(Nodes, {"n1": node, "n2": node})
