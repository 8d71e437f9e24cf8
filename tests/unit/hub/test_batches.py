"""Batches of what hosts did on their WebSockets, in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest

from grip_lambda.errors import Forbidden, ProtocolError, StoreError
from grip_lambda.hub.hosts import Connection, Hosts, Session
from grip_lambda.hub.hosts.batches import Batch, WebSocketBatches
from grip_lambda.protocol.jsonrpc import Answer
from grip_lambda.settings import Settings

CONNECTION = Connection("connection", "n1", dict[str, Sequence[str]])
OPEN = Session("A" * 16, "generation", acknowledged_at=1.0)


class NotingHosts:
    """Notes what it is told, and fails when it is asked to."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.failures: Mapping[str, Exception] = {}

    def __getattr__(self, name: str) -> Any:
        def note(*arguments: Any) -> None:
            self.told.append((name, arguments[-1]))
            if name in self.failures:
                raise self.failures[name]

        return note


class Echoing(WebSocketBatches):
    """Takes each message as an answer; ``bad`` is none."""

    def _message(self, batch: Batch, content: bytes) -> None:
        if content == b"bad":
            raise ProtocolError("that is no message", 4400)
        batch.answers.append(Answer("token", content, is_error=False))


@pytest.fixture
def hosts() -> NotingHosts:
    return NotingHosts()


def batch(hosts: NotingHosts, *received: tuple[str, bytes], session: Session = OPEN) -> Batch:
    settings = cast(Settings, type("Pings", (), {"ping_s": 30})())
    return Echoing(cast(Hosts, hosts), settings).batch(CONNECTION, session, list(received))


def out(batch: Batch) -> list[tuple[str, bytes | None]]:
    return [(event.type, event.content) for event in batch.out]


def names(hosts: NotingHosts) -> list[str]:
    return [told[0] for told in hosts.told]


def test_answers_are_passed_on_in_one_step(hosts: NotingHosts) -> None:
    done = batch(hosts, ("TEXT", b"1"), ("BINARY", b"2"), ("PING", b"x"))

    ((name, answers),) = hosts.told
    assert name == "answered"
    assert [one.value for one in answers] == [b"1", b"2"]
    assert out(done) == [("PONG", b"x")]


def test_many_pongs_say_no_more_than_one(hosts: NotingHosts) -> None:
    batch(hosts, *[("PONG", b"")] * 5)

    assert names(hosts) == ["check_key", "seen"]


@pytest.mark.parametrize(("kind", "says"), [("CLOSE", ["CLOSE"]), ("DISCONNECT", [])])
def test_what_follows_an_end_counts_for_nothing(
    hosts: NotingHosts, kind: str, says: list[str]
) -> None:
    done = batch(hosts, ("TEXT", b"1"), (kind, b""), ("TEXT", b"2"))

    assert done.ended
    assert [name for name, _ in out(done)] == says
    assert names(hosts) == ["answered", "gone"], "what came before it counts"


def test_a_message_that_makes_no_sense_ends_the_connection(hosts: NotingHosts) -> None:
    done = batch(hosts, ("TEXT", b"1"), ("TEXT", b"bad"), ("TEXT", b"2"))

    assert [name for name, _ in out(done)] == ["CLOSE"]
    assert names(hosts) == ["answered", "gone"]


@pytest.mark.parametrize("received", [[], [("PONG", b"")]])
def test_one_that_does_not_acknowledge_in_time_is_closed(
    hosts: NotingHosts, received: list[tuple[str, bytes]]
) -> None:
    done = batch(hosts, *received, session=Session("A" * 16, "generation"))

    assert done.ended
    assert [name for name, _ in out(done)] == ["CLOSE"]
    assert hosts.told == [], "it held nothing"


def test_one_whose_lambda_another_has_taken_is_closed(hosts: NotingHosts) -> None:
    hosts.failures = {"seen": Forbidden("another holds it")}

    done = batch(hosts, ("PONG", b""))

    assert done.ended
    assert [name for name, _ in out(done)] == ["CLOSE"]


def test_a_connection_outlives_the_store(hosts: NotingHosts) -> None:
    hosts.failures = {
        "seen": StoreError("out of reach"),
        "answered": StoreError("out of reach"),
    }

    done = batch(hosts, ("PONG", b""), ("TEXT", b"1"))

    assert not done.ended
    assert out(done) == []
    assert names(hosts) == ["check_key", "seen", "answered"]
