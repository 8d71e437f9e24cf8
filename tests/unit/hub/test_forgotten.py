"""Hosts that the store has lost are asked for, and no others."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import cast

import pytest

from grip_lambda.errors import PublishError
from grip_lambda.grip.node import Node
from grip_lambda.hub.channels import call_channel, host_channel, log_channel
from grip_lambda.hub.hosts import Forgotten, forgotten
from grip_lambda.protocol.ids import HttpConnection
from grip_lambda.store import Call, Store
from tests.support.stores import store_with_host

KNOWN, LOST, READER = "A" * 16, "B" * 16, "C" * 16
STREAM = log_channel(READER, str(HttpConnection.new("g" * 12, time.time())), 1)
CALLED = log_channel(LOST, "t" * 22, 1)
CHANNELS = [
    host_channel(KNOWN, "connection"),
    host_channel(LOST, "other"),
    STREAM,
    CALLED,
    call_channel(Call("t" * 22, LOST, "n1", 0.0)),
    "host-x",
]


class Asked:
    """A Pushpin that notes whom it is to ask for."""

    def __init__(self, error: PublishError | None = None) -> None:
        self.pinged: list[str] = []
        self.streams: list[str] = []
        self.done = threading.Event()
        self._error = error

    def of_hosts(self) -> list[str]:
        self.done.set()
        if self._error is not None:
            raise self._error
        return CHANNELS

    def ping(self, channel: str) -> None:
        self.pinged.append(channel)

    def ask_again(self, channel: str) -> None:
        self.streams.append(channel)


def forgotten_of(store: Store, node: Asked) -> Forgotten:
    return Forgotten(store, [cast(Node, node)])


def test_those_are_asked_for_that_the_store_does_not_know(tmp_path: Path) -> None:
    node = Asked()
    with store_with_host(tmp_path, KNOWN) as store:
        count = forgotten_of(store, node).ask_for(cast(Node, node))

    assert (count, node.pinged, node.streams) == (2, [CHANNELS[1]], [STREAM])


def test_it_is_looked_each_time_that_the_store_has_lost_something(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forgotten, "_APART_S", 0.0)
    node = Asked()
    with store_with_host(tmp_path, KNOWN) as store:
        one = forgotten_of(store, node)
        for lost_at in (5.0, 5.0):
            one.look(lost_at)
        assert not node.done.wait(0.1), "that was before this process"

        one.look(9.0)
        assert node.done.wait(5)


def test_a_proxy_out_of_reach_is_left_to_the_pings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(forgotten, "_APART_S", 0.0)
    node = Asked(PublishError("the proxy n1 is out of reach"))
    with store_with_host(tmp_path, KNOWN) as store:
        forgotten_of(store, node)._ask()

    assert node.done.is_set()
    assert "were asked for" not in caplog.text
