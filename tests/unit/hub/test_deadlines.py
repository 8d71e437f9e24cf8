"""Deadlines of callers that the sweep does not find."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from grip_lambda.errors import StoreError
from grip_lambda.hub.calls import Hold, Response
from grip_lambda.hub.calls.deadlines import Deadlines, Tell

LATE = Response(504, b"late", {})
Told = list[tuple[str, str, Response]]


@pytest.fixture
def told() -> Told:
    return []


@pytest.fixture
def deadlines(told: Told, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deadlines]:
    monkeypatch.setattr(Deadlines, "_run", lambda self: self._stopped.wait(60))
    found = Deadlines(lambda *one: told.append(one), lambda _, channel: channel != "call-gone")
    found.start()
    yield found
    found.stop()


def keep(
    deadlines: Deadlines, channel: str, tell: Tell | None = None, *, is_known: bool = False
) -> None:
    is_known = is_known or tell is None
    deadlines.keep(Hold(channel, 5, LATE), "n1", 10.0, tell, is_known=is_known)


def away(_: float) -> None:
    raise StoreError("the store does not answer")


def test_what_was_swept_has_ended(deadlines: Deadlines, told: Told) -> None:
    keep(deadlines, "call-1")
    deadlines.swept(10.1)

    deadlines.end_late(11.0)

    assert told == []


def test_what_was_not_swept_ends_late(deadlines: Deadlines, told: Told) -> None:
    keep(deadlines, "call-1")

    deadlines.end_late(10.1)
    assert told == [], "the sweep may still come"
    deadlines.end_late(10.3)

    assert told == [("n1", "call-1", LATE)]


def test_a_hold_that_the_store_does_not_know_of_ends_whatever_is_swept(
    deadlines: Deadlines, told: Told
) -> None:
    keep(deadlines, "call-1", away)
    deadlines.swept(10.1)

    deadlines.tell(9.9)
    assert told == []
    deadlines.tell(10.0)
    deadlines.tell(10.1)

    assert told == [("n1", "call-1", LATE)]


def test_the_store_is_told_once_it_is_back(deadlines: Deadlines, told: Told) -> None:
    attempts: list[Callable[[float], None]] = [away, lambda _: None]
    seen = []

    def tell(now: float) -> None:
        seen.append(now)
        attempts.pop(0)(now)

    keep(deadlines, "call-1", tell)
    for now in (1.0, 2.0, 3.0):
        deadlines.tell(now)

    assert seen == [1.0, 2.0]
    deadlines.end_late(10.3)
    assert told == [("n1", "call-1", LATE)], "as any other that is not swept"


def test_a_store_that_is_away_is_asked_once_at_a_time(deadlines: Deadlines) -> None:
    seen = []

    def tell(now: float) -> None:
        seen.append(now)
        away(now)

    for number in range(3):
        keep(deadlines, f"call-{number}", tell)

    deadlines.tell(1.0)

    assert seen == [1.0]


def test_a_store_that_was_away_is_asked_about_all_that_is_held(deadlines: Deadlines) -> None:
    seen = []

    def asked(channel: str) -> Tell:
        return lambda _: seen.append(channel)

    for channel in ("call-1", "call-gone", "call-2"):
        keep(deadlines, channel, asked(channel), is_known=True)
    keep(deadlines, "wait-1")
    deadlines.tell(1.0)
    assert seen == [], "it knows them"

    deadlines.doubt()
    deadlines.tell(2.0)
    deadlines.tell(3.0)

    assert seen == ["call-1", "call-2"]


def test_what_is_doubted_is_still_kept(deadlines: Deadlines, told: Told) -> None:
    keep(deadlines, "call-1", away, is_known=True)
    keep(deadlines, "call-2", lambda _: None, is_known=True)
    keep(deadlines, "call-gone", away, is_known=True)  # or about to be held
    keep(deadlines, "wait-1")

    deadlines.doubt()
    for now in (1.0, 10.0):
        deadlines.tell(now)
    deadlines.end_late(10.3)

    assert sorted(channel for _, channel, _ in told) == ["call-1", "call-2", "call-gone", "wait-1"]
