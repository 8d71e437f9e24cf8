"""What every store promises, whatever is behind it.

Times are passed in, so nothing here sleeps.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from grip_lambda.errors import Busy, ConfigError, Forbidden, NotFound, StoreError
from grip_lambda.store import (
    Call,
    Closed,
    Due,
    Host,
    IdempotencyKey,
    Lambda,
    Outcome,
    Past,
    Permit,
    SameCall,
    Store,
    Wait,
    open_store,
)
from grip_lambda.store.facts import OUTCOME_KEPT_S, REMEMBERED_S, Callee
from tests.store.conftest import Backend

NOW = 1_800_000_000.0
GONE = Outcome(502, b'{"error":"lambda disconnected","code":"disconnected"}')
LATE = Outcome(504, b'{"error":"late","code":"deadline_exceeded"}')
OK = Outcome(200, b'{"ok":true}')


def an_id(n: int = 0) -> str:
    return f"lambda-{n:09d}"


def a_lambda(n: int = 0, **changes: Any) -> Lambda:
    known = Lambda(
        id=an_id(n),
        connection=f"connection-{n}",
        node="n1",
        code="json-rpc",
        generation=f"generation-{n}",
        opened=NOW,
        expires=NOW + 60,
        headers={"User-Agent": ["test"], "X-Tag": ["ä", "2"]},
    )
    return replace(known, **changes)


def a_call(token: str = "token", n: int = 0, **changes: Any) -> Call:
    return replace(Call(token, an_id(n), "n1", NOW + 30), **changes)


def opened(store: Store, n: int = 0, **changes: Any) -> Lambda:
    known = a_lambda(n, **changes)
    assert store.open_lambda(known, GONE, known.opened, take_over=False) is None
    return known


def end(store: Store, call: Call, by: str = "connection-0", now: float = NOW) -> list[Call]:
    return store.end_calls(call.lambda_id, by, {call.token: OK}, now)


def outcome(store: Store, call: Call, now: float = NOW) -> Outcome | None:
    known = store.get_call(call.lambda_id, call.token, now)
    assert known is not None, "the call is unknown"
    assert known[0] == call
    return known[1]


def at_once(*tasks: Callable[[], object]) -> None:
    """Run tasks in threads that start together; fail as the first of them does."""
    start = threading.Barrier(len(tasks))
    failures: list[BaseException] = []

    def run(task: Callable[[], object]) -> None:
        try:
            start.wait()
            task()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


# Lambdas


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"methods": [], "max_calls": 1},
        {"methods": ["a", "ä", ""], "max_calls": 2**31 - 1},
        {"headers": {}, "node": "n2", "code": "jsonrpc-2.0"},
        {"opened": NOW + 0.123, "expires": NOW + 0.456},
        {"transport": "sse", "context": True, "owner": "key-1", "private": True},
    ],
)
def test_an_open_lambda_is_found_as_it_was_entered(
    store: Store, second: Store, changes: dict[str, Any]
) -> None:
    known = opened(store, **changes)

    assert store.get_lambda(known.id, NOW) == known
    assert second.get_lambda(known.id, NOW) == known
    assert second.list_lambdas(NOW) == [known]


def test_an_unknown_lambda_is_not_found(store: Store) -> None:
    assert store.get_lambda(an_id(), NOW) is None
    assert store.list_lambdas(NOW) == []
    assert store.remembered(an_id(), NOW) is None
    assert store.close_lambda(an_id(), "connection-0", GONE, NOW) is None
    assert not store.renew_lambda(an_id(), "connection-0", NOW + 60, NOW)


def test_a_lambda_is_open_until_it_expires_and_not_longer(store: Store) -> None:
    known = opened(store, expires=NOW + 60)

    assert store.get_lambda(known.id, NOW + 59.99) == known
    assert store.get_lambda(known.id, NOW + 60) is None
    assert store.list_lambdas(NOW + 60) == []
    with pytest.raises(NotFound):
        store.begin_call(a_call(deadline=NOW + 90), NOW + 60)


def test_the_listing_has_the_oldest_first(store: Store, second: Store) -> None:
    for n, age in enumerate([5.0, 1.0, 9.0, 0.5, 7.25]):
        opened(store if n % 2 else second, n, opened=NOW - age)

    listed = store.list_lambdas(NOW)

    assert [known.id for known in listed] == [an_id(n) for n in (2, 4, 0, 1, 3)]
    assert second.list_lambdas(NOW) == listed


def test_an_open_lambda_is_not_taken_over_without_leave(store: Store, second: Store) -> None:
    first = opened(store)
    store.begin_call(a_call(), NOW)
    new = a_lambda(connection="connection-9", generation="another")

    with pytest.raises(Forbidden):
        second.open_lambda(new, GONE, NOW, take_over=False)

    assert store.get_lambda(first.id, NOW) == first
    assert store.remembered(first.id, NOW) == Past(first.generation)
    assert outcome(store, a_call()) is None


def test_what_somebody_else_opened_meanwhile_is_not_taken_over(store: Store) -> None:
    known = opened(store, generation="theirs")
    new = replace(known, connection="connection-9", generation="ours")

    with pytest.raises(Forbidden):
        store.open_lambda(new, GONE, NOW, take_over=True)

    assert store.get_lambda(known.id, NOW) == known


def test_a_takeover_closes_the_earlier_host_and_ends_its_calls(store: Store, second: Store) -> None:
    first = opened(store)
    calls = [a_call(f"token-{n}", node=f"n{n}") for n in range(3)]
    for call in calls:
        store.begin_call(call, NOW)
    assert end(store, calls[0]) == [calls[0]]
    new = a_lambda(connection="connection-9", node="n2", opened=NOW + 1)

    closed = second.open_lambda(new, GONE, NOW + 1, take_over=True)

    assert closed is not None
    assert closed.lambda_ == first
    assert sorted(closed.calls, key=lambda call: call.token) == calls[1:]
    assert store.get_lambda(first.id, NOW + 1) == new
    assert [outcome(store, call) for call in calls] == [OK, GONE, GONE]
    assert store.begin_call(a_call("next"), NOW + 1) == Host("connection-9", "n2")


def test_the_host_that_was_taken_over_can_do_nothing_more(store: Store) -> None:
    first = opened(store)
    new = a_lambda(connection="connection-9")
    store.open_lambda(new, GONE, NOW, take_over=True)
    store.begin_call(a_call(), NOW)

    assert not store.renew_lambda(first.id, first.connection, NOW + 1000, NOW)
    assert store.close_lambda(first.id, first.connection, GONE, NOW) is None
    assert end(store, a_call(), by=first.connection) == []
    assert store.get_lambda(first.id, NOW) == new
    assert outcome(store, a_call()) is None


def test_an_expired_lambda_may_be_replaced_without_leave(store: Store) -> None:
    first = opened(store, expires=NOW + 10)
    store.begin_call(a_call(), NOW)
    new = a_lambda(connection="connection-9", opened=NOW + 10, expires=NOW + 70)

    closed = store.open_lambda(new, GONE, NOW + 10, take_over=False)

    assert closed == Closed(first, [a_call()])
    assert store.get_lambda(new.id, NOW + 10) == new
    assert outcome(store, a_call()) == GONE


def test_entering_the_same_connection_again_renews_it_and_keeps_its_calls(store: Store) -> None:
    known = opened(store)
    store.begin_call(a_call(), NOW)
    again = replace(known, expires=NOW + 120)

    assert store.open_lambda(again, GONE, NOW + 1, take_over=False) is None

    assert store.get_lambda(known.id, NOW + 100) == again
    assert outcome(store, a_call()) is None


def test_a_lambda_that_is_seen_lives_on(store: Store, second: Store) -> None:
    known = opened(store, expires=NOW + 60)

    assert second.renew_lambda(known.id, known.connection, NOW + 90, NOW + 30)

    assert store.get_lambda(known.id, NOW + 89) == replace(known, expires=NOW + 90)
    assert store.expire(GONE, LATE, NOW + 61) == Due([], [], [])


def test_only_the_connection_that_holds_a_lambda_renews_or_closes_it(store: Store) -> None:
    known = opened(store)

    assert not store.renew_lambda(known.id, "another", NOW + 1000, NOW)
    assert not store.renew_lambda(an_id(7), known.connection, NOW + 1000, NOW)
    assert store.close_lambda(known.id, "another", GONE, NOW) is None
    assert store.get_lambda(known.id, NOW) == known


def test_a_lambda_is_closed_once_and_its_calls_end_with_it(store: Store, second: Store) -> None:
    known = opened(store)
    other = opened(store, 1)
    calls = [a_call(f"token-{n}") for n in range(3)]
    for call in (*calls, a_call("other", 1)):
        store.begin_call(call, NOW)

    closed = second.close_lambda(known.id, known.connection, GONE, NOW)

    assert closed is not None
    assert closed.lambda_ == known
    assert sorted(closed.calls, key=lambda call: call.token) == calls
    assert [outcome(store, call) for call in calls] == [GONE] * 3
    assert outcome(store, a_call("other", 1)) is None
    assert store.close_lambda(known.id, known.connection, GONE, NOW) is None
    assert store.list_lambdas(NOW) == [other]
    with pytest.raises(NotFound):
        store.begin_call(a_call("late"), NOW)


def test_a_call_that_has_ended_is_not_ended_again_by_the_close(store: Store) -> None:
    known = opened(store)
    store.begin_call(a_call(), NOW)
    end(store, a_call())

    assert store.close_lambda(known.id, known.connection, GONE, NOW) == Closed(known, [])
    assert outcome(store, a_call()) == OK


def test_a_generation_is_remembered_for_a_day_after_the_close(store: Store) -> None:
    known = opened(store, expires=NOW + 60)
    assert store.remembered(known.id, NOW) == Past("generation-0")

    store.close_lambda(known.id, known.connection, GONE, NOW + 50)

    assert store.remembered(known.id, NOW + 50 + REMEMBERED_S - 1) == Past("generation-0")
    assert store.remembered(known.id, NOW + 50 + REMEMBERED_S) is None


def test_a_generation_is_remembered_while_the_lambda_is_open(store: Store) -> None:
    known = opened(store)
    later = NOW
    for _ in range(5):  # open for two days and a half
        later += REMEMBERED_S / 2
        assert store.renew_lambda(known.id, known.connection, later + REMEMBERED_S, later)
        store.expire(GONE, LATE, later)
    assert store.get_lambda(known.id, later) is not None

    assert store.remembered(known.id, later) == Past("generation-0")


def test_the_generation_of_the_latest_host_is_remembered(store: Store) -> None:
    known = opened(store)
    store.close_lambda(known.id, known.connection, GONE, NOW)
    opened(store, connection="connection-9", generation="newer")

    assert store.remembered(an_id(), NOW) == Past("newer")


# Calls


def test_the_host_of_a_call_is_told_with_what_it_speaks(store: Store) -> None:
    opened(store, code="jsonrpc-2.0", transport="poll", context=True)

    host = store.begin_call(a_call(), NOW)

    assert host == Host("connection-0", "n1", "jsonrpc-2.0", "poll", context=True)


def test_a_call_keeps_its_kind_and_its_outcome_for_as_long_as_it_says(
    store: Store, second: Store
) -> None:
    opened(store)
    call = a_call(kind="stream", details='{"ä":[1]}', kept_s=600.0)
    store.begin_call(call, NOW)
    said = Outcome(200, b"1", b'{"logs":["x"]}')

    assert second.end_calls(call.lambda_id, "connection-0", {call.token: said}, NOW) == [call]
    assert store.get_call(call.lambda_id, call.token, NOW + 599) == (call, said)
    assert store.get_call(call.lambda_id, call.token, NOW + 600) is None


def test_a_token_is_used_again_only_after_its_call_has_ended(store: Store) -> None:
    opened(store)
    opened(store, 1)
    first = a_call()
    store.begin_call(first, NOW)

    with pytest.raises(Busy):
        store.begin_call(a_call(deadline=NOW + 90), NOW)
    assert store.get_call(first.lambda_id, first.token, NOW) == (first, None)
    assert end(store, first) == [first]

    again = a_call(deadline=NOW + 40, kind="other")
    store.begin_call(again, NOW + 1)
    assert store.get_call(again.lambda_id, again.token, NOW + 1) == (again, None)
    assert end(store, again, now=NOW + 1) == [again]


def test_the_owner_of_a_lambda_is_remembered(store: Store, second: Store) -> None:
    known = opened(store, owner="key-1")
    assert second.remembered(known.id, NOW) == Past(known.generation, "key-1")

    store.close_lambda(known.id, known.connection, GONE, NOW)

    assert second.remembered(known.id, NOW + 1) == Past(known.generation, "key-1")


def test_a_call_goes_to_the_host_of_its_lambda(store: Store, second: Store) -> None:
    opened(store, 0, node="n1")
    opened(store, 1, node="n2")

    assert second.begin_call(a_call("a", 0), NOW) == Host("connection-0", "n1")
    assert second.begin_call(a_call("b", 1), NOW) == Host("connection-1", "n2")
    assert store.get_call(an_id(0), "a", NOW) == (a_call("a", 0), None)


def test_a_call_to_nobody_is_not_found_and_leaves_nothing(store: Store) -> None:
    with pytest.raises(NotFound):
        store.begin_call(a_call(), NOW)

    assert store.get_call(an_id(), "token", NOW) is None


def test_a_call_is_found_only_under_its_own_lambda(store: Store) -> None:
    opened(store, 0)
    opened(store, 1)
    store.begin_call(a_call("token", 0), NOW)

    assert store.get_call(an_id(1), "token", NOW) is None
    assert store.get_call(an_id(0), "another", NOW) is None


def test_a_call_past_its_deadline_takes_no_place_though_nobody_has_ended_it(store: Store) -> None:
    opened(store, max_calls=2)
    store.begin_call(a_call("short", deadline=NOW + 1), NOW)
    store.begin_call(a_call("long"), NOW)
    with pytest.raises(Busy):
        store.begin_call(a_call("next"), NOW + 0.9)

    store.begin_call(a_call("next"), NOW + 1)
    with pytest.raises(Busy):
        store.begin_call(a_call("last"), NOW + 1)


def test_a_busy_lambda_takes_calls_again_as_others_end(store: Store, second: Store) -> None:
    opened(store, max_calls=2)
    store.begin_call(a_call("a"), NOW)
    second.begin_call(a_call("b", deadline=NOW + 5), NOW)

    with pytest.raises(Busy):
        store.begin_call(a_call("c"), NOW)
    assert store.get_call(an_id(), "c", NOW) is None

    end(store, a_call("a"))
    second.begin_call(a_call("d"), NOW)
    with pytest.raises(Busy):
        store.begin_call(a_call("e"), NOW)

    store.expire(GONE, LATE, NOW + 5)  # ends b
    store.begin_call(a_call("f"), NOW + 5)
    with pytest.raises(Busy):
        second.begin_call(a_call("g"), NOW + 5)


def test_the_limit_is_each_lambdas_own_and_a_new_host_starts_at_none(store: Store) -> None:
    opened(store, 0, max_calls=1)
    opened(store, 1, max_calls=1)
    store.begin_call(a_call("a", 0), NOW)
    store.begin_call(a_call("b", 1), NOW)

    store.open_lambda(
        a_lambda(0, connection="connection-9", max_calls=1), GONE, NOW, take_over=True
    )

    assert store.begin_call(a_call("c", 0), NOW) == Host("connection-9", "n1")
    with pytest.raises(Busy):
        store.begin_call(a_call("d", 1), NOW)


def test_no_more_calls_than_the_limit_begin_however_many_try_at_once(
    store: Store, second: Store
) -> None:
    opened(store, max_calls=5)
    begun: list[str] = []

    def try_to_begin(handle: Store, name: str) -> None:
        for n in range(5):
            try:
                handle.begin_call(a_call(f"{name}-{n}"), NOW)
            except Busy:
                continue
            begun.append(f"{name}-{n}")

    at_once(
        *(
            lambda handle=handle, n=n: try_to_begin(handle, f"thread-{n}")
            for n, handle in enumerate([store, second] * 4)
        )
    )

    assert len(begun) == 5


def test_the_first_outcome_of_a_call_counts(store: Store, second: Store) -> None:
    opened(store)
    store.begin_call(a_call(), NOW)

    assert end(second, a_call()) == [a_call()]

    assert store.end_calls(an_id(), "connection-0", {"token": LATE}, NOW) == []
    assert end(store, a_call()) == []
    assert outcome(store, a_call()) == OK


def test_several_calls_end_in_one_step_each_with_its_own_outcome(store: Store) -> None:
    opened(store)
    outcomes = {f"token-{n}": Outcome(200 + n, b"%d" % n) for n in range(20)}
    for token in outcomes:
        store.begin_call(a_call(token), NOW)

    ended = store.end_calls(an_id(), "connection-0", outcomes | {"unknown": OK}, NOW)

    assert {call.token for call in ended} == outcomes.keys()
    for token, expected in outcomes.items():
        assert outcome(store, a_call(token)) == expected
    assert store.get_call(an_id(), "unknown", NOW) is None


def test_no_outcomes_end_no_calls(store: Store) -> None:
    opened(store)
    store.begin_call(a_call(), NOW)

    assert store.end_calls(an_id(), "connection-0", {}, NOW) == []
    assert outcome(store, a_call()) is None


def test_only_the_connection_that_was_asked_ends_a_call(store: Store) -> None:
    opened(store, 0)
    opened(store, 1)
    store.begin_call(a_call("token", 0), NOW)

    assert store.end_calls(an_id(0), "connection-1", {"token": OK}, NOW) == []
    assert store.end_calls(an_id(1), "connection-1", {"token": OK}, NOW) == []
    assert outcome(store, a_call("token", 0)) is None


def test_a_connection_does_not_end_calls_of_a_lambda_that_is_not_the_named_one(
    store: Store,
) -> None:
    opened(store, 0)
    opened(store, 1)
    store.begin_call(a_call("token", 0), NOW)

    assert store.end_calls(an_id(1), "connection-0", {"token": OK}, NOW) == []
    assert outcome(store, a_call("token", 0)) is None


def test_an_answer_past_the_deadline_is_too_late(store: Store) -> None:
    opened(store)
    for token in ("early", "late"):
        store.begin_call(a_call(token, deadline=NOW + 2), NOW)

    assert end(store, a_call("early", deadline=NOW + 2), now=NOW + 1.99)
    assert end(store, a_call("late", deadline=NOW + 2), now=NOW + 2) == []

    assert outcome(store, a_call("late", deadline=NOW + 2)) is None
    closed, overdue, _ = store.expire(GONE, LATE, NOW + 2)
    assert (closed, overdue) == ([], [a_call("late", deadline=NOW + 2)])
    assert outcome(store, a_call("late", deadline=NOW + 2)) == LATE


def test_a_call_outlives_nothing_but_its_deadline_when_its_lambda_lives(store: Store) -> None:
    opened(store, expires=NOW + 100)
    calls = [a_call(f"token-{n}", deadline=NOW + n) for n in (1, 2, 3)]
    for call in calls:
        store.begin_call(call, NOW)

    assert store.expire(GONE, LATE, NOW + 0.99) == Due([], [], [])
    closed, overdue, _ = store.expire(GONE, LATE, NOW + 2)

    assert closed == []
    assert sorted(overdue, key=lambda call: call.deadline) == calls[:2]
    assert [outcome(store, call) for call in calls] == [LATE, LATE, None]


def test_a_lambda_that_is_due_may_be_spared_while_calls_end_on_time(store: Store) -> None:
    opened(store, expires=NOW + 1)
    store.begin_call(a_call("early", deadline=NOW + 1), NOW)
    store.begin_call(a_call("late", deadline=NOW + 30), NOW)

    closed, overdue, _ = store.expire(GONE, LATE, NOW + 9, spare_s=3)
    assert (closed, overdue) == ([], [a_call("early", deadline=NOW + 1)])
    known = store.get_lambda(an_id(), NOW + 11.9)
    assert known is not None
    assert known.expires == NOW + 12
    store.begin_call(a_call("new", deadline=NOW + 30), NOW + 11)
    assert store.expire(GONE, LATE, NOW + 11.9) == Due([], [], [])

    closed, overdue, _ = store.expire(GONE, LATE, NOW + 12)
    assert ([one.lambda_.id for one in closed], overdue) == ([an_id()], [])
    assert {call.token for call in closed[0].calls} == {"late", "new"}
    assert store.expire(GONE, LATE, NOW + 40, spare_s=3) == Due([], [], [])


def test_an_outcome_is_kept_for_as_long_as_it_may_be_asked_for(store: Store) -> None:
    opened(store, expires=NOW + 1000)
    store.begin_call(a_call(), NOW)
    end(store, a_call(), now=NOW + 1)

    until = NOW + 1 + OUTCOME_KEPT_S
    store.expire(GONE, LATE, until - 0.01)
    assert outcome(store, a_call(), until - 0.01) == OK

    assert store.get_call(an_id(), "token", until) is None
    assert store.expire(GONE, LATE, until) == Due([], [], [])
    assert store.get_call(an_id(), "token", until) is None


def test_every_way_to_end_keeps_the_outcome_and_then_removes_it(store: Store) -> None:
    opened(store, 0, expires=NOW + 1000)
    opened(store, 1, expires=NOW + 1000)
    opened(store, 2, expires=NOW + 1)
    opened(store, 3, expires=NOW + 1000)
    calls = [a_call(f"token-{n}", n, deadline=NOW + 900) for n in range(4)]
    for call in calls:
        store.begin_call(call, NOW)

    end(store, calls[0], now=NOW + 1)
    store.close_lambda(an_id(1), "connection-1", GONE, NOW + 1)
    store.expire(GONE, LATE, NOW + 1)
    store.open_lambda(
        a_lambda(3, connection="connection-9", expires=NOW + 1000), GONE, NOW + 1, take_over=True
    )

    assert [outcome(store, call) for call in calls] == [OK, GONE, GONE, GONE]
    until = NOW + 1 + OUTCOME_KEPT_S
    store.expire(GONE, LATE, until - 0.01)
    assert [outcome(store, call, until - 0.01) for call in calls] == [OK, GONE, GONE, GONE]
    store.expire(GONE, LATE, until)
    assert [store.get_call(call.lambda_id, call.token, until) for call in calls] == [None] * 4


def test_a_lambda_that_was_not_seen_is_closed_with_its_calls(store: Store) -> None:
    silent = opened(store, 0, expires=NOW + 10)
    seen = opened(store, 1, expires=NOW + 20)
    store.begin_call(a_call("a", 0), NOW)
    store.begin_call(a_call("b", 1), NOW)

    closed, overdue, _ = store.expire(GONE, LATE, NOW + 10)

    assert overdue == []
    assert closed == [Closed(silent, [a_call("a", 0)])]
    assert outcome(store, a_call("a", 0)) == GONE
    assert outcome(store, a_call("b", 1)) is None
    assert store.list_lambdas(NOW + 10) == [seen]
    assert store.expire(GONE, LATE, NOW + 10) == Due([], [], [])


def test_expire_takes_no_more_at_once_than_it_is_asked_for(store: Store) -> None:
    for n in range(7):
        opened(store, n, expires=NOW + 1)
    opened(store, 99, expires=NOW + 1000)
    for n in range(7):
        store.begin_call(a_call(f"token-{n}", 99, deadline=NOW + 1), NOW)

    lambdas: list[str] = []
    calls: list[str] = []
    for _ in range(10):
        closed, overdue, _ = store.expire(GONE, LATE, NOW + 1, limit=3)
        assert len(closed) <= 3
        assert len(overdue) <= 3
        lambdas += [one.lambda_.id for one in closed]
        calls += [call.token for call in overdue]

    assert sorted(lambdas) == [an_id(n) for n in range(7)]
    assert sorted(calls) == [f"token-{n}" for n in range(7)]


def test_what_is_due_is_given_to_one_of_many(store: Store, second: Store) -> None:
    for n in range(100):
        opened(store, n, expires=NOW + 1)
    opened(store, 999, expires=NOW + 1000)
    for n in range(200):
        store.begin_call(a_call(f"token-{n}", 999, deadline=NOW + 1), NOW)
    lambdas: list[str] = []
    calls: list[str] = []

    def sweep(handle: Store) -> None:
        for _ in range(10):
            closed, overdue, _ = handle.expire(GONE, LATE, NOW + 1, limit=7)
            lambdas.extend(one.lambda_.id for one in closed)
            calls.extend(call.token for call in overdue)

    at_once(*(lambda handle=handle: sweep(handle) for handle in [store, second] * 4))

    assert sorted(lambdas) == [an_id(n) for n in range(100)]
    assert sorted(calls) == sorted(f"token-{n}" for n in range(200))


def test_dropping_a_node_closes_all_its_lambdas_and_no_others(store: Store) -> None:
    for n in range(4):
        opened(store, n, node=f"n{n % 2}")
        store.begin_call(a_call(f"token-{n}", n), NOW)

    closed = store.drop_node("n1", GONE, NOW)

    assert sorted(one.lambda_.id for one in closed) == [an_id(1), an_id(3)]
    assert sorted(call.token for one in closed for call in one.calls) == ["token-1", "token-3"]
    assert [known.id for known in store.list_lambdas(NOW)] == [an_id(0), an_id(2)]
    assert outcome(store, a_call("token-1", 1)) == GONE
    assert outcome(store, a_call("token-0", 0)) is None
    assert store.remembered(an_id(1), NOW) == Past("generation-1")
    assert store.drop_node("n1", GONE, NOW) == []


def test_a_result_of_ten_megabytes_comes_back_whole(store: Store, second: Store) -> None:
    opened(store)
    body = bytes(range(256)) * (10 * 4096)
    store.begin_call(a_call(), NOW)

    store.end_calls(an_id(), "connection-0", {"token": Outcome(200, body)}, NOW)

    found = outcome(second, a_call())
    assert found is not None
    assert found.body == body


@pytest.mark.parametrize("body", [b"", b"null", b"\x00\xff\r\n", "ä€😀".encode()])
def test_a_body_comes_back_byte_for_byte(store: Store, body: bytes) -> None:
    opened(store)
    store.begin_call(a_call(), NOW)

    store.end_calls(an_id(), "connection-0", {"token": Outcome(418, body)}, NOW)

    assert outcome(store, a_call()) == Outcome(418, body)


# Calls that are kept, made once, waited for


def a_kept_call(token: str = "token", **changes: Any) -> Call:
    terms: dict[str, Any] = {"kept_s": 600.0, "created": NOW, "key": "key-1", **changes}
    return a_call(token, **terms)


def a_wait(token: str = "wait", call: str = "token", **changes: Any) -> Wait:
    return replace(Wait(token, call, an_id(), "n2", NOW + 5, "pending"), **changes)


def test_a_kept_call_is_found_without_its_lambda(store: Store, second: Store) -> None:
    opened(store)
    call = a_kept_call()
    assert store.find_call(call.token, NOW) is None

    store.begin_call(call, NOW)
    assert second.find_call(call.token, NOW) == (call, None)

    end(store, call)
    assert second.find_call(call.token, NOW + 599) == (call, OK)
    assert second.find_call(call.token, NOW + 600) is None


def test_a_plain_call_is_not_found_without_its_lambda(store: Store) -> None:
    opened(store)
    store.begin_call(a_call(), NOW)

    assert store.find_call("token", NOW) is None


def test_a_call_with_a_known_key_is_not_entered(store: Store, second: Store) -> None:
    opened(store)
    idempotency_key = IdempotencyKey("key", "print")
    first = a_kept_call("first")
    assert isinstance(store.begin_call(first, NOW, idempotency_key), Host)

    assert second.begin_call(a_kept_call("second"), NOW, IdempotencyKey("key", "x")) == SameCall(
        "first", "print"
    )
    assert second.find_call("second", NOW) is None
    end(store, first)
    store.close_lambda(an_id(), "connection-0", GONE, NOW + 1)
    assert second.begin_call(a_kept_call("third"), NOW + 599, idempotency_key) == SameCall(
        "first", "print"
    )


def test_a_key_is_free_again_when_its_call_is_kept_no_longer(store: Store) -> None:
    opened(store, expires=NOW + 2000)
    idempotency_key = IdempotencyKey("key", "print")
    first = a_kept_call("first")
    store.begin_call(first, NOW, idempotency_key)
    end(store, first)

    later = a_kept_call("second", deadline=NOW + 700)
    assert isinstance(store.begin_call(later, NOW + 600, idempotency_key), Host)
    assert store.begin_call(a_kept_call("third"), NOW + 601, idempotency_key) == SameCall(
        "second", "print"
    )


def test_keys_are_kept_apart_by_lambda(store: Store) -> None:
    opened(store)
    opened(store, 1)
    idempotency_key = IdempotencyKey("key", "print")

    assert isinstance(store.begin_call(a_kept_call("a"), NOW, idempotency_key), Host)
    assert isinstance(store.begin_call(a_call("b", 1, kept_s=600.0), NOW, idempotency_key), Host)


def test_what_is_refused_or_forgotten_leaves_its_key_free(store: Store) -> None:
    idempotency_key = IdempotencyKey("key", "print")
    with pytest.raises(NotFound):
        store.begin_call(a_kept_call("a"), NOW, idempotency_key)
    opened(store)

    assert isinstance(store.begin_call(a_kept_call("b"), NOW, idempotency_key), Host)
    store.free_key(an_id(), "b")
    store.free_key(an_id(), "unknown")

    assert store.find_call("b", NOW) == (a_kept_call("b"), None)
    assert isinstance(store.begin_call(a_kept_call("c"), NOW, idempotency_key), Host)


def test_of_many_calls_with_one_key_one_is_entered(store: Store, second: Store) -> None:
    opened(store)
    found: list[Host | SameCall] = []

    def begin(handle: Store, token: str) -> None:
        found.append(handle.begin_call(a_kept_call(token), NOW, IdempotencyKey("key", "print")))

    at_once(
        *(
            (lambda handle=handle, n=n: begin(handle, f"token-{n}"))
            for n, handle in enumerate([store, second] * 8)
        )
    )

    assert len([one for one in found if isinstance(one, Host)]) == 1
    assert len({one for one in found if isinstance(one, SameCall)}) == 1


def test_a_cancelled_call_has_that_outcome_whoever_answers(store: Store, second: Store) -> None:
    opened(store)
    call = a_kept_call()
    store.begin_call(call, NOW)
    gone = Outcome(410, b"{}")

    assert second.cancel_call(call.lambda_id, call.token, gone, NOW, ended_too=True) == (
        call,
        "connection-0",
    )
    assert end(store, call) == []
    assert store.find_call(call.token, NOW + 599) == (call, gone)


def test_cancelling_a_call_that_has_ended_asks_nobody(store: Store) -> None:
    opened(store)
    call = a_kept_call()
    gone = Outcome(410, b"{}")
    assert store.cancel_call(call.lambda_id, call.token, gone, NOW, ended_too=True) is None
    store.begin_call(call, NOW)
    end(store, call)

    assert store.cancel_call(call.lambda_id, call.token, gone, NOW, ended_too=False) is None
    assert store.find_call(call.token, NOW) == (call, OK)
    assert store.cancel_call(call.lambda_id, call.token, gone, NOW + 1, ended_too=True) == (
        call,
        None,
    )
    assert store.find_call(call.token, NOW + 2) == (call, gone)
    assert store.cancel_call(call.lambda_id, call.token, gone, NOW + 700, ended_too=True) is None


def test_who_waits_for_a_call_is_told_once(store: Store, second: Store) -> None:
    opened(store)
    call = a_kept_call()
    store.begin_call(call, NOW)

    assert store.wait_for(a_wait("a"), NOW) == (call, None)
    assert second.wait_for(a_wait("b"), NOW) == (call, None)
    end(store, call)

    waits = second.take_waits(call.lambda_id, call.token)
    assert sorted(one.token for one in waits) == ["a", "b"]
    assert a_wait("a") in waits
    assert store.take_waits(call.lambda_id, call.token) == []
    assert store.expire(GONE, LATE, NOW + 9).waits == []


def test_nobody_waits_for_a_call_that_has_ended_or_is_unknown(store: Store) -> None:
    opened(store)
    call = a_kept_call()
    assert store.wait_for(a_wait(), NOW) is None
    store.begin_call(call, NOW)
    end(store, call)

    assert store.wait_for(a_wait(), NOW) == (call, OK)
    assert store.take_waits(call.lambda_id, call.token) == []


def test_a_wait_of_the_same_token_takes_the_place_of_the_earlier_one(store: Store) -> None:
    opened(store)
    store.begin_call(a_kept_call(), NOW)
    store.wait_for(a_wait(), NOW)
    later = a_wait(deadline=NOW + 9)

    store.wait_for(later, NOW)

    assert store.expire(GONE, LATE, NOW + 8).waits == []
    assert store.expire(GONE, LATE, NOW + 9).waits == [later]


def test_a_wait_ends_at_its_deadline_for_one_process_only(store: Store, second: Store) -> None:
    opened(store)
    store.begin_call(a_kept_call(), NOW)
    store.wait_for(a_wait(), NOW)

    assert store.expire(GONE, LATE, NOW + 4.9).waits == []
    assert store.expire(GONE, LATE, NOW + 5).waits == [a_wait()]
    assert second.expire(GONE, LATE, NOW + 5).waits == []
    assert store.take_waits(an_id(), "token") == []


# Races


def test_each_call_ends_once_however_many_end_it_at_once(store: Store, second: Store) -> None:
    known = opened(store, expires=NOW + 10)
    tokens = [f"token-{n}" for n in range(200)]
    for token in tokens:
        store.begin_call(a_call(token, deadline=NOW + 10), NOW)
    ended: list[tuple[str, Outcome]] = []

    def answer(handle: Store, n: int) -> None:
        mine = Outcome(200, b"%d" % n)
        for at in range(0, 200, 20):
            batch: Mapping[str, Outcome] = dict.fromkeys(tokens[at : at + 20], mine)
            calls = handle.end_calls(known.id, known.connection, batch, NOW)
            ended.extend((call.token, mine) for call in calls)

    at_once(
        *(
            lambda handle=handle, n=n: answer(handle, n)
            for n, handle in enumerate([store, second] * 8)
        )
    )

    assert sorted(token for token, _ in ended) == sorted(tokens)
    for token, expected in ended:
        assert outcome(store, a_call(token, deadline=NOW + 10)) == expected


def test_answers_deadlines_and_the_close_share_the_calls_among_them(
    store: Store, second: Store
) -> None:
    known = opened(store, expires=NOW + 10)
    tokens = [f"token-{n}" for n in range(300)]
    for n, token in enumerate(tokens):
        store.begin_call(a_call(token, deadline=NOW + 1 + n % 2), NOW)
    ended: list[tuple[str, Outcome]] = []

    def answer(handle: Store) -> None:
        for token in tokens:
            calls = handle.end_calls(known.id, known.connection, {token: OK}, NOW + 0.5)
            ended.extend((call.token, OK) for call in calls)

    def sweep(handle: Store) -> None:
        for _ in range(20):
            _, overdue, _ = handle.expire(GONE, LATE, NOW + 1, limit=10)
            ended.extend((call.token, LATE) for call in overdue)

    def close(handle: Store) -> None:
        closed = handle.close_lambda(known.id, known.connection, GONE, NOW + 0.5)
        if closed is not None:
            ended.extend((call.token, GONE) for call in closed.calls)

    at_once(
        lambda: answer(store),
        lambda: answer(second),
        lambda: sweep(store),
        lambda: sweep(second),
        lambda: close(second),
    )

    assert sorted(token for token, _ in ended) == sorted(tokens)
    for token, expected in ended:
        got = store.get_call(known.id, token, NOW)
        assert got is not None
        assert got[1] == expected


def test_one_of_many_hosts_that_open_an_id_at_once_gets_it(store: Store, second: Store) -> None:
    won: list[str] = []

    def open_it(handle: Store, n: int) -> None:
        try:
            handle.open_lambda(a_lambda(connection=f"connection-{n}"), GONE, NOW, take_over=False)
        except Forbidden:
            return
        won.append(f"connection-{n}")

    at_once(
        *(
            lambda handle=handle, n=n: open_it(handle, n)
            for n, handle in enumerate([store, second] * 4)
        )
    )

    assert len(won) == 1
    known = store.get_lambda(an_id(), NOW)
    assert known is not None
    assert known.connection == won[0]


def test_of_many_takeovers_at_once_each_host_but_the_last_is_closed_once(
    store: Store, second: Store
) -> None:
    opened(store)
    replaced: list[str] = []

    def take_over(handle: Store, n: int) -> None:
        new = a_lambda(connection=f"connection-{n}")
        closed = handle.open_lambda(new, GONE, NOW, take_over=True)
        assert closed is not None
        replaced.append(closed.lambda_.connection)

    at_once(
        *(
            lambda handle=handle, n=n: take_over(handle, n)
            for n, handle in enumerate([store, second] * 4, start=1)
        )
    )

    last = store.get_lambda(an_id(), NOW)
    assert last is not None
    assert sorted([*replaced, last.connection]) == [f"connection-{n}" for n in range(9)]


# Lifetimes


def test_nothing_is_left_behind_when_all_has_expired(backend: Backend, store: Store) -> None:
    for n in range(30):
        opened(store, n, expires=NOW + 10, max_calls=3, methods=["a"])
        for k in range(3):
            store.begin_call(a_call(f"token-{n}-{k}", n), NOW)
        end(store, a_call(f"token-{n}-0", n), by=f"connection-{n}")
    store.close_lambda(an_id(0), "connection-0", GONE, NOW + 1)
    store.drop_node("n9", GONE, NOW + 1)
    store.open_lambda(
        a_lambda(1, connection="connection-99", expires=NOW + 10), GONE, NOW + 1, take_over=True
    )
    assert backend.left()

    for later in (10, 30, 60, 60 + OUTCOME_KEPT_S, REMEMBERED_S + 100):
        store.expire(GONE, LATE, NOW + later)

    assert backend.left() == []


def test_facts_outlive_the_handle(backend: Backend) -> None:
    one = open_store(backend.url)
    known = opened(one)
    one.begin_call(a_call(), NOW)
    one.close()

    other = open_store(backend.url)
    try:
        assert other.get_lambda(known.id, NOW) == known
        assert end(other, a_call()) == [a_call()]
    finally:
        other.close()


def test_a_closed_store_is_out_of_reach(store: Store, backend: Backend) -> None:
    one = open_store(backend.url)
    one.close()

    with pytest.raises(StoreError):
        one.list_lambdas(NOW)
    with pytest.raises(StoreError):
        one.open_lambda(a_lambda(), GONE, NOW, take_over=False)


def test_a_store_has_the_methods_of_the_interface_as_they_are_declared(store: Store) -> None:
    for name, declared in inspect.getmembers(Store, inspect.isfunction):
        if not name.startswith("_"):
            implemented = getattr(type(store), name)
            assert inspect.signature(implemented) == inspect.signature(declared), name


@pytest.mark.parametrize(
    "url", ["", "sqlite", "sqlite:", "sqlite://", "sqlite:///", "mysql://u:hunter2@h/db", "/a/file"]
)
def test_a_url_that_names_no_store_is_refused_without_its_secrets(url: str) -> None:
    with pytest.raises(ConfigError) as refused:
        open_store(url)

    assert "GRIP_LAMBDA_STORE" in str(refused.value)
    assert "hunter2" not in str(refused.value)


OWNED = [
    (Permit(), {"public": True, "private": False}),
    (Permit("k", private=True), {"public": True, "private": True}),
    (Permit("k", private=True, owners=frozenset(["b", "a"])), {"public": True, "private": True}),
    (Permit("k", private=False, owners=frozenset(["a"])), {"public": True, "private": False}),
    (Permit("k", private=True, owners=frozenset(["b"])), {"public": False, "private": False}),
    (Permit("k", private=True, owners=frozenset()), {"public": False, "private": False}),
    (Permit("k", private=True, owners=frozenset([""])), {"public": False, "private": False}),
]


@pytest.mark.parametrize(("permit", "allowed"), OWNED)
def test_a_call_is_entered_only_where_it_is_permitted(
    store: Store, permit: Permit, allowed: dict[str, bool]
) -> None:
    for n, name in enumerate(allowed):
        known = opened(store, n, owner="a", private=name == "private", max_calls=1)
        call = a_call(name, n)
        assert permit.allows(known) == allowed[name]
        if allowed[name]:
            assert store.begin_call(call, NOW, None, permit) == Host(known.connection, known.node)
            continue
        for _ in range(2):
            with pytest.raises(Forbidden):
                store.begin_call(call, NOW, None, permit)
        assert store.get_call(known.id, name, NOW) is None
        # It has taken no place; and who may not call is told so where there is none left.
        store.begin_call(call, NOW, None, Permit(private=True))
        with pytest.raises(Forbidden):
            store.begin_call(a_call("other", n), NOW, None, permit)
    with pytest.raises(NotFound):
        store.begin_call(a_call("none", 9), NOW, None, permit)


def test_a_lambda_without_an_owner_is_for_nobody_who_is_for_those_of_some(store: Store) -> None:
    opened(store)

    with pytest.raises(Forbidden):
        store.begin_call(a_call(), NOW, None, Permit("k", private=True, owners=frozenset(["k"])))
    assert store.begin_call(a_call(), NOW, None, Permit("k", private=True))


# Calls that a thread waits for first


def test_a_callee_is_what_a_caller_has_to_know(store: Store, second: Store) -> None:
    opened(store)
    opened(
        store,
        1,
        node="n2",
        code="jsonrpc-2.0",
        transport="poll",
        context=True,
        max_calls=3,
        private=True,
        owner="key",
    )

    assert second.find_callee(an_id(0), NOW) == Callee(Host("connection-0", "n1"), None, False, "")
    assert second.find_callee(an_id(1), NOW) == Callee(
        Host("connection-1", "n2", "jsonrpc-2.0", "poll", True), 3, True, "key"
    )
    assert store.find_callee(an_id(2), NOW) is None
    assert store.find_callee(an_id(0), NOW + 60) is None
    store.close_lambda(an_id(0), "connection-0", GONE, NOW)
    assert store.find_callee(an_id(0), NOW) is None


def test_a_call_may_be_for_one_connection_only(store: Store) -> None:
    opened(store)
    call = a_call()
    with pytest.raises(NotFound):
        store.begin_call(call, NOW, connection="another")
    assert store.get_call(call.lambda_id, call.token, NOW) is None
    assert store.begin_call(call, NOW, connection="connection-0") == Host("connection-0", "n1")
    assert outcome(store, call) is None

    new = a_lambda(connection="connection-9")
    store.open_lambda(new, GONE, NOW, take_over=True)
    with pytest.raises(NotFound):
        store.begin_call(a_call("late"), NOW, connection="connection-0")
    store.close_lambda(an_id(), "connection-9", GONE, NOW)
    with pytest.raises(NotFound):
        store.begin_call(a_call("later"), NOW, connection="connection-9")


def test_a_call_for_one_connection_counts_like_any_other(store: Store) -> None:
    opened(store, max_calls=1, private=True)
    permit = Permit(private=True)
    with pytest.raises(Forbidden):
        store.begin_call(a_call("a"), NOW, connection="connection-0")
    store.begin_call(a_call("a"), NOW, permit=permit, connection="connection-0")
    with pytest.raises(Busy):
        store.begin_call(a_call("b"), NOW, permit=permit, connection="connection-0")


def test_a_call_is_handed_over_to_who_holds_its_caller(store: Store, second: Store) -> None:
    opened(store)
    call = a_call(node="@here.x", details="d", kind="invoke", created=NOW, client="c")
    store.begin_call(call, NOW)

    held = replace(call, node="n2")
    assert second.hand_over(call.lambda_id, call.token, "n2", NOW) == (held, None)
    assert store.get_call(call.lambda_id, call.token, NOW) == (held, None)
    assert store.hand_over(call.lambda_id, call.token, "n2", NOW) == (held, None), (
        "as often as may be"
    )
    again = replace(call, node="n1")
    assert store.hand_over(call.lambda_id, call.token, "n1", NOW) == (again, None)
    assert end(second, call) == [again], "whoever ends it learns who holds its caller"


def test_a_call_that_has_ended_is_not_handed_over(store: Store) -> None:
    opened(store)
    call = a_call(node="@here.x")
    assert store.hand_over(call.lambda_id, call.token, "n2", NOW) is None
    store.begin_call(call, NOW)
    assert store.hand_over(an_id(1), call.token, "n2", NOW) is None
    end(store, call)

    assert store.hand_over(call.lambda_id, call.token, "n2", NOW) == (call, OK)
    assert store.get_call(call.lambda_id, call.token, NOW) == (call, OK)
    assert store.hand_over(call.lambda_id, call.token, "n2", NOW + OUTCOME_KEPT_S) is None


def test_a_call_is_either_ended_or_handed_over_first(store: Store, second: Store) -> None:
    """Whichever comes first, somebody learns of the end: who ends it, or who holds the caller."""
    opened(store)
    for n in range(30):
        call = a_call(f"token-{n}", node="@here.x")
        store.begin_call(call, NOW)
        found: list[Any] = []
        ended: list[Any] = []

        at_once(
            lambda call=call, found=found: found.append(  # type: ignore[misc]
                store.hand_over(call.lambda_id, call.token, "n2", NOW)
            ),
            lambda call=call, ended=ended: ended.extend(end(second, call)),  # type: ignore[misc]
        )

        ((_, result),) = found
        assert len(ended) == 1
        assert result == OK or ended == [replace(call, node="n2")], "nobody tells the caller"


@pytest.mark.parametrize("how", ["close", "expire", "cancel"])
def test_a_call_that_was_handed_over_ends_where_it_is_held(store: Store, how: str) -> None:
    opened(store)
    call = a_call(node="@here.x", deadline=NOW + 5)
    store.begin_call(call, NOW)
    store.hand_over(call.lambda_id, call.token, "n2", NOW)

    if how == "close":
        closed = store.close_lambda(an_id(), "connection-0", GONE, NOW)
        assert closed is not None
        (ended,) = closed.calls
    elif how == "expire":
        (ended,) = store.expire(GONE, LATE, NOW + 5).calls
    else:
        cancelled = store.cancel_call(call.lambda_id, call.token, GONE, NOW)
        assert cancelled is not None
        ended = cancelled[0]
    assert ended == replace(call, node="n2")


def test_large_messages_take_turns_one_after_the_other(store: Store, second: Store) -> None:
    opened(store)
    taken = [
        handle.take_turn(an_id(), "connection-0", 0.5, NOW) for handle in (store, second, store)
    ]

    assert taken == pytest.approx([NOW, NOW + 0.5, NOW + 1.0])
    callee = second.find_callee(an_id(), NOW)
    assert callee is not None
    assert callee.host.busy_until == pytest.approx(NOW + 1.5)
    host = store.begin_call(a_call(), NOW)
    assert isinstance(host, Host)
    assert host.busy_until == pytest.approx(NOW + 1.5)
    assert store.take_turn(an_id(), "connection-0", 0.5, NOW + 9) == pytest.approx(NOW + 9)
    assert store.take_turn(an_id(), "another", 0.5, NOW) == NOW
