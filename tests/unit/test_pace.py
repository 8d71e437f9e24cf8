"""Messages to one WebSocket, paced: at once while there is room, else in order and in time."""

from __future__ import annotations

import itertools
import threading

import pytest

from grip_lambda.errors import PublishError
from grip_lambda.grip import pace
from grip_lambda.grip.pace import Pacer


def test_what_there_is_room_for_is_sent_at_once() -> None:
    sent: list[int] = []
    pacer = Pacer(lambda: 0.0)

    for number in range(3):
        pacer.send("a", 1000, lambda number=number: sent.append(number))  # type: ignore[misc]
    pacer.send("b", 10**6, lambda: sent.append(3))

    assert sent == [0, 1, 2, 3]


def test_the_rest_follows_in_order() -> None:
    sent: list[int] = []
    done = threading.Event()
    pacer = Pacer()

    for number in range(100):
        pacer.send("a", 1000, lambda number=number: sent.append(number))  # type: ignore[misc]
    at_once = len(sent)
    pacer.send("a", 1, done.set)

    assert done.wait(10)
    assert 3 <= at_once < 50
    assert sent == list(range(100))


def test_one_that_fails_does_not_hold_up_the_rest() -> None:
    done = threading.Event()
    pacer = Pacer()

    def fail() -> None:
        raise PublishError("gone")

    with pytest.raises(PublishError):
        pacer.send("a", 10_000, fail)
    pacer.send("a", 1, fail)
    pacer.send("a", 1, done.set)

    assert done.wait(10)


def test_too_much_is_refused() -> None:
    pacer = Pacer(lambda: 0.0)  # time stands still

    def flood() -> None:
        for _ in itertools.count():
            pacer.send("a", 10**6, lambda: None)

    with pytest.raises(PublishError):
        flood()


def test_lanes_that_nobody_uses_are_forgotten() -> None:
    now = 0.0
    pacer = Pacer(lambda: now)

    for number in range(5 * pace._LANES_MAX):
        now += 1.0
        pacer.send(str(number), 100, lambda: None)

    assert len(pacer._lanes) <= pace._LANES_MAX
