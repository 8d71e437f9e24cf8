"""Messages to one WebSocket, paced: at once while there is room, else in order and in time."""

from __future__ import annotations

import itertools
import threading
import time
from functools import partial

import pytest

from grip_lambda.errors import PublishError, StoreError
from grip_lambda.grip import pace
from grip_lambda.grip.pace import SMALL, Pacer
from grip_lambda.serve.pushpin import BUFFER


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
        pacer.send("a", 50_000, fail)
    pacer.send("a", 1, fail)
    pacer.send("a", 1, done.set)

    assert done.wait(10)


def test_who_is_to_know_is_told_of_one_that_fails_later() -> None:
    told: list[PublishError] = []
    done = threading.Event()
    pacer = Pacer()

    def fail() -> None:
        raise PublishError("gone")

    def lost(error: PublishError) -> None:
        told.append(error)
        raise StoreError("and nobody can note it")

    pacer.send("a", 50_000, lambda: None)
    pacer.send("a", 1, fail, lost=lost)
    pacer.send("a", 1, done.set, lost=lost)

    assert done.wait(10)
    assert [str(error) for error in told] == ["gone"]


def test_who_waits_returns_when_it_has_left() -> None:
    sent: list[int] = []
    pacer = Pacer()

    for number in range(100):
        pacer.send("a", 1000, lambda number=number: sent.append(number))  # type: ignore[misc]
    before = len(sent)
    pacer.send("a", 1000, lambda: sent.append(100), wait=True)

    assert before < 50
    assert sent == list(range(101))


def test_who_waits_is_told_what_went_wrong() -> None:
    pacer = Pacer()

    def fail() -> None:
        raise PublishError("gone")

    pacer.send("a", 50_000, lambda: None)
    with pytest.raises(PublishError, match="gone"):
        pacer.send("a", 1, fail, wait=True)


@pytest.mark.parametrize("processes", [2, 4])
def test_what_several_processes_send_at_once_fits_into_one_window(processes: int) -> None:
    """Nothing leaves the window meanwhile."""
    now = [0.0]
    sent: list[int] = []
    pacers = [Pacer(lambda: now[0]) for _ in range(processes)]

    for pacer in pacers:
        for _ in range(100):
            pacer.send("a", SMALL, partial(sent.append, SMALL))

    assert processes * SMALL < sum(sent) < BUFFER


def test_a_message_waits_for_its_turn_and_others_behind_it() -> None:
    sent: list[str] = []
    done = threading.Event()
    pacer = Pacer()
    began = time.monotonic()

    pacer.send("a", 50_000, lambda: sent.append("large"), after_s=0.1)
    pacer.send("a", 1, lambda: sent.append("small"))
    pacer.send("b", 1, lambda: sent.append("other"))
    pacer.send("a", 1, done.set)

    assert done.wait(10)
    assert sent == ["other", "large", "small"]
    assert time.monotonic() - began >= 0.1


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
