"""Who adds to a log, and publishes, does so in turn."""

from __future__ import annotations

import threading
import time

import pytest

from grip_lambda.hub import order
from grip_lambda.hub.order import Order


def test_each_waits_for_the_one_before() -> None:
    turns, seen, begun = Order(), [], threading.Event()

    def second() -> None:
        begun.set()
        with turns.turn("place", "log"):
            seen.append("second")

    thread = threading.Thread(target=second)
    with turns.turn("place", "log"):
        thread.start()
        begun.wait(5)
        seen.append("first")
    thread.join(5)

    assert seen == ["first", "second"]


def test_nobody_waits_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order, "_PATIENCE_S", 0.01)
    turns = Order()
    began = time.monotonic()

    with turns.turn("place", "log"), turns.turn("place", "log"):
        assert time.monotonic() - began >= 0.01

    with turns.turn("place", "log"):
        pass


def test_a_turn_ends_with_an_error() -> None:
    turns = Order()
    with pytest.raises(ValueError, match="x"), turns.turn("place", "log"):
        raise ValueError("x")

    began = time.monotonic()
    with turns.turn("place", "log"):
        assert time.monotonic() - began < order._PATIENCE_S
