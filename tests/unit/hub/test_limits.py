"""What clients may have, over all processes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grip_lambda.errors import RateLimited, StorageFull
from grip_lambda.hub.access import Limits, limits
from grip_lambda.hub.access.ledger import Ledger
from grip_lambda.settings import Quotas
from grip_lambda.store import Call, Lambda, Outcome, open_store

NOW = 1_800_000_000.0
ID = "A" * 16
Start = Callable[..., Limits]


# Amounts that last for a while


def test_an_amount_counts_until_it_ends() -> None:
    ledger = Ledger()
    ledger.add("a", 3, 60.0, NOW)
    ledger.add("a", 4, 600.0, NOW)

    ledger.forget(NOW + 59)
    assert ledger.sum("a") == 7
    assert ledger.sum("b") == 0

    ledger.forget(NOW + 60 * 1.25)
    assert ledger.sum("a") == 4
    ledger.forget(NOW + 600 * 1.25)
    assert ledger.sum("a") == 0
    assert ledger.report() == (b"", 0)


def test_it_is_told_when_something_ends_next() -> None:
    ledger = Ledger()
    ledger.add("a", 1, 60.0, NOW)
    ledger.add("a", 1, 600.0, NOW)

    assert 60 <= ledger.left_s("a", NOW) <= 75
    assert ledger.left_s("b", NOW) == 1


@given(
    st.lists(
        st.tuples(
            st.sampled_from("ab"), st.integers(0, 99), st.floats(0.01, 1e5), st.floats(0, 1e5)
        )
    ),
    st.floats(0, 3e5),
)
def test_sums_are_exact_but_for_when_amounts_end(
    added: list[tuple[str, int, float, float]], later: float
) -> None:
    ledger = Ledger()
    for name, amount, lasts_s, after in added:
        ledger.add(name, amount, lasts_s, NOW + after)

    ledger.forget(NOW + later)

    lasting = sum(amount for name, amount, lasts, at in added if name == "a" and at + lasts > later)
    at_most = sum(
        amount
        for name, amount, lasts, at in added
        if name == "a" and at + 1.25 * lasts + 1.01 > later
    )
    assert lasting <= ledger.sum("a") <= at_most


def test_processes_know_what_others_counted() -> None:
    one, two, three = Ledger(), Ledger(), Ledger()
    one.add("a", 1, 60.0, NOW)
    two.add("a", 2, 600.0, NOW)
    two.add("b", 5, 600.0, NOW)
    reports = [one.report()[0], two.report()[0]]

    three.add("a", 10, 60.0, NOW)
    three.learn(reports, NOW)
    assert (three.sum("a"), three.sum("b")) == (13, 5)

    three.learn(reports, NOW + 75)
    assert (three.sum("a"), three.sum("b")) == (12, 5)
    three.learn([], NOW)
    assert (three.sum("a"), three.sum("b")) == (10, 0)


def test_those_with_most_are_told_to_others() -> None:
    one, two = Ledger(), Ledger()
    for n in range(3000):
        one.add(f"client-{n}", 1 + n, 60.0, NOW)

    two.learn([one.report()[0]], NOW)

    assert two.sum("client-2999") == 3000
    assert two.sum("client-0") == 0


# Limits


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start processes on one store, with these quotas."""
    stores = []

    def run(rate: float | None = None, **quotas: int) -> Limits:
        stores.append(open_store(f"sqlite:///{tmp_path}/store.db"))
        return Limits(stores[-1], Quotas(**quotas), rate={"key": rate}.get)

    yield run
    for one in stores:
        one.close()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [NOW]
    monkeypatch.setattr(time, "time", lambda: now[0])
    return now


def refresh(clock: list[float], *processes: Limits) -> None:
    """Have each process tell the others, and then learn from them."""
    for _ in range(2):
        clock[0] += limits.REFRESH_S
        for one in processes:
            one.refresh()


def test_a_key_makes_so_many_calls_a_second_over_all_processes(
    start: Start, clock: list[float]
) -> None:
    one, two = start(rate=5.0), start(rate=5.0)
    for process in (one, two):
        for _ in range(10):
            process.asked("key", "192.0.2.1")
    refresh(clock, one, two)

    with pytest.raises(RateLimited) as refused:
        one.asked("key", "192.0.2.1")

    assert 1 <= refused.value.retry_after <= 5
    assert refused.value.policy == '"calls";q=20;w=4'
    for _ in range(100):
        one.asked("another", "192.0.2.1")
    clock[0] += 4
    refresh(clock, one, two)
    two.asked("key", "192.0.2.1")


def test_without_a_key_that_says_so_the_rate_is_that_of_clients(
    start: Start, clock: list[float]
) -> None:
    one = start(rate=50.0, calls_per_client=5)
    for _ in range(20):
        for key, address in (("", "192.0.2.1"), ("", "192.0.2.2"), ("other", "192.0.2.1")):
            one.asked(key, address)
    for _ in range(100):
        one.asked("key", "192.0.2.1")
        one.asked("", "")

    for key, address, told in (
        ("", "192.0.2.1", "your address may make 5 calls a second"),
        ("other", "192.0.2.3", "this API key may make 5 calls a second"),
    ):
        with pytest.raises(RateLimited, match=told):
            one.asked(key, address)
    one.asked("", "192.0.2.3")


def test_openings_without_websocket_are_counted_by_the_minute(
    start: Start, clock: list[float]
) -> None:
    one = start(openings_per_client=3)
    for _ in range(3):
        one.opening("a", is_connected=False)

    with pytest.raises(RateLimited) as refused:
        one.opening("a", is_connected=False)
    assert 60 <= refused.value.retry_after <= 75
    one.opening("a", is_connected=True)
    one.opening("b", is_connected=False)
    one.opening("", is_connected=False)

    clock[0] += refused.value.retry_after
    one.refresh()
    one.opening("a", is_connected=False)


def test_openings_are_counted_over_all_processes(start: Start, clock: list[float]) -> None:
    one, two = start(openings_per_client=4), start(openings_per_client=4)
    for _ in range(2):
        one.opening("a", is_connected=False)
        two.opening("a", is_connected=False)
    refresh(clock, one, two)

    for process in (one, two):
        with pytest.raises(RateLimited):
            process.opening("a", is_connected=False)


def a_lambda(n: int, client: str) -> Lambda:
    return Lambda(f"{n:016}", f"c{n}", "n1", "json-rpc", "g", NOW, NOW + 60, client=client)


@pytest.mark.parametrize("per_client", [False, True])
def test_open_lambdas_are_counted(start: Start, clock: list[float], per_client: bool) -> None:
    one = start(lambdas_per_client=2) if per_client else start(lambdas=2)
    one.opening("a", is_connected=True)
    one.opening("a", is_connected=True)
    with pytest.raises(RateLimited):
        one.opening("a", is_connected=True)

    refresh(clock, one)
    one.opening("a", is_connected=True)  # none of the two was acknowledged
    store = one._store
    for n in range(2):
        store.open_lambda(a_lambda(n, "a"), Outcome(502, b""), NOW, take_over=False)
    refresh(clock, one)

    with pytest.raises(RateLimited):
        one.opening("a", is_connected=True)
    if per_client:
        one.opening("b", is_connected=True)
    store.close_lambda(f"{0:016}", "c0", Outcome(502, b""), NOW)
    refresh(clock, one)
    one.opening("a", is_connected=True)


def a_call(client: str, **changes: object) -> Call:
    terms: dict[str, object] = {"kept_s": 600.0, "created": NOW, "client": client, **changes}
    return Call("token", ID, "n1", NOW + 60, **terms)  # type: ignore[arg-type]


def test_what_is_kept_is_counted_over_all_processes(start: Start, clock: list[float]) -> None:
    one, two = start(kept_per_client=100_000), start(kept_per_client=100_000)
    one.call(a_call("a"))
    one.ended(a_call("a"), 100_000)
    with pytest.raises(StorageFull):
        one.call(a_call("a"))
    one.call(a_call("b"))

    refresh(clock, one, two)
    with pytest.raises(StorageFull):
        two.call(a_call("a"))
    two.call(a_call("b"))

    clock[0] += 900
    refresh(clock, one, two)
    two.call(a_call("a"))


def test_what_is_kept_in_all_is_limited_for_everybody(start: Start, clock: list[float]) -> None:
    one = start(kept=100_000)
    one.ended(a_call("a"), 100_000)

    for client in ("a", "b", ""):
        with pytest.raises(StorageFull):
            one.call(a_call(client))
        with pytest.raises(StorageFull):
            one.opening(client, is_connected=True)


def test_a_plain_call_is_never_refused(start: Start, clock: list[float]) -> None:
    one = start(kept=1000, kept_per_client=1000)
    one.ended(a_call("a"), 10_000)

    one.call(a_call("a", kept_s=10.0))
    one.call(a_call("", kept_s=10.0))


def test_calls_and_ids_take_room_even_without_results(start: Start, clock: list[float]) -> None:
    one = start(kept_per_client=10_000)

    for _ in range(19):
        one.call(a_call("a", kept_s=10.0), is_awaited=False)
    one.ended(a_call("a"), 300)
    for _ in range(39):
        one.opening("b", is_connected=True)
    one.ended(a_call("b"), 300)

    with pytest.raises(StorageFull):
        one.call(a_call("a", kept_s=10.0), is_awaited=False)
    with pytest.raises(StorageFull):
        one.opening("b", is_connected=True)


def test_a_process_that_has_ended_is_remembered(start: Start, clock: list[float]) -> None:
    gone, other = start(kept_per_client=1000), start(kept_per_client=1000)
    gone.ended(a_call("a"), 1000)
    refresh(clock, gone)

    clock[0] += 300
    refresh(clock, other)
    with pytest.raises(StorageFull):
        other.call(a_call("a"))
