"""What every store promises of large numbers: all is done, in steps, and all is counted."""

from __future__ import annotations

import time

import pytest

from grip_lambda.errors import Busy, RateLimited
from grip_lambda.store import (
    Appended,
    Call,
    Closed,
    Population,
    Store,
    Tail,
    Wait,
    open_store,
)
from grip_lambda.store.facts import STEP_MAX, WAITS_MAX
from grip_lambda.store.logs import FULL_S
from tests.store.conftest import Backend
from tests.store.test_contract import (
    GONE,
    LATE,
    NOW,
    OK,
    a_call,
    a_kept_call,
    a_lambda,
    an_id,
    at_once,
    end,
    opened,
    outcome,
)
from tests.store.test_logs import append, attach, read

MANY = 2 * STEP_MAX + 7


def waiting(store: Store, count: int, n: int = 0, name: str = "token") -> set[str]:
    """Enter calls that wait; return their tokens."""
    for number in range(count):
        store.begin_call(a_call(f"{name}-{number}", n), NOW)
    return {f"{name}-{number}" for number in range(count)}


def tokens(closed: Closed | None) -> set[str]:
    assert closed is not None
    found = [call.token for call in closed.calls]
    assert len(found) == len(set(found))
    return set(found)


def test_however_many_calls_a_lambda_has_all_end_with_it(store: Store) -> None:
    known = opened(store)
    begun = waiting(store, MANY)

    closed = store.close_lambda(known.id, known.connection, GONE, NOW)

    assert tokens(closed) == begun
    assert all(outcome(store, a_call(token)) == GONE for token in begun)


def test_the_calls_of_the_host_that_takes_over_live_on(store: Store) -> None:
    opened(store)
    before = waiting(store, MANY)
    new = a_lambda(connection="another")

    closed = store.open_lambda(new, GONE, NOW, take_over=True)
    after = a_call("after")
    store.begin_call(after, NOW)

    assert tokens(closed) == before
    assert outcome(store, after) is None
    assert end(store, after, "another") == [after]


def test_however_many_calls_a_silent_lambda_has_all_end_with_it(store: Store) -> None:
    silent = [opened(store, n, expires=NOW + 10) for n in range(3)]
    begun = [waiting(store, STEP_MAX + 3, n, f"token-{n}") for n in range(2)]

    found: dict[str, set[str]] = {}
    for _ in silent:
        for one in store.expire(GONE, LATE, NOW + 10).closed:
            found[one.lambda_.id] = tokens(one)

    assert found == {an_id(0): begun[0], an_id(1): begun[1], an_id(2): set()}


def test_spared_lambdas_are_spared_however_many_they_are(store: Store) -> None:
    for n in range(5):
        opened(store, n, expires=NOW + 10)

    for _ in range(3):
        assert store.expire(GONE, LATE, NOW + 10, limit=2, spare_s=5.0).closed == []

    assert len(store.list_lambdas(NOW + 10)) == 5


def test_a_node_with_many_lambdas_is_dropped_whole(store: Store) -> None:
    for n in range(STEP_MAX + 5):
        opened(store, n, node=f"n{n % 2}")

    closed = store.drop_node("n1", GONE, NOW)

    assert len(closed) == (STEP_MAX + 5) // 2
    assert {known.node for known in store.list_lambdas(NOW)} == {"n0"}


def test_all_that_is_over_goes_in_the_end(backend: Backend, store: Store) -> None:
    now = time.time()  # Redis counts by its own clock
    store.open_lambda(a_lambda(opened=now, expires=now + 90), GONE, now, take_over=False)
    for n in range(MANY):
        call = Call(f"token-{n}", an_id(), "n1", now + 60)
        store.begin_call(call, now)
        store.end_calls(call.lambda_id, "connection-0", {call.token: OK}, now)
        append(store, now=now, lives_s=60.0, most=MANY)

    for _ in range(2 * MANY // STEP_MAX + 2):
        store.expire(GONE, LATE, now + 60)
    store.close_lambda(an_id(), "connection-0", GONE, now - 86400)
    store.expire(GONE, LATE, now + 60)

    left = [one for one in backend.left() if ":past:" not in one]
    assert left == []


# Whoever waits for a call


def a_wait(n: int = 0) -> Wait:
    return Wait(f"wait-{n}", "token", an_id(), "n1", NOW + 20, "show")


def test_so_many_may_wait_for_one_call(store: Store) -> None:
    opened(store)
    store.begin_call(a_kept_call(), NOW)
    for n in range(WAITS_MAX):
        store.wait_for(a_wait(n), NOW)

    with pytest.raises(RateLimited):
        store.wait_for(a_wait(WAITS_MAX), NOW)

    assert store.wait_for(a_wait(0), NOW) is not None, "it waits already"
    assert len(store.take_waits(an_id(), "token")) == WAITS_MAX


def test_a_call_that_somebody_waits_for_is_not_cancelled_for_others(
    store: Store, second: Store
) -> None:
    opened(store)
    call = a_kept_call()
    store.begin_call(call, NOW)
    store.wait_for(a_wait(), NOW)

    assert second.cancel_call(call.lambda_id, call.token, GONE, NOW, unless_awaited=True) is None
    assert outcome(store, call) is None

    store.expire(GONE, LATE, a_wait().deadline)
    assert second.cancel_call(call.lambda_id, call.token, GONE, NOW + 20, unless_awaited=True) == (
        call,
        "connection-0",
    )
    assert outcome(store, call, NOW + 20) == GONE


# A log that is full


def test_a_full_log_is_not_looked_through_at_each_call(store: Store) -> None:
    """What has ended makes room, but that is not looked for all the time."""
    opened(store)
    over, new = a_call("over"), a_call("new")
    for call in (over, new):
        store.begin_call(call, NOW)
    append(store, call=over.token, most=1)
    with pytest.raises(Busy):
        append(store, call=new.token, most=1)
    end(store, over)

    with pytest.raises(Busy):
        append(store, call=new.token, now=NOW + FULL_S / 2, most=1)
    assert append(store, call=new.token, now=NOW + FULL_S, most=1) is not None


def test_a_reader_makes_room_at_once(store: Store) -> None:
    append(store, most=1)
    with pytest.raises(Busy):
        append(store, most=1)

    attach(store, after=1, trim=True)

    assert append(store, most=1) is not None


def test_however_long_a_log_is_it_is_read_whole_and_in_order(store: Store, second: Store) -> None:
    for n in range(MANY):
        append(store, str(n).encode(), until=NOW + 1 if n % 3 else NOW + 9, most=MANY)
    all_of_it = list(range(1, MANY + 1))

    assert [entry.seq for entry in read(second).entries] == all_of_it
    assert [entry.seq for entry in attach(second, after=7).entries] == all_of_it[7:]
    assert [entry.seq for entry in read(second, now=NOW + 1).entries] == all_of_it[::3]
    assert read(second).entries[-1].data == str(MANY - 1).encode()


def test_what_is_appended_while_a_long_log_is_read_is_not_read_twice(
    store: Store, second: Store
) -> None:
    """Whoever appends is told of the new reader, and publishes it."""
    for _ in range(MANY):
        append(store, most=10 * MANY)
    tails: list[Tail] = []
    told: list[Appended | None] = []

    at_once(
        lambda: told.extend(append(store, most=10 * MANY) for _ in range(100)),
        lambda: tails.extend(attach(second, after=0) for _ in range(5)),
    )

    for tail in tails:
        assert [entry.seq for entry in tail.entries] == list(range(1, tail.last + 1))


# How many there are


def test_open_lambdas_are_counted_for_their_clients(store: Store, second: Store) -> None:
    assert store.population(NOW) == Population(0, {})
    for n in range(5):
        opened(store, n, client="a" if n < 3 else "b")

    assert second.population(NOW) == Population(5, {"a": 3, "b": 2})

    store.close_lambda(an_id(0), "connection-0", GONE, NOW)
    store.close_lambda(an_id(4), "connection-4", GONE, NOW)
    store.close_lambda(an_id(4), "connection-4", GONE, NOW)
    assert store.population(NOW) == Population(3, {"a": 2, "b": 1})
    store.expire(GONE, LATE, NOW + 60)
    assert store.population(NOW + 60) == Population(0, {})


def test_a_lambda_that_is_opened_again_counts_once(store: Store) -> None:
    known = opened(store, client="a")
    store.open_lambda(known, GONE, NOW, take_over=False)
    assert store.population(NOW) == Population(1, {"a": 1})

    store.open_lambda(a_lambda(connection="another", client="b"), GONE, NOW, take_over=True)

    assert store.population(NOW) == Population(1, {"b": 1})


def test_processes_tell_each_other_what_they_have(store: Store, second: Store) -> None:
    assert store.share("p1", b"", 0.0, NOW) == []
    assert store.share("p1", b'{"1":2}', NOW + 10, NOW) == []

    assert second.share("p2", b"\x00 \xff", NOW + 5, NOW) == [b'{"1":2}']
    assert store.share("p1", b"new", NOW + 10, NOW) == [b"\x00 \xff"]
    assert second.share("p2", b"", 0.0, NOW) == [b"new"]
    assert sorted(second.share("p3", b"", 0.0, NOW)) == [b"\x00 \xff", b"new"]
    assert second.share("p3", b"", 0.0, NOW + 5) == [b"new"]
    assert second.share("p3", b"", 0.0, NOW + 10) == []


# A store that has lost what it knew


def test_a_store_that_is_new_has_lost_nothing(store: Store, second: Store) -> None:
    assert store.lost_at(NOW) == 0.0
    assert store.lost_at(NOW + 1) == 0.0
    assert second.lost_at(NOW + 2) == 0.0


@pytest.mark.servers
@pytest.mark.parametrize("kind", ["redis_server", "redis_cluster"])
@pytest.mark.parametrize("first", ["a process that knew it", "a new process"])
def test_that_a_server_has_lost_what_it_knew_is_seen_by_who_knew_it(
    request: pytest.FixtureRequest, kind: str, first: str
) -> None:
    server = request.getfixturevalue(kind)
    server.client.flushall()
    knew, new = open_store(server.url), open_store(server.url)
    assert knew.lost_at(NOW) == 0.0

    server.client.flushall()
    if first == "a new process":
        assert new.lost_at(NOW + 1) == 0.0, "nobody has told it"

    assert knew.lost_at(NOW + 2) == NOW + 2
    assert new.lost_at(NOW + 3) == NOW + 2
    assert knew.lost_at(NOW + 4) == NOW + 2
    knew.close()
    new.close()
