from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from bench.floor import on_events
from bench.peers import figures, install, measure
from bench.peers.entry import Entry, Running

from . import examples


class Fake(Running):
    """An entry that answers at a rate, or fails in one of its rounds."""

    def __init__(self, key: str, did: list[str], fails_at: int | None) -> None:
        self._key, self._did, self._fails_at, self._round = key, did, fails_at, 0

    def round(self, callers: int, seconds: int) -> figures.Round:
        self._round += 1
        if self._round == self._fails_at:
            raise SystemExit(f"{self._key} broke")
        self._did.append(f"{self._key} {callers}")
        return examples.one(100)


class Bench:
    """Entries that are not there, and what was done with them."""

    def __init__(self) -> None:
        self.did: list[str] = []
        self.told: list[str] = []

    def entry(self, key: str, fails_at: int | None = None) -> Entry:
        @contextmanager
        def started() -> Iterator[Running]:
            try:
                yield Fake(key, self.did, fails_at)
            finally:
                self.did.append(f"{key} ended")

        return Entry(key, key, "peer", "", started)

    def absent(self, key: str) -> Entry:
        def start() -> AbstractContextManager[Running]:
            raise install.Unavailable("it can't be installed")

        return Entry(key, key, "peer", "", start)

    def measure(self, *entries: Entry, rounds: int = 2) -> figures.Results:
        return measure.measure(entries, rounds, 1, self.told.append)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(measure, "_PAUSE_S", 0)
    return Bench()


def test_entries_take_turns(bench: Bench) -> None:
    bench.measure(bench.entry("a"), bench.entry("b"))

    assert bench.did[2:6] == ["a 1", "b 1", "a 32", "b 32"]
    assert bench.did[8:12] == ["b 1", "a 1", "b 32", "a 32"]


def test_each_entry_has_all_its_rounds(bench: Bench) -> None:
    results = bench.measure(bench.entry("a"), rounds=3)

    (found,) = results.entries
    assert {callers: len(rounds) for callers, rounds in found.rounds.items()} == {
        1: 3,
        32: 3,
        128: 3,
    }
    assert found.unavailable is None


def test_an_entry_that_can_not_start_is_left_out(bench: Bench) -> None:
    absent, there = bench.measure(bench.absent("a"), bench.entry("b")).entries

    assert (absent.unavailable, absent.rounds) == ("it can't be installed", {})
    assert len(there.rounds[128]) == 2
    assert any("a is not measured: it can't be installed" in one for one in bench.told)


def test_an_entry_that_breaks_is_left_out_and_the_others_go_on(bench: Bench) -> None:
    broken, whole = bench.measure(bench.entry("a", fails_at=4), bench.entry("b")).entries

    assert (broken.unavailable, broken.rounds) == ("a broke", {})
    assert len(whole.rounds[128]) == 2


def test_all_entries_are_ended(bench: Bench) -> None:
    bench.measure(bench.entry("a"), bench.entry("b", fails_at=1))

    assert bench.did[-2:] == ["b ended", "a ended"]


def test_all_entries_are_ended_if_it_is_interrupted(bench: Bench) -> None:
    def interrupt(text: str) -> None:
        if text.startswith("round 1"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure.measure([bench.entry("a"), bench.entry("b")], 2, 1, interrupt)

    assert bench.did[-2:] == ["b ended", "a ended"]


def test_what_was_tried_is_told_if_nothing_can_be_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "package-lock.json").write_text("{}")
    monkeypatch.setattr(install, "_PEERS", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(install.Unavailable, match=r"`npm ci .*can't be run"):
        install.node_modules()


def test_the_floors_take_a_batch_with_an_opening_and_answers() -> None:
    replies: list[tuple[str, bytes]] = []
    answer = b'{"id":"token","result":{"call":7}}'
    batch = b"OPEN\r\nTEXT 14\r\n" + b'{"id":0,"result":1} ' + b"\r\nTEXT %x\r\n%b\r\n"

    out = on_events("c1", batch % (len(answer), answer), lambda *reply: replies.append(reply))

    assert out.startswith(b"OPEN\r\nTEXT ")
    assert b'"channel":"c1"' in out
    assert replies == [("token", b'{"call":7}')]
