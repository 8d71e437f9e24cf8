"""What every store promises of services: names that hosts share."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from grip_lambda.errors import Busy, Forbidden, NotFound
from grip_lambda.store import (
    Call,
    Chosen,
    IdempotencyKey,
    Lambda,
    Permit,
    SameCall,
    Store,
)
from tests.store.test_contract import GONE, LATE, NOW, OK, a_call, a_lambda, an_id, at_once, opened

NAME = "thumbnailer"


def a_host(n: int = 0, *names: str, **changes: Any) -> Lambda:
    return a_lambda(n, services=names or (NAME,), **changes)


def join(store: Store, n: int = 0, *names: str, **changes: Any) -> Lambda:
    return opened(store, n, services=names or (NAME,), **changes)


def asked(token: str, name: str = NAME, **changes: Any) -> Call:
    return a_call(token, **{"lambda_id": "", "service": name, **changes})


def choose(store: Store, token: str, name: str = NAME, now: float = NOW, **changes: Any) -> Call:
    found = store.begin_service_call(asked(token, name, **changes), now)
    assert isinstance(found, Chosen)
    return found.call


def end(store: Store, call: Call, now: float = NOW) -> None:
    known = store.get_lambda(call.lambda_id, now)
    assert known is not None
    ended = store.end_calls(call.lambda_id, known.connection, {call.token: OK}, now)
    assert [one.token for one in ended] == [call.token]


def test_a_name_without_hosts_is_not_found(store: Store) -> None:
    opened(store, 1)
    join(store, 2, "other")
    with pytest.raises(NotFound):
        store.begin_service_call(asked("t"), NOW)
    assert store.list_service(NAME, NOW) == []


def test_a_lambda_tells_its_services_and_a_service_its_lambdas(store: Store, second: Store) -> None:
    both = join(store, 1, "a", "b", max_calls=3)
    one = join(store, 2, "b", opened=NOW + 1)
    assert second.get_lambda(both.id, NOW) == both
    assert second.list_service("b", NOW) == [both, one]
    assert second.list_service("a", NOW) == [both]
    assert second.list_service("b", NOW + 61) == []


def test_the_call_is_that_of_the_host_that_was_chosen(store: Store, second: Store) -> None:
    host = join(store, 1, node="n2", code="jsonrpc-2.0", context=True, transport="sse")
    found = store.begin_service_call(asked("t"), NOW)
    assert isinstance(found, Chosen)
    assert found.host == host.host
    assert found.call == asked("t", lambda_id=host.id)
    known = second.get_call(host.id, "t", NOW)
    assert known is not None
    assert known == (found.call, None)
    end(second, found.call)


def test_hosts_take_turns(store: Store, second: Store) -> None:
    for n in range(5):
        join(store, n)
    counts: Counter[str] = Counter()
    for n in range(100):
        call = choose(store if n % 2 else second, f"t{n}")
        counts[call.lambda_id] += 1
        end(second if n % 2 else store, call)
    assert set(counts.values()) == {20}


def test_the_one_with_the_fewest_calls_is_asked(store: Store) -> None:
    for n in range(3):
        join(store, n)
    first, second, _ = (choose(store, f"t{n}") for n in range(3))
    end(store, second)
    assert choose(store, "a").lambda_id == second.lambda_id
    store.begin_call(Call("direct", second.lambda_id, "n1", NOW + 30), NOW)  # counts as well
    end(store, first)
    assert choose(store, "b").lambda_id == first.lambda_id


def test_calls_by_other_names_count(store: Store) -> None:
    join(store, 1, "a", "b")
    join(store, 2, "b")
    choose(store, "t1", "a")
    assert choose(store, "t2", "b").lambda_id == an_id(2)


def test_a_host_without_room_is_left_out(store: Store) -> None:
    join(store, 1, max_calls=1)
    join(store, 2, max_calls=2)
    calls = [choose(store, f"t{n}") for n in range(3)]
    assert Counter(call.lambda_id for call in calls) == {an_id(1): 1, an_id(2): 2}
    with pytest.raises(Busy):
        store.begin_service_call(asked("more"), NOW)
    end(store, calls[1])
    assert choose(store, "more").lambda_id == calls[1].lambda_id


def test_one_that_is_busy_with_direct_calls_is_left_out(store: Store) -> None:
    join(store, 1, max_calls=1)
    direct = a_call("direct", 1)
    store.begin_call(direct, NOW)
    with pytest.raises(Busy):
        store.begin_service_call(asked("t"), NOW)
    end(store, direct)
    assert choose(store, "t").lambda_id == an_id(1)


def test_no_more_than_have_room_at_once(store: Store, second: Store) -> None:
    for n in range(4):
        join(store, n, max_calls=2)
    taken: list[Call] = []
    refused: list[str] = []

    def ask(n: int) -> None:
        try:
            taken.append(choose(store if n % 2 else second, f"t{n}"))
        except Busy:
            refused.append(f"t{n}")

    at_once(*((lambda n=n: ask(n)) for n in range(12)))
    assert len(taken) == 8
    assert len(refused) == 4
    assert set(Counter(call.lambda_id for call in taken).values()) == {2}


def test_a_host_that_goes_costs_its_own_calls_only(store: Store) -> None:
    one, two = join(store, 1), join(store, 2)
    calls = {call.lambda_id: call for call in (choose(store, "t1"), choose(store, "t2"))}
    closed = store.close_lambda(one.id, one.connection, GONE, NOW)
    assert closed is not None
    assert [call.token for call in closed.calls] == [calls[one.id].token]
    assert choose(store, "t3").lambda_id == two.id
    end(store, calls[two.id])
    assert store.list_service(NAME, NOW) == [two]
    store.close_lambda(two.id, two.connection, GONE, NOW)
    with pytest.raises(NotFound):
        store.begin_service_call(asked("t4"), NOW)


def test_one_that_was_not_seen_in_time_is_not_asked(store: Store) -> None:
    join(store, 1)
    join(store, 2, expires=NOW + 100)
    for n in range(3):
        assert choose(store, f"t{n}", now=NOW + 61, deadline=NOW + 90).lambda_id == an_id(2)
    store.expire(GONE, LATE, NOW + 61)
    assert choose(store, "more", now=NOW + 61, deadline=NOW + 90).lambda_id == an_id(2)
    store.expire(GONE, LATE, NOW + 101)
    with pytest.raises(NotFound):
        store.begin_service_call(asked("t", deadline=NOW + 200), NOW + 101)


def test_calls_that_are_late_or_cancelled_take_no_room(store: Store) -> None:
    join(store, 1, max_calls=2)
    late, cancelled = choose(store, "late", deadline=NOW + 5), choose(store, "cancelled")
    assert store.cancel_call(cancelled.lambda_id, "cancelled", GONE, NOW) is not None
    choose(store, "t1")
    with pytest.raises(Busy):
        store.begin_service_call(asked("t2"), NOW)
    due = store.expire(GONE, LATE, NOW + 6)
    assert due.calls == [late]
    choose(store, "t2", now=NOW + 6)


def test_the_one_that_takes_over_has_no_calls_yet(store: Store) -> None:
    before = join(store, 1, max_calls=1)
    choose(store, "t1")
    after = a_host(1, connection="other", generation=before.generation, max_calls=1)
    closed = store.open_lambda(after, GONE, NOW, take_over=True)
    assert closed is not None
    assert [call.token for call in closed.calls] == ["t1"]
    assert choose(store, "t2").lambda_id == after.id
    with pytest.raises(Busy):
        store.begin_service_call(asked("t3"), NOW)
    assert store.close_lambda(before.id, before.connection, GONE, NOW) is None
    assert store.list_service(NAME, NOW) == [after]


def test_a_lambda_that_is_entered_again_keeps_its_calls(store: Store) -> None:
    """As a host does whose store was away."""
    host = join(store, 1, max_calls=1)
    call = choose(store, "t1")
    store.open_lambda(host, GONE, NOW, take_over=False)
    with pytest.raises(Busy):
        store.begin_service_call(asked("t2"), NOW)
    end(store, call)
    choose(store, "t2")


def test_reopening_names_the_services_anew(store: Store) -> None:
    before = join(store, 1, "a", "b")
    after = a_host(1, "b", "c", connection="other", generation=before.generation)
    store.open_lambda(after, GONE, NOW, take_over=True)
    assert store.list_service("a", NOW) == []
    with pytest.raises(NotFound):
        store.begin_service_call(asked("t1", "a"), NOW)
    assert [choose(store, f"t{name}", name).lambda_id for name in "bc"] == [an_id(1)] * 2


def test_a_caller_gets_one_that_it_may_call(store: Store) -> None:
    join(store, 1, private=True, owner="k1")
    join(store, 2, private=True, owner="k2")
    with pytest.raises(Forbidden):
        store.begin_service_call(asked("t"), NOW)
    for n in range(3):
        found = store.begin_service_call(
            asked(f"t{n}"), NOW, permit=Permit("k", private=True, owners=frozenset({"k2"}))
        )
        assert isinstance(found, Chosen)
        assert found.call.lambda_id == an_id(2)
    join(store, 3)
    assert choose(store, "public").lambda_id == an_id(3)


def test_the_same_key_is_the_same_call_whichever_host_has_it(store: Store, second: Store) -> None:
    join(store, 1)
    join(store, 2)
    key = IdempotencyKey("k", "print")
    first = store.begin_service_call(asked("t1", kept_s=600.0), NOW, key)
    assert isinstance(first, Chosen)
    same = SameCall("t1", "print", first.call.lambda_id)
    for n in range(3):
        again = asked(f"again{n}", kept_s=600.0)
        assert second.begin_service_call(again, NOW, key) == same
    end(store, first.call)
    assert store.begin_service_call(asked("t2", kept_s=600.0), NOW + 1, key) == same
    assert store.find_call("t1", NOW + 1) is not None
    join(store, 3, "other")
    other = store.begin_service_call(asked("t3", "other"), NOW, key)
    assert isinstance(other, Chosen)  # keys of another service are others
    store.free_key(first.call.lambda_id, "t1")
    fresh = store.begin_service_call(asked("t4", kept_s=600.0), NOW + 1, key)
    assert isinstance(fresh, Chosen)


def test_a_call_that_was_refused_leaves_its_key_free(store: Store) -> None:
    key = IdempotencyKey("k", "print")
    join(store, 1, max_calls=1)
    busy = choose(store, "busy")
    with pytest.raises(Busy):
        store.begin_service_call(asked("t1", kept_s=600.0), NOW, key)
    end(store, busy)
    assert isinstance(store.begin_service_call(asked("t2", kept_s=600.0), NOW, key), Chosen)


def test_calls_with_one_key_at_once_are_one(store: Store, second: Store) -> None:
    for n in range(3):
        join(store, n)
    key = IdempotencyKey("k", "print")
    found: list[Chosen | SameCall] = []

    def ask(n: int) -> None:
        one = store if n % 2 else second
        found.append(one.begin_service_call(asked(f"t{n}", kept_s=600.0), NOW, key))

    at_once(*((lambda n=n: ask(n)) for n in range(8)))
    entered = [one for one in found if isinstance(one, Chosen)]
    assert len(entered) == 1
    assert {one.token for one in found if isinstance(one, SameCall)} == {entered[0].call.token}
