"""What is peculiar to the embedded store."""

from __future__ import annotations

import resource
import signal
import sqlite3
import stat
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from grip_lambda.errors import StoreError
from grip_lambda.protocol import ids
from grip_lambda.store import Outcome, Store, open_store
from grip_lambda.store.facts import STEP_MAX
from grip_lambda.store.patience import ANSWER_S, Patience
from tests.store.test_contract import GONE, LATE, NOW, OK, a_call, an_id, opened
from tests.support.stack import wait_until

LARGE = bytes(10_000_000)


def test_three_slashes_are_relative_and_four_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    open_store("sqlite:///a/relative.db").close()
    open_store(f"sqlite:///{tmp_path}/b/absolute.db").close()

    assert (tmp_path / "a" / "relative.db").exists()
    assert (tmp_path / "b" / "absolute.db").exists()


def test_the_file_of_an_earlier_version_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE lambdas (id TEXT)")
        db.execute("PRAGMA user_version = 1")

    store = open_store(f"sqlite:///{path}")

    assert store.list_lambdas(0.0) == []
    store.close()


def test_the_file_of_a_later_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 99")

    with pytest.raises(StoreError, match="version 99"):
        open_store(f"sqlite:///{path}")


def test_what_is_no_database_is_out_of_reach(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.write_bytes(b"hello" * 1000)

    with pytest.raises(StoreError):
        open_store(f"sqlite:///{path}")


def test_a_folder_that_cannot_be_made_is_out_of_reach(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(StoreError):
        open_store(f"sqlite:///{tmp_path}/file/store.db")


def test_its_files_are_for_their_owner_only(tmp_path: Path) -> None:
    with closing(open_store(f"sqlite:///{tmp_path}/data/store.db")) as store:
        assert store.is_reachable()
        files = list((tmp_path / "data").iterdir())
        assert {path.name for path in files} == {"store.db", "store.db-wal", "store.db-shm"}
        assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
        assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


def test_a_file_that_somebody_locks_is_out_of_reach(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with (
        closing(open_store(f"sqlite:///{path}")) as store,
        closing(sqlite3.connect(path, isolation_level=None)) as other,
    ):
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        assert not store.is_reachable()
        assert time.monotonic() - began < 3
        other.execute("ROLLBACK")
        wait_until(store.is_reachable)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Write to a file for as long as the context lasts, as a backup or a shell may."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        try:
            yield
        finally:
            other.execute("ROLLBACK")


def begins(store: Store, patience_s: float) -> float:
    """Return how long it takes until a call can't be entered."""
    began = time.monotonic()
    with Patience(patience_s), pytest.raises(StoreError):
        store.begin_call(a_call(ids.new_call_token()), NOW)
    return time.monotonic() - began


@pytest.mark.parametrize("patience_s", [0.1, 0.4, 1.0])
def test_each_thread_waits_for_a_locked_file_as_long_as_it_is_patient(
    tmp_path: Path, patience_s: float
) -> None:
    with closing(open_store(f"sqlite:///{tmp_path}/store.db")) as store:
        opened(store)
        with locked(tmp_path / "store.db"), ThreadPoolExecutor(32) as threads:
            took = list(threads.map(begins, [store] * 32, [patience_s] * 32))
    assert max(took) < patience_s + 0.4


def test_while_a_file_is_locked_it_can_be_read_and_writing_fails_at_once(tmp_path: Path) -> None:
    with closing(open_store(f"sqlite:///{tmp_path}/store.db")) as store:
        opened(store)
        with locked(tmp_path / "store.db"), ThreadPoolExecutor(1) as thread:
            waits = thread.submit(begins, store, 3.0)
            took = []
            while not waits.done():
                began = time.monotonic()
                assert store.find_callee(an_id(), NOW) is not None
                took.append(time.monotonic() - began)
                time.sleep(0.01)  # paces the asking
            assert waits.result() >= 3.0
            assert max(took) < 0.5
            assert begins(store, 1.0) < 0.5, "others need not find out again"


def test_who_is_patient_outlasts_a_lock_and_all_go_on_after_it(tmp_path: Path) -> None:
    with closing(open_store(f"sqlite:///{tmp_path}/store.db")) as store:
        opened(store)
        call = a_call("token")
        store.begin_call(call, NOW)

        def end() -> int:
            with Patience(ANSWER_S):
                return len(store.end_calls(an_id(), "connection-0", {"token": OK}, NOW))

        with ThreadPoolExecutor(1) as thread:
            with locked(tmp_path / "store.db"):
                ended = thread.submit(end)
                assert begins(store, 1.0) >= 0.5
            assert ended.result() == 1
        store.begin_call(a_call("another"), NOW)
        assert store.get_call(an_id(), "another", NOW) is not None


def test_a_file_that_can_not_grow_is_out_of_reach(tmp_path: Path) -> None:
    """As on a full disk: the limit is what the file has already."""
    store = open_store(f"sqlite:///{tmp_path}/store.db")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
        assert not store.is_reachable()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    wait_until(store.is_reachable)
    store.close()


def test_it_is_not_written_each_time_that_somebody_asks(tmp_path: Path) -> None:
    with closing(open_store(f"sqlite:///{tmp_path}/store.db")) as store:
        assert store.is_reachable()
        size = (tmp_path / "store.db-wal").stat().st_size
        assert all(store.is_reachable() for _ in range(100))
        assert (tmp_path / "store.db-wal").stat().st_size - size <= 4 * 4200


def test_a_file_that_is_gone_is_out_of_reach(tmp_path: Path) -> None:
    with closing(open_store(f"sqlite:///{tmp_path}/store.db")) as store:
        (tmp_path / "store.db").unlink()
        assert not store.is_reachable()
        assert not (tmp_path / "store.db").exists()


def free_pages(path: Path) -> int:
    with closing(sqlite3.connect(path)) as db:
        (count,) = db.execute("PRAGMA freelist_count").fetchone()
    return int(count)


@pytest.mark.parametrize("is_old", [False, True])
def test_the_file_shrinks_again(tmp_path: Path, is_old: bool) -> None:
    path = tmp_path / "store.db"
    if is_old:
        with closing(sqlite3.connect(path)) as db:
            db.execute("CREATE TABLE lambdas (id TEXT)")
            db.execute("PRAGMA user_version = 4")
    store = open_store(f"sqlite:///{path}")
    opened(store)
    for n in range(10):
        call = a_call(f"token-{n}")
        store.begin_call(call, NOW)
        store.end_calls(call.lambda_id, "connection-0", {call.token: Outcome(200, LARGE)}, NOW)
    full = path.stat().st_size
    assert full > 10 * len(LARGE)
    for _ in range(20):
        store.expire(GONE, LATE, NOW + 20)

    before = free_pages(path)
    store.compact()
    after_one_step = free_pages(path)
    for _ in range(before // 500):
        store.compact()

    assert before - after_one_step == 500, "a step is short"
    assert free_pages(path) <= 4096, "what is kept for what comes next"
    store.close()
    assert path.stat().st_size < full / 2


def test_a_step_removes_no_more_than_is_short(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = open_store(f"sqlite:///{path}")
    opened(store)
    for n in range(STEP_MAX + 1):
        store.begin_call(a_call(f"token-{n}"), NOW)
        store.end_calls(an_id(), "connection-0", {f"token-{n}": OK}, NOW)

    store.expire(GONE, LATE, NOW + 20)

    with closing(sqlite3.connect(path)) as db:
        (left,) = db.execute("SELECT count(*) FROM calls").fetchone()
    assert 1 <= left <= STEP_MAX, "fewer than at most if the machine is busy"
    store.close()


def test_large_results_do_not_slow_down_other_calls(tmp_path: Path) -> None:
    """A search for a token must not read the bodies that it comes past."""
    store = open_store(f"sqlite:///{tmp_path}/store.db")
    opened(store)

    def call() -> float:
        began = time.process_time()
        token = ids.new_call_token()
        store.begin_call(a_call(token), NOW)
        store.end_calls(an_id(), "connection-0", {token: OK}, NOW)
        return time.process_time() - began

    before = sum(call() for _ in range(100))
    for _ in range(15):
        token = ids.new_call_token()
        store.begin_call(a_call(token), NOW)
        store.end_calls(an_id(), "connection-0", {token: Outcome(200, LARGE)}, NOW)

    assert sum(call() for _ in range(100)) < 10 * before + 0.1
    store.close()
