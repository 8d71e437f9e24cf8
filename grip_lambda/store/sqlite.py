"""The embedded store: one SQLite file, shared by the processes of one machine."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import astuple
from importlib import resources
from pathlib import Path
from typing import Any

import orjson

from ..errors import Busy, Forbidden, NotFound, StoreError
from . import sqlite_logs
from .base import (
    ANYBODY,
    REMEMBERED_S,
    Call,
    Closed,
    Due,
    Earlier,
    Host,
    Lambda,
    Once,
    Outcome,
    Past,
    Permit,
    Store,
    Wait,
)

_VERSION = 4
_BUSY_TIMEOUT_S = 5.0
_TABLES = ("lambdas", "remembered", "calls", "waits", *sqlite_logs.TABLES)
_LAMBDA = (
    "id, connection, node, code, generation, opened, expires, headers, methods, max_calls,"
    " transport, context, owner, private"
)
_CALL = "token, lambda_id, node, deadline, kind, details, kept_s, created, key"
_WAIT = "token, call, lambda_id, node, deadline, kind"
_BEGIN = """
    INSERT INTO calls
        (token, lambda_id, node, deadline, kind, details, kept_s, created, key, once, fingerprint,
        due, connection)
    SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?4, connection FROM lambdas
    WHERE id = ?2 AND expires > ?12 AND (?13 OR NOT private)
        AND (?14 IS NULL OR owner IN (SELECT value FROM json_each(?14)))
        AND (max_calls IS NULL OR max_calls >
        (SELECT count(*) FROM calls WHERE lambda_id = ?2 AND status IS NULL))
    ON CONFLICT (token) DO UPDATE SET
        node = excluded.node, deadline = excluded.deadline, kind = excluded.kind,
        details = excluded.details, kept_s = excluded.kept_s, created = excluded.created,
        key = excluded.key, once = excluded.once, fingerprint = excluded.fingerprint,
        due = excluded.due,
        connection = excluded.connection, status = NULL, body = NULL, extra = NULL
        WHERE status IS NOT NULL AND lambda_id = excluded.lambda_id
    RETURNING connection,
        (SELECT node FROM lambdas WHERE id = ?2), (SELECT code FROM lambdas WHERE id = ?2),
        (SELECT transport FROM lambdas WHERE id = ?2), (SELECT context FROM lambdas WHERE id = ?2)
"""
_END = f"""
    UPDATE calls SET status = ?1, body = ?2, extra = ?3, due = ?4 + kept_s
    WHERE token = ?5 AND lambda_id = ?6 AND connection = ?7 AND status IS NULL AND due > ?4
    RETURNING {_CALL}
"""


class SQLiteStore(Store):
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
        self.logs = sqlite_logs.SQLiteLogs(self._transaction)
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

    def open_lambda(
        self, new: Lambda, disconnected: Outcome, now: float, *, take_over: bool
    ) -> Closed | None:
        with self._transaction() as db:
            rows = db.execute(f"SELECT {_LAMBDA} FROM lambdas WHERE id = ?", (new.id,)).fetchall()
            previous = _lambda(rows[0]) if rows else None
            closed = None
            if previous is not None and previous.connection != new.connection:
                may_replace = take_over and previous.generation == new.generation
                if not may_replace and previous.expires > now:
                    raise Forbidden("this lambda is open; reopening it takes its token")
                closed = _close(db, previous, disconnected, now)
            db.execute(
                f"INSERT OR REPLACE INTO lambdas ({_LAMBDA}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                _values(new),
            )
            _remember(db, new, now)
            return closed

    def get_lambda(self, lambda_id: str, now: float) -> Lambda | None:
        rows = self._query(
            f"SELECT {_LAMBDA} FROM lambdas WHERE id = ? AND expires > ?", lambda_id, now
        )
        return _lambda(rows[0]) if rows else None

    def list_lambdas(self, now: float) -> list[Lambda]:
        rows = self._query(f"SELECT {_LAMBDA} FROM lambdas WHERE expires > ? ORDER BY opened", now)
        return [_lambda(row) for row in rows]

    def remembered(self, lambda_id: str, now: float) -> Past | None:
        rows = self._query(
            "SELECT generation, owner FROM lambdas WHERE id = ?1 UNION ALL"
            " SELECT generation, owner FROM remembered WHERE id = ?1 AND expires > ?2",
            lambda_id,
            now,
        )
        return Past(*rows[0]) if rows else None

    def renew_lambda(self, lambda_id: str, connection: str, expires: float, now: float) -> bool:
        rows = self._query(
            "UPDATE lambdas SET expires = ? WHERE id = ? AND connection = ? RETURNING id",
            expires,
            lambda_id,
            connection,
        )
        return bool(rows)

    def close_lambda(
        self, lambda_id: str, connection: str, disconnected: Outcome, now: float
    ) -> Closed | None:
        with self._transaction() as db:
            rows = db.execute(
                f"SELECT {_LAMBDA} FROM lambdas WHERE id = ? AND connection = ?",
                (lambda_id, connection),
            ).fetchall()
            return _close(db, _lambda(rows[0]), disconnected, now) if rows else None

    def begin_call(
        self, call: Call, now: float, once: Once | None = None, permit: Permit = ANYBODY
    ) -> Host | Earlier:
        owners = None if permit.owners is None else orjson.dumps(list(permit.owners)).decode()
        allowed = (permit.private, owners)
        if once is None:
            rows = self._query(_BEGIN, *astuple(call), None, None, now, *allowed)
        else:
            with self._transaction() as db:
                known = _earlier(db, call.lambda_id, once.key, now)
                if known is not None:
                    return known
                values = (*astuple(call), once.key, once.fingerprint, now, *allowed)
                rows = db.execute(_BEGIN, values).fetchall()
        if rows:
            connection, node, code, transport, context = rows[0]
            return Host(connection, node, code, transport, bool(context))
        called = self.get_lambda(call.lambda_id, now)
        if called is None:
            raise NotFound("lambda not found")
        if not permit.allows(called):
            raise Forbidden("the lambda is not for this caller")
        raise Busy("the lambda has as many calls in flight as it takes; try again later")

    def end_calls(
        self, lambda_id: str, connection: str, outcomes: Mapping[str, Outcome], now: float
    ) -> list[Call]:
        values = [
            (one.status, one.body, one.extra, now, token, lambda_id, connection)
            for token, one in outcomes.items()
        ]
        if len(values) == 1:  # as a rule; one statement is a transaction of its own
            rows = self._query(_END, *values[0])
        else:
            with self._transaction() as db:
                rows = [row for each in values for row in db.execute(_END, each).fetchall()]
        return [Call(*row) for row in rows]

    def get_call(
        self, lambda_id: str, token: str, now: float
    ) -> tuple[Call, Outcome | None] | None:
        rows = self._query(
            f"SELECT {_CALL}, status, body, extra FROM calls WHERE token = ? AND lambda_id = ?"
            " AND (status IS NULL OR due > ?)",
            token,
            lambda_id,
            now,
        )
        if not rows:
            return None
        *call, status, body, extra = rows[0]
        return Call(*call), None if status is None else Outcome(status, body, extra)

    def find_call(self, token: str, now: float) -> tuple[Call, Outcome | None] | None:
        rows = self._query("SELECT lambda_id FROM calls WHERE token = ?", token)
        found = self.get_call(rows[0][0], token, now) if rows else None
        return found if found is not None and found[0].is_kept else None

    def cancel_call(
        self, lambda_id: str, token: str, cancelled: Outcome, now: float, *, ended_too: bool
    ) -> tuple[Call, str | None] | None:
        with self._transaction() as db:
            rows = db.execute(
                f"SELECT {_CALL}, connection, status FROM calls"
                " WHERE token = ? AND lambda_id = ? AND (status IS NULL OR (? AND due > ?))",
                (token, lambda_id, ended_too, now),
            ).fetchall()
            if not rows:
                return None
            *call, connection, status = rows[0]
            db.execute(
                "UPDATE calls SET status = ?, body = ?, extra = ?, due = ? + kept_s"
                " WHERE token = ?",
                (*astuple(cancelled), now, token),
            )
        return Call(*call), connection if status is None else None

    def free_key(self, lambda_id: str, token: str) -> None:
        self._query(
            "UPDATE calls SET once = NULL WHERE token = ? AND lambda_id = ?", token, lambda_id
        )

    def wait_for(self, wait: Wait, now: float) -> tuple[Call, Outcome | None] | None:
        with self._transaction() as db:
            db.execute(
                f"INSERT OR REPLACE INTO waits ({_WAIT}) SELECT ?,?,?,?,?,? WHERE EXISTS"
                " (SELECT 1 FROM calls WHERE token = ? AND lambda_id = ? AND status IS NULL)",
                (*astuple(wait), wait.call, wait.lambda_id),
            )
        return self.get_call(wait.lambda_id, wait.call, now)

    def take_waits(self, lambda_id: str, token: str) -> list[Wait]:
        rows = self._query(
            f"DELETE FROM waits WHERE call = ? AND lambda_id = ? RETURNING {_WAIT}",
            token,
            lambda_id,
        )
        return [Wait(*row) for row in rows]

    def expire(
        self,
        disconnected: Outcome,
        overdue: Outcome,
        now: float,
        limit: int = 500,
        spare_s: float = 0.0,
    ) -> Due:
        # Most of the time nothing is due: look before taking the write lock.
        due = self._query(
            "SELECT 1 WHERE EXISTS (SELECT 1 FROM calls WHERE due <= ?1)"
            " OR EXISTS (SELECT 1 FROM lambdas WHERE expires <= ?1)"
            " OR EXISTS (SELECT 1 FROM remembered WHERE expires <= ?1)"
            " OR EXISTS (SELECT 1 FROM waits WHERE deadline <= ?1)"
            " OR EXISTS (SELECT 1 FROM logs WHERE expires <= ?1)",
            now,
        )
        if not due:
            return Due([], [], [])
        with self._transaction() as db:
            db.execute("DELETE FROM calls WHERE due <= ? AND status IS NOT NULL", (now,))
            db.execute("DELETE FROM remembered WHERE expires <= ?", (now,))
            sqlite_logs.expire(db, now)
            calls = db.execute(
                "UPDATE calls SET status = ?1, body = ?2, extra = ?3, due = ?4 + kept_s"
                " WHERE token IN (SELECT token FROM calls WHERE due <= ?4 LIMIT ?5)"
                f" RETURNING {_CALL}",
                (*astuple(overdue), now, limit),
            ).fetchall()
            waits = db.execute(
                "DELETE FROM waits WHERE token IN"
                f" (SELECT token FROM waits WHERE deadline <= ? LIMIT ?) RETURNING {_WAIT}",
                (now, limit),
            ).fetchall()
            if spare_s > 0:
                db.execute(
                    "UPDATE lambdas SET expires = ? WHERE expires <= ?", (now + spare_s, now)
                )
            gone = db.execute(
                f"SELECT {_LAMBDA} FROM lambdas WHERE expires <= ? LIMIT ?", (now, limit)
            ).fetchall()
            closed = [_close(db, _lambda(row), disconnected, now) for row in gone]
        return Due(closed, [Call(*row) for row in calls], [Wait(*row) for row in waits])

    def drop_node(self, node: str, disconnected: Outcome, now: float) -> list[Closed]:
        with self._transaction() as db:
            rows = db.execute(
                f"SELECT {_LAMBDA} FROM lambdas WHERE node = ? AND transport = 'websocket'",
                (node,),
            ).fetchall()
            return [_close(db, _lambda(row), disconnected, now) for row in rows]

    def is_reachable(self) -> bool:
        try:
            return bool(self._query("SELECT 1"))
        except StoreError:
            return False

    def close(self) -> None:
        with self._lock:
            self._db.close()


def _close(db: sqlite3.Connection, gone: Lambda, outcome: Outcome, now: float) -> Closed:
    db.execute("DELETE FROM lambdas WHERE id = ?", (gone.id,))
    _remember(db, gone, now)
    rows = db.execute(
        "UPDATE calls SET status = ?, body = ?, extra = ?, due = ? + kept_s"
        f" WHERE lambda_id = ? AND status IS NULL RETURNING {_CALL}",
        (*astuple(outcome), now, gone.id),
    ).fetchall()
    return Closed(gone, [Call(*row) for row in rows])


def _earlier(db: sqlite3.Connection, lambda_id: str, once: str, now: float) -> Earlier | None:
    """Find the call of a key; one that is kept no longer goes, so that the key is free."""
    row = db.execute(
        "SELECT token, fingerprint, status IS NULL OR due > ? FROM calls"
        " WHERE lambda_id = ? AND once = ?",
        (now, lambda_id, once),
    ).fetchone()
    if row is None:
        return None
    if row[2]:
        return Earlier(row[0], row[1])
    db.execute("DELETE FROM calls WHERE token = ?", (row[0],))
    return None


def _remember(db: sqlite3.Connection, known: Lambda, now: float) -> None:
    db.execute(
        "INSERT OR REPLACE INTO remembered (id, generation, owner, expires) VALUES (?,?,?,?)",
        (known.id, known.generation, known.owner, now + REMEMBERED_S),
    )


def _values(lambda_: Lambda) -> tuple[Any, ...]:
    return (
        lambda_.id,
        lambda_.connection,
        lambda_.node,
        lambda_.code,
        lambda_.generation,
        lambda_.opened,
        lambda_.expires,
        orjson.dumps(lambda_.headers),
        None if lambda_.methods is None else orjson.dumps(lambda_.methods),
        lambda_.max_calls,
        lambda_.transport,
        lambda_.context,
        lambda_.owner,
        lambda_.private,
    )


def _lambda(row: tuple[Any, ...]) -> Lambda:
    known = dict(zip(_LAMBDA.split(", "), row, strict=True))
    known["headers"] = orjson.loads(known["headers"])
    if known["methods"] is not None:
        known["methods"] = orjson.loads(known["methods"])
    known["context"] = bool(known["context"])
    known["private"] = bool(known["private"])
    return Lambda(**known)
