"""What is told of channels that were left: only what a broken link does not explain."""

from __future__ import annotations

from grip_lambda.grip.departures import Announced, Departures


class Link:
    """A link with a clock of its own."""

    def __init__(self) -> None:
        self.now = 100.0
        self.is_awake = True
        self.held: set[bytes] = set()
        self.departures = Departures(lambda: self.is_awake, lambda: self.now)

    def leave(self, name: bytes) -> None:
        self.held.discard(name)
        self.departures.left(name)

    def told(self, after_s: float) -> list[str | Announced]:
        """Let time pass, and look as often as there is something to do."""
        until = self.now + after_s
        found: list[str | Announced] = []
        while self.now < until:
            self.now = min(until, self.now + max(0.001, self.departures.pause_s))
            found += self.departures.settled(self.held)
        return found


def settled() -> Link:
    link = Link()
    link.departures.linked()
    assert len(link.told(5)) == 1
    return link


def test_what_was_left_is_told_a_moment_later_and_once() -> None:
    link = settled()

    link.leave(b"host-a")

    assert link.told(0.2) == []
    assert link.told(0.1) == ["host-a"]
    assert link.told(10) == []


def test_what_is_held_again_was_not_left() -> None:
    link = settled()

    link.leave(b"host-a")
    link.held.add(b"host-a")

    assert link.told(10) == []


def test_what_a_broken_link_explains_is_not_told() -> None:
    link = settled()

    link.leave(b"host-a")  # reported before the break is
    link.departures.broken()
    link.leave(b"host-b")  # and after it

    assert link.told(10) == []


def test_each_link_tells_once_what_it_has_announced() -> None:
    link = Link()
    for name in (b"host-a", b"host-b"):
        link.departures.linked()
        link.held = {name}

        (found,) = link.told(10)

        assert isinstance(found, Announced)
        assert found.held == {name.decode()}
        link.departures.broken()
        assert link.told(10) == []


def test_a_link_that_breaks_soon_tells_nothing() -> None:
    link = Link()
    link.departures.linked()
    assert link.told(0.9) == []

    link.departures.broken()

    assert link.told(10) == []


def test_a_proxy_that_stands_still_has_not_announced_anything() -> None:
    link = Link()
    link.is_awake = False
    link.departures.linked()
    assert link.told(60) == []

    link.is_awake = True

    assert len(link.told(2)) == 1
