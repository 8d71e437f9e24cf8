"""What every store promises of its logs. Times are passed in, so nothing here sleeps."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from grip_lambda.errors import Busy
from grip_lambda.store import Appended, Entry, Reader, Store, Tail
from grip_lambda.store.logs import BYTES_MAX
from tests.store.conftest import Backend
from tests.store.test_contract import GONE, LATE, NOW, a_call, an_id, at_once, end, opened

ID = an_id()


def append(store: Store, data: bytes = b"x", log: str = "log", **changes: Any) -> Appended | None:
    values: dict[str, Any] = {"now": NOW, "until": NOW + 60, "lives_s": 60.0}
    return store.logs.append(ID, log, data, **{**values, **changes})


def attach(store: Store, after: int = 0, log: str = "log", **changes: Any) -> Tail:
    values: dict[str, Any] = {
        "node": "n1",
        "kind": "sse",
        "until": NOW + 9.5,
        "now": NOW,
        "lives_s": 60.0,
    }
    return store.logs.attach(ID, log, after=after, **{**values, **changes})


def read(store: Store, after: int = 0, log: str = "log", now: float = NOW) -> Tail:
    tail = store.logs.read(ID, log, after, now)
    assert tail is not None, "the log is unknown"
    return tail


def a_reader(hold: int, **changes: Any) -> Reader:
    return replace(Reader(hold, "n1", "sse", until=NOW + 9.5), **changes)


def data(tail: Tail) -> list[bytes]:
    return [entry.data for entry in tail.entries]


def test_what_is_appended_is_read_in_order(store: Store, second: Store) -> None:
    assert [append(one, text) for one, text in ((store, b"a"), (second, b"\xff\0"))] == [
        Appended(1, Reader()),
        Appended(2, Reader()),
    ]

    assert read(second) == Tail([Entry(1, b"a"), Entry(2, b"\xff\0")], 2, Reader())
    assert read(store, after=1).entries == [Entry(2, b"\xff\0")]
    assert read(store, after=2) == Tail([], 2, Reader())


def test_logs_are_apart(store: Store) -> None:
    append(store, b"a", log="one")
    append(store, b"b", log="two")

    assert data(read(store, log="one")) == [b"a"]
    assert store.logs.read(an_id(7), "one", 0, NOW) is None
    assert store.logs.read(ID, "three", 0, NOW) is None


def test_a_reader_is_given_what_it_missed_and_told_to_the_next_appender(store: Store) -> None:
    append(store, b"a")

    assert attach(store) == Tail([Entry(1, b"a")], 1, a_reader(1, seen=1))
    assert append(store, b"b") == Appended(2, a_reader(1, seen=1))


def test_a_log_may_be_attached_to_before_anything_is_appended(store: Store) -> None:
    assert attach(store) == Tail([], 0, a_reader(1))
    assert append(store) == Appended(1, a_reader(1))


def test_a_later_hold_takes_the_place_of_an_earlier_one(store: Store) -> None:
    attach(store)

    tail = attach(store, node="n2", kind="poll")
    assert tail.reader == a_reader(2, node="n2", kind="poll")
    assert tail.previous == a_reader(1)
    assert append(store) == Appended(1, a_reader(2, node="n2", kind="poll"))
    assert read(store).reader == a_reader(2, node="n2", kind="poll")


def test_the_same_place_gives_the_same_again_and_a_later_one_trims(store: Store) -> None:
    for text in (b"a", b"b", b"c"):
        append(store, text)

    assert data(attach(store, after=1, trim=True)) == [b"b", b"c"]
    assert data(attach(store, after=1, trim=True)) == [b"b", b"c"]
    assert data(attach(store, after=2)) == [b"c"]
    assert data(attach(store, after=1)) == [b"b", b"c"]
    assert data(attach(store, after=0)) == [b"b", b"c"], "the first one was trimmed"
    assert append(store, b"d") == Appended(4, a_reader(5, seen=3))


def test_only_who_holds_the_lambda_is_appended_for(store: Store) -> None:
    assert append(store, connection="connection-0") is None
    known = opened(store)
    assert append(store, connection="connection-0") is not None
    assert append(store, connection="another") is None
    assert append(store, connection="connection-0", now=known.expires) is None

    store.close_lambda(ID, "connection-0", GONE, NOW)

    assert append(store, connection="connection-0") is None
    assert read(store).last == 1


def test_only_a_call_that_waits_is_appended(store: Store) -> None:
    opened(store)
    call = a_call()
    assert append(store, call=call.token) is None
    store.begin_call(call, NOW)
    assert append(store, call=call.token) is not None
    assert append(store, call=call.token, now=call.deadline) is None

    end(store, call)

    assert append(store, call=call.token) is None


def test_nothing_follows_a_final_entry(store: Store, second: Store) -> None:
    append(store, b"a")
    assert not read(store).final
    append(store, b"end", final=True)

    assert append(second, b"late") is None
    assert append(second, b"late", final=True) is None
    assert read(store) == Tail([Entry(1, b"a"), Entry(2, b"end")], 2, Reader(), final=True)
    assert attach(store).final


def test_a_full_log_refuses_more(store: Store) -> None:
    for _ in range(3):
        append(store, most=3)

    with pytest.raises(Busy):
        append(store, most=3)

    assert read(store).last == 3
    attach(store, after=1, trim=True)
    assert append(store, most=3) == Appended(4, a_reader(1, seen=3))


def test_a_log_is_full_of_bytes_too(store: Store) -> None:
    large = bytes(BYTES_MAX // 2)
    append(store, large)
    append(store, large)

    with pytest.raises(Busy):
        append(store, b"x")

    attach(store, after=1, trim=True)
    append(store, large)
    assert [len(one) for one in data(read(store))] == [len(large)] * 2


def test_what_is_of_no_use_any_more_makes_room(store: Store) -> None:
    opened(store)
    over, open_ = a_call("over"), a_call("open")
    for call in (over, open_):
        store.begin_call(call, NOW)
        append(store, call.token.encode(), call=call.token, most=3)
    append(store, b"short", until=NOW + 1, most=3)
    end(store, over)

    assert append(store, b"new", now=NOW + 2, most=3) is not None

    assert data(read(store)) == [b"open", b"new"]


def test_expired_entries_are_not_read(store: Store) -> None:
    append(store, b"short", until=NOW + 1)
    append(store, b"long", until=NOW + 2)

    assert data(read(store, now=NOW + 1)) == [b"long"]
    assert read(store, now=NOW + 2) == Tail([], 2, Reader())


def test_the_reader_that_goes_is_away_until_another_comes(store: Store) -> None:
    attach(store)

    assert store.logs.detach(ID, "log", 1, NOW + 1)
    assert not store.logs.detach(ID, "log", 1, NOW + 2), "it was told before"
    assert read(store).away_since == NOW + 1

    tail = attach(store)
    assert tail.away_since is None
    assert tail.previous is None, "it had gone"
    assert read(store).away_since is None
    assert not store.logs.detach(ID, "log", 1, NOW + 2), "another has its place"
    assert not store.logs.detach(ID, "none", 1, NOW + 2)


def test_the_lambda_of_a_host_that_goes_expires_soon(store: Store) -> None:
    known = opened(store)
    attach(store, log=known.connection)

    assert store.logs.detach(ID, known.connection, 1, NOW, expires=NOW + 10)

    found = store.get_lambda(ID, NOW)
    assert found is not None
    assert found.expires == NOW + 10
    due = store.expire(GONE, LATE, NOW + 10)
    assert [one.lambda_.id for one in due.closed] == [ID]


@pytest.mark.parametrize(("log", "expires"), [("log", NOW + 10), ("connection-0", NOW + 1000)])
def test_a_lambda_is_not_touched_by_what_is_not_its(store: Store, log: str, expires: float) -> None:
    known = opened(store)
    attach(store, log=log)

    assert store.logs.detach(ID, log, 1, NOW, expires=expires)

    assert store.get_lambda(ID, NOW) == known


def test_numbers_are_given_once(store: Store, second: Store) -> None:
    at_once(
        lambda: [append(store) for _ in range(50)],
        lambda: [append(second) for _ in range(50)],
    )

    assert [entry.seq for entry in read(store).entries] == list(range(1, 101))


def test_each_entry_is_read_or_sent_to_the_reader(store: Store, second: Store) -> None:
    """Whoever attaches while others append misses nothing."""
    told: list[Appended | None] = []
    tails: list[Tail] = []

    at_once(
        lambda: told.extend(append(store) for _ in range(40)),
        lambda: tails.extend(attach(second, after=0) for _ in range(10)),
    )

    for tail in tails:
        seen = {entry.seq for entry in tail.entries}
        for one in told:
            assert one is not None
            assert one.seq in seen or one.reader.hold >= tail.reader.hold


def test_a_log_lives_as_long_as_it_was_asked_for(backend: Backend, store: Store) -> None:
    now = time.time()  # Redis counts by its own clock
    append(store, now=now, lives_s=5.0)
    attach(store, now=now, lives_s=0.1)
    store.expire(GONE, LATE, now + 1)
    assert read(store, now=now).last == 1

    store.expire(GONE, LATE, now + 6)

    assert backend.left() == []
