"""Threads that wait for calls, and who finds them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from grip_lambda.errors import DeadlineExceeded
from grip_lambda.hub.calls import Response, Waiters
from grip_lambda.hub.calls.waiting import Turns
from grip_lambda.hub.channels import host_channel
from grip_lambda.store import Outcome
from tests.support.stack import wait_until

OK = Outcome(200, b"1", b"{}")


class Wire:
    """Links between the waiters of a test, without a network.

    Attributes:
        sent: the sizes of what was sent.
    """

    def __init__(self) -> None:
        self.listeners: dict[str, Callable[[bytes], None]] = {}
        self.sent: list[int] = []

    def listen(self, address: str, receive: Callable[[bytes], None]) -> None:
        self.listeners[address] = receive

    def send(self, address: str, data: bytes) -> bool:
        self.sent.append(len(data))
        if address not in self.listeners:
            return False
        self.listeners[address](data)
        return True

    def close(self) -> None:
        self.listeners.clear()


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def waiters(wire: Wire) -> Waiters:
    return Waiters(wire, threads=8, patience_s=0.2)


@contextmanager
def late(*of: Waiters) -> Iterator[list[tuple[Any, ...]]]:
    """Note which answers find no thread."""
    found: list[tuple[Any, ...]] = []
    for one in of:
        one.on_late(
            lambda *told: found.append(told), lambda *told: found.append(told), lambda *_: False
        )
    yield found


# Turns


def test_so_many_have_a_turn_at_a_time() -> None:
    turns = Turns(2)

    assert turns.take(0)
    assert turns.take(0)
    assert not turns.take(0)
    turns.give()
    assert turns.take(0)
    assert not turns.take(0.01)


def test_turns_come_in_order() -> None:
    turns = Turns(1)
    assert turns.take(0)
    order: list[int] = []

    def wait(n: int) -> None:
        assert turns.take(10)
        order.append(n)
        turns.give()

    threads = []
    for n in range(5):
        threads.append(threading.Thread(target=wait, args=(n,)))
        threads[-1].start()
        wait_until(lambda n=n: len(turns._queue) == n + 1)  # type: ignore[misc]
    turns.give()
    for one in threads:
        one.join(5)
    assert order == list(range(5))
    assert turns.take(0)


def test_who_gives_up_leaves_the_row() -> None:
    turns = Turns(1)
    assert turns.take(0)
    assert not turns.take(0.01)
    turns.give()
    assert turns.take(0)
    assert not turns.take(-1), "a time that is over is none"


def test_no_turn_is_lost_if_many_give_up() -> None:
    """Turns that come in the last moment are taken, or given on."""
    turns = Turns(3)

    def work() -> None:
        for n in range(200):
            if turns.take(0.0002 * (n % 3)):
                turns.give()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(30)
    assert all(turns.take(0) for _ in range(3))
    assert not turns.take(0)


def test_who_has_no_turn_by_the_deadline_is_told_so(waiters: Waiters) -> None:
    waiters.turns = Turns(1)
    with waiters.turn(0), pytest.raises(DeadlineExceeded), waiters.turn(0.01):
        pytest.fail("there were two")
    with waiters.turn(0):
        pass


def test_a_turn_ends_with_an_error(waiters: Waiters) -> None:
    waiters.turns = Turns(1)
    for _ in range(3):
        with pytest.raises(ValueError, match="x"), waiters.turn(0):
            raise ValueError("x")


# Waiters


def test_an_answer_wakes_the_thread_that_waits(waiters: Waiters) -> None:
    with waiters.expecting("t", "c") as waiter:
        waiters.answered(waiters.address, "t", "l", "c", OK)
        assert waiter.wait(0)
        assert waiter.told == OK
        assert not waiters.give_up("t")


def test_only_the_connection_that_was_asked_answers(waiters: Waiters) -> None:
    with late(waiters) as found, waiters.expecting("t", "c") as waiter:
        waiters.answered(waiters.address, "t", "l", "another", OK)
        assert not waiter.wait(0)
        waiters.answered(waiters.address, "t", "l", "c", OK)
        assert waiter.told == OK
    assert found == []


def test_the_first_answer_counts_and_the_next_are_late(waiters: Waiters) -> None:
    with late(waiters) as found, waiters.expecting("t", "c") as waiter:
        waiters.answered(waiters.address, "t", "l", "c", OK)
        waiters.answered(waiters.address, "t", "l", "c", Outcome(200, b"2"))
        assert waiter.told == OK
    assert found == [("l", "c", "t", Outcome(200, b"2"))]


def test_an_answer_that_finds_no_thread_is_late(waiters: Waiters) -> None:
    with late(waiters) as found:
        waiters.answered(waiters.address, "t", "l", "c", OK)
        with waiters.expecting("t", "c"):
            assert waiters.give_up("t")
            assert not waiters.give_up("t")
            waiters.answered(waiters.address, "t", "l", "c", OK)
        with waiters.expecting("u", "c"):
            pass
        waiters.answered(waiters.address, "u", "l", "c", OK)
    assert found == [("l", "c", "t", OK), ("l", "c", "t", OK), ("l", "c", "u", OK)]


def test_another_process_is_told(wire: Wire, waiters: Waiters) -> None:
    other = Waiters(wire, threads=8, patience_s=0.2)
    with late(waiters, other) as found, waiters.expecting("t", "c") as waiter:
        other.answered(waiters.address, "t", "l", "c", OK)
        assert waiter.wait(0)
        assert waiter.told == OK
        other.answered(waiters.address, "u", "l", "c", OK)
    assert found == [("l", "c", "u", OK)]


@pytest.mark.parametrize("has_link", [True, False])
def test_an_answer_for_a_process_that_is_gone_is_late(wire: Wire, has_link: bool) -> None:
    """Its callers are gone, too, but for those that a Pushpin holds."""
    one = Waiters(wire if has_link else None, threads=8, patience_s=0.2)
    with late(one) as found:
        one.answered("@elsewhere.x", "t", "l", "c", OK)
    assert found == [("l", "c", "t", OK)]


def test_the_end_of_a_call_in_the_store_is_passed_on(wire: Wire, waiters: Waiters) -> None:
    other = Waiters(wire, threads=8, patience_s=0.2)
    shown = Response(400, b"{}", {"X-A": "b"})
    for teller in (waiters, other):
        with waiters.expecting("t") as waiter:
            teller.ended(waiters.address, "t", shown)
            assert waiter.wait(0)
            assert waiter.told == shown


def test_what_is_large_is_looked_up(wire: Wire, waiters: Waiters) -> None:
    other = Waiters(wire, threads=8, patience_s=0.2)
    with waiters.expecting("t") as waiter:
        other.ended(waiters.address, "t", Response(200, b"x" * 1_000_000))
        assert waiter.wait(0)
        assert waiter.told is None
    assert max(wire.sent) < 1000


@pytest.mark.parametrize("noise", [b"", b"x", b"\xc1", b"\x93\x01\x02\x03", b"\x91\xa1A"])
def test_noise_changes_nothing(wire: Wire, waiters: Waiters, noise: bytes) -> None:
    with late(waiters) as found, waiters.expecting("t", "c") as waiter:
        wire.listeners[waiters.address](noise)
        assert not waiter.wait(0)
    assert found == []


def test_threads_that_wait_for_a_host_are_woken_when_it_goes(waiters: Waiters) -> None:
    with waiters.expecting("t", "c") as mine, waiters.expecting("u", "d") as other:
        waiters.left("c")
        waiters.left(host_channel("A" * 16, "x"))
        assert not mine.wait(0)
        waiters.left(host_channel("A" * 16, "c"))
        assert mine.wait(0)
        assert mine.told is None
        assert not other.wait(0)
        waiters.answered(waiters.address, "t", "l", "c", OK)
        assert mine.told == OK


def test_a_thread_is_woken_once_however_often_it_is_told(waiters: Waiters) -> None:
    with waiters.expecting("t", "c") as waiter:
        waiter.wake()
        waiter.wake()
        assert waiter.wait(0)
        began = time.monotonic()
        assert not waiter.wait(0.02)
        assert time.monotonic() - began >= 0.015


def test_threads_are_less_patient_if_few_are_left() -> None:
    waiters = Waiters(None, threads=8, patience_s=0.2)
    seen = [waiters.patience_s()]
    waiting = [waiters.expecting(str(n)) for n in range(5)]
    for one in waiting:
        one.__enter__()
        seen.append(waiters.patience_s())
    assert seen == pytest.approx([0.2, 0.2, 0.2, 0.1, 0, 0])
    for one in waiting:
        one.__exit__(None, None, None)
    assert waiters.patience_s() == pytest.approx(0.2)
    assert Waiters(None, threads=2, patience_s=0).patience_s() == 0
