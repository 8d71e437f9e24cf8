"""The file of the embedded store, and its transactions."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

from ... import metrics
from ...errors import StoreError
from ..patience import left_s
from . import logs, services
from .file_turns import Turns, is_busy, suppress_busy

_VERSION = 8
#: How long somebody else may hold the file when it is opened, in seconds.
_OPEN_S = 5.0
#: Whether the file can be written is tried once in so many seconds, and waited for as long.
_PROBE_S = 1.0
_TABLES = (
    *("lambdas", "remembered", "calls", "waits", "reports", "used_keys", "bodies"),
    *logs.TABLES,
    *services.TABLES,
)
#: Columns that files of this version have not had from the beginning. Tables are only ever dropped
#: with a new version, whose lambdas are lost: their hosts have to open them again.
_ADDED = {
    "lambdas": {"services": "TEXT NOT NULL DEFAULT '[]'"},
    "calls": {"service": "TEXT NOT NULL DEFAULT ''"},
}
#: The value of ``auto_vacuum`` with which free pages are given back when that is asked for.
_INCREMENTAL = 2
#: So many free pages are kept, for what comes next; of more, so many are given back in one step.
_FREE_PAGES, _STEP_PAGES = 4096, 500
#: The write-ahead log is cut to so many bytes when it begins anew.
_WAL_BYTES = 16 * 1024 * 1024


class SQLiteFile:
    """Keeps one connection per process; a lock makes its threads take turns.

    The lock is held for a step only, never while another process writes: a thread that finds the
    file busy lets the others go on, and tries again as long as its ``Patience`` lasts.

    Write-ahead logging lets other processes read meanwhile. Nothing is synchronised to the disk:
    what a power failure could lose describes connections that it ended as well.
    """

    def __init__(self, path: str) -> None:
        """Open the file, or make it with its folder.

        Raises:
            StoreError: it can't be opened, or a later version wrote it.
        """
        self._lock = threading.Lock()
        self._path = Path(path).absolute()
        self._turns = Turns()
        self._probing = threading.Lock()
        self._probed = (False, 0.0)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # its log gets the same mode
            self._db = sqlite3.connect(
                path, timeout=_OPEN_S, isolation_level=None, check_same_thread=False
            )
            self._db.execute(f"PRAGMA auto_vacuum = {_INCREMENTAL}")  # of a file that is new
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES}")
            self._db.execute("PRAGMA synchronous = OFF")
            try:
                self._create()
            except sqlite3.OperationalError:  # another process was the first to add a column
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                self._create()
            self._db.execute("PRAGMA busy_timeout = 0")  # from now on it is not SQLite that waits
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"the store {path} can't be opened: {error}") from error

    def _create(self) -> None:
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version > _VERSION:
            raise StoreError(
                f"the store is of version {version}, this program reads {_VERSION}: upgrade it,"
                " or remove the store's file to start anew"
            )
        schema = resources.files(__package__).joinpath("schema.sql").read_text()
        schema += logs.SCHEMA + services.SCHEMA
        if version < _VERSION:  # it tells of connections only, which are opened again
            drop = "".join(f"DROP TABLE IF EXISTS {name};" for name in _TABLES)
            if self._pragma("auto_vacuum") != _INCREMENTAL:  # which an empty file takes up
                self._db.executescript(f"BEGIN IMMEDIATE;{drop}COMMIT;VACUUM;")
            schema = drop + schema
        else:
            schema = self._additions() + schema
        self._db.executescript(f"BEGIN IMMEDIATE;{schema}PRAGMA user_version = {_VERSION};COMMIT;")

    def _additions(self) -> str:
        """Return what gives a file of an earlier day the columns that it lacks."""
        return "".join(
            f"ALTER TABLE {table} ADD COLUMN {column} {kind};"
            for table, columns in _ADDED.items()
            if (known := {row[1] for row in self._db.execute(f"PRAGMA table_info({table})")})
            for column, kind in columns.items()
            if column not in known
        )

    def _pragma(self, name: str) -> int:
        (value,) = self._db.execute(f"PRAGMA {name}").fetchone()
        return int(value)

    def compact(self) -> None:
        """Give back some of the pages that are not used any more, unless the file is busy."""
        with self._errors(), self._lock:
            if self._pragma("freelist_count") > _FREE_PAGES:
                with suppress_busy():
                    # Which makes a row without columns for each page: of those execute reads one.
                    self._db.executescript(f"PRAGMA incremental_vacuum({_STEP_PAGES})")

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold the write lock of the file for several statements."""
        with self._errors():
            self._start("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
            finally:
                self._lock.release()

    def _query(self, sql: str, *values: Any) -> list[Any]:
        """Run one statement, which is a transaction of its own."""
        with self._errors():
            cursor = self._start(sql, values)
            try:
                return cursor.fetchall()
            finally:
                self._lock.release()

    def _start(self, sql: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Begin a statement, and take the lock, which is the caller's to release.

        Raises:
            StoreError: somebody else has the file, for longer than this thread is patient.
        """
        cursor = self._try(sql, values)
        if cursor is None:
            return self._turns.wait_for(lambda: self._try(sql, values))
        if self._turns.are_delayed and not sql.startswith("SELECT"):  # which others don't hinder
            self._turns.go_on()
        return cursor

    def _try(self, sql: str, values: Sequence[Any]) -> sqlite3.Cursor | None:
        """Begin a statement with the lock; None, and without it, if the file is busy."""
        if not self._lock.acquire(blocking=False) and not self._lock.acquire(timeout=left_s()):
            return None
        try:
            return self._db.execute(sql, values)
        except BaseException as error:
            self._lock.release()
            if not is_busy(error):
                raise
        return None

    @staticmethod
    @contextmanager
    def _errors() -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
            metrics.STORE_SECONDS.note(time.perf_counter() - began)
        except sqlite3.Error as error:
            metrics.STORE_ERRORS.inc()
            raise StoreError(f"the store failed: {error}") from error

    def is_reachable(self) -> bool:
        """Tell whether the file can be written: not if the disk is full or somebody locks it."""
        with self._probing:
            is_writable, until = self._probed
            if time.monotonic() >= until:
                is_writable = self._probe()
                self._probed = is_writable, time.monotonic() + _PROBE_S
            return is_writable

    def _probe(self) -> bool:
        """Write what is there already, by a connection of its own: it waits for no thread."""
        try:
            with closing(
                sqlite3.connect(f"{self._path.as_uri()}?mode=rw", timeout=_PROBE_S, uri=True)
            ) as db:
                db.execute("PRAGMA synchronous = OFF")
                db.execute(f"PRAGMA user_version = {_VERSION}")
        except sqlite3.Error:
            return False
        return True

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._db.close()
