"""The checker finds each fault that is planted into a history without one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trust.checker import Kind, violations
from trust.history import Answered, Asked, Delivered, History, Told

WAIT_S = 5.0
#: How a call may end.
ENDS = ["answered", "too late", "gone", "refused", "cut"]


def history_of(ends: list[str]) -> History:
    """Return what happens to calls that end so, one after the other."""
    history = History()
    for call, end in enumerate(ends):
        host, at = f"host-{call % 2}", 10.0 * call
        history.add(Asked(call, host, at, WAIT_S))
        if end != "refused":
            history.add(Delivered(call, host, at + 0.01))
        if end in ("answered", "cut", "too late"):
            when = at + (WAIT_S + 1 if end == "too late" else 0.1)
            history.add(Answered(call, host, {"n": call, "by": host}, when))
        told = {
            "answered": Told(call, 200, "", {"n": call, "by": host}, at + 0.2),
            "too late": Told(call, 504, "deadline_exceeded", None, at + WAIT_S + 0.1),
            "gone": Told(call, 502, "disconnected", None, at + 0.3),
            "refused": Told(call, 503, "unavailable", None, at + 0.1),
            "cut": Told(call, 0, "EOFError", None, at + 0.2),
        }[end]
        history.add(told)
    return history


@given(st.lists(st.sampled_from(ENDS), max_size=20))
def test_calls_that_end_as_they_may_break_no_promise(ends: list[str]) -> None:
    assert violations(history_of(ends)) == []


def _twice(history: History) -> None:
    history.add(replace(history.delivered[0], at=1.0))


def _misled(history: History) -> None:
    history.delivered[0] = replace(history.delivered[0], host="host-1")


def _unasked(history: History) -> None:
    history.add(Delivered(99, "host-0", 1.0))


def _swapped(history: History) -> None:
    first, second = history.told[:2]
    history.told[:2] = [replace(first, value=second.value), replace(second, value=first.value)]


def _unfounded(history: History) -> None:
    del history.answered[0]


def _of_another_host(history: History) -> None:
    history.answered[0] = replace(history.answered[0], host="host-1")


def _late(history: History) -> None:
    history.told[0] = replace(history.told[0], at=WAIT_S + 0.51)


def _lost(history: History) -> None:
    del history.told[0]


def _told_twice(history: History) -> None:
    history.add(history.told[0])


def _denied(history: History) -> None:
    history.told[0] = Told(0, 503, "unavailable", None, 0.2)


@pytest.mark.parametrize(
    ("plant", "kinds"),
    [
        (_twice, {Kind.DUPLICATE}),
        (_misled, {Kind.MISLED}),
        (_unasked, {Kind.UNASKED}),
        (_swapped, {Kind.WRONG}),
        (_unfounded, {Kind.UNFOUNDED}),
        (_of_another_host, {Kind.UNFOUNDED}),
        (_late, {Kind.LATE}),
        (_lost, {Kind.LOST}),
        (_told_twice, {Kind.TWICE}),
        (_denied, {Kind.DENIED}),
    ],
)
@given(others=st.lists(st.sampled_from(ENDS), max_size=10))
def test_a_planted_fault_is_found_whatever_else_happens(
    plant: Callable[[History], None], kinds: set[Kind], others: list[str]
) -> None:
    history = history_of(["answered", "answered", *others])

    plant(history)

    assert {one.kind for one in violations(history)} == kinds


def test_a_call_that_is_made_again_may_be_delivered_once_only() -> None:
    history = History()
    for at in (0.0, 1.0):
        history.add(Asked(0, "host-0", at, WAIT_S))
    history.add(Told(0, 503, "unavailable", None, 0.1))
    history.add(Delivered(0, "host-0", 1.1))
    history.add(Answered(0, "host-0", "done", 1.1))
    history.add(Told(0, 200, "", "done", 1.2))
    assert violations(history) == []

    history.add(Delivered(0, "host-0", 1.3))

    assert [one.kind for one in violations(history)] == [Kind.DUPLICATE]
