"""Calls whose batch comes twice, and what happens to lambdas when the store was away."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from grip_lambda.errors import StoreError
from grip_lambda.hub.calls import SAME, Caller, Calls, Hold, KeptCalls, Replies, outcomes
from grip_lambda.hub.calls.streamed import READ
from grip_lambda.hub.delivery import Delivery
from grip_lambda.hub.hosts import Forgotten, Hosts, HttpHosts
from grip_lambda.hub.sweeper import Sweeper
from grip_lambda.store import Call, Due, Outcome, Store, Wait
from tests.support.nodes import RecordingNode, nodes_of
from tests.support.stores import store_with_host

ID = "A" * 16
OK = Outcome(200, b"1")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with store_with_host(tmp_path, ID) as opened:
        opened.begin_call(Call("token", ID, "n2", time.time() + 30), time.time())
        yield opened


@pytest.fixture
def node() -> RecordingNode:
    return RecordingNode()


@pytest.fixture
def calls(store: Store, node: RecordingNode) -> Calls:
    nodes = nodes_of(node)
    return Calls(store, Delivery(store, nodes, b"secret"), Replies(store, nodes))


def test_an_outcome_that_was_stored_but_not_published_is_published_when_it_comes_again(
    store: Store, node: RecordingNode, calls: Calls
) -> None:
    store.end_calls(ID, "connection", {"token": OK}, time.time())  # and its process died

    assert calls.end(ID, "connection", {"token": OK}) == 0

    assert node.replies == [(f"call-{ID}-token", 200, b"1")]


@pytest.mark.parametrize(
    "ended", [{"token": Outcome(200, b"2")}, {"token": Outcome(400, b"1")}, {"forged": OK}]
)
def test_another_answer_to_a_call_that_has_ended_is_not_published(
    store: Store, node: RecordingNode, calls: Calls, ended: dict[str, Outcome]
) -> None:
    store.end_calls(ID, "connection", {"token": OK}, time.time())

    assert calls.end(ID, "connection", ended) == 0

    assert node.replies == []


def test_a_call_that_is_repeated_while_the_store_is_away_is_held_again(
    store: Store, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*args: object) -> None:
        raise StoreError("the store is out of reach")

    monkeypatch.setattr(store, "get_call", away)

    found = calls.repeated(ID, "token", Caller("n2", 20), str)

    assert isinstance(found, Hold)
    assert found.channel == f"call-{ID}-token"
    assert 19 <= found.timeout_s <= 21


class FlakyStore:
    """Is away when told so, and notes how long lambdas that are due are spared."""

    def __init__(self) -> None:
        self.away = False
        self.spared: list[float] = []

    def expire(self, *args: object, spare_s: float) -> Due:
        if self.away:
            raise StoreError("the store is out of reach")
        self.spared.append(spare_s)
        return Due([], [], [])


def test_after_the_store_was_away_each_host_is_pinged_once_more_before_it_counts_as_gone(
    calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, clock = FlakyStore(), [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    hosts = cast(Hosts, type("NoHosts", (), {"expired": staticmethod(lambda closed: None)}))
    results = cast(KeptCalls, type("NoResults", (), {"waited": staticmethod(lambda waits: None)}))
    sweeper = Sweeper(
        cast(Store, store),
        hosts,
        calls,
        results,
        cast(HttpHosts, None),
        ping_s=30,
        forgotten=Forgotten(cast(Store, store), []),
    )

    sweeper.sweep()
    store.away = True
    with pytest.raises(StoreError):
        sweeper.sweep()
    store.away = False
    for _ in range(3):
        sweeper.sweep()
        clock[0] += 20

    assert store.spared == [0, 31, 11, 0]


def test_a_call_that_nobody_reads_is_cancelled_once_nobody_waits_for_it(
    store: Store, node: RecordingNode, calls: Calls
) -> None:
    now = time.time()
    nodes = nodes_of(node)
    results = KeptCalls(store, calls, Replies(store, nodes), Delivery(store, nodes, b"secret"))
    store.begin_call(Call("stream", ID, "n2", now + 3000, kept_s=600.0), now)
    other = Wait("other", "stream", ID, "n2", now + 60, SAME.name)
    store.wait_for(other, now)
    unread = Wait("stream-read", "stream", ID, "", now, READ)

    results.waited([unread])

    known = store.get_call(ID, "stream", now)
    assert known is not None
    assert known.outcome is None
    later = store.expire(OK, OK, now + 50).waits
    assert [(wait.token, wait.kind) for wait in later] == [("stream-read", READ)], "once more"
    assert store.take_waits(ID, "stream") == [other]

    results.waited(later)

    assert [b"rpc.cancel" in message for message in node.sent] == [True]
    known = store.get_call(ID, "stream", now)
    assert known is not None
    assert known.outcome == outcomes.CANCELLED
