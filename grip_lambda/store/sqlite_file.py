"""The file of the embedded store, and its transactions."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

from ..errors import StoreError
from . import sqlite_logs

_VERSION = 4
_BUSY_TIMEOUT_S = 5.0
_TABLES = ("lambdas", "remembered", "calls", "waits", *sqlite_logs.TABLES)
_LAMBDA = (
    "id, connection, node, code, generation, opened, expires, headers, methods, max_calls,"
    " transport, context, owner, private"
)


class SQLiteFile:
    """Keeps one connection per process; a lock makes its threads take turns.

    Write-ahead logging lets other processes read meanwhile. Nothing is synchronised to the disk:
    what a power failure could lose describes connections that it ended as well.
    """

    def __init__(self, path: str) -> None:
        """Open the file, or make it with its folder.

        Raises:
            StoreError: it can't be opened, or a later version wrote it.
        """
        self._lock = threading.Lock()
        try:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(
                path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
            )
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = OFF")
            self._create()
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"the store {path} can't be opened: {error}") from error

    def _create(self) -> None:
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version > _VERSION:
            raise StoreError(f"the store is of version {version}; remove its file to start anew")
        schema = resources.files(__package__).joinpath("schema.sql").read_text()
        schema += sqlite_logs.SCHEMA
        if version < _VERSION:  # it tells of connections only, which are opened again
            schema = "".join(f"DROP TABLE IF EXISTS {name};" for name in _TABLES) + schema
        self._db.executescript(f"BEGIN IMMEDIATE;{schema}PRAGMA user_version = {_VERSION};COMMIT;")

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold the write lock of the file for several statements."""
        with self._errors(), self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def _query(self, sql: str, *values: Any) -> list[Any]:
        """Run one statement, which is a transaction of its own."""
        with self._errors(), self._lock:
            return self._db.execute(sql, values).fetchall()

    @staticmethod
    @contextmanager
    def _errors() -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(f"the store failed: {error}") from error

    def is_reachable(self) -> bool:
        """Tell whether the file can be asked."""
        try:
            return bool(self._query("SELECT 1"))
        except StoreError:
            return False

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._db.close()
