"""The embedded store: one SQLite file, shared by the processes of one machine."""

from __future__ import annotations

import sqlite3
from dataclasses import astuple
from typing import Any

import orjson

from ..errors import Forbidden
from . import sqlite_logs
from .facts import REMEMBERED_S, Call, Closed, Due, Lambda, Outcome, Past, Wait
from .sqlite_calls import CALL, WAIT, SQLiteCalls

_LAMBDA = (
    "id, connection, node, code, generation, opened, expires, headers, methods, max_calls,"
    " transport, context, owner, private"
)


class SQLiteStore(SQLiteCalls):
    """A store for one machine."""

    def __init__(self, path: str) -> None:
        """Open the file, or make it with its folder.

        Raises:
            StoreError: it can't be opened, or a later version wrote it.
        """
        super().__init__(path)
        self.logs = sqlite_logs.SQLiteLogs(self._transaction)

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
                f" RETURNING {CALL}",
                (*astuple(overdue), now, limit),
            ).fetchall()
            waits = db.execute(
                "DELETE FROM waits WHERE token IN"
                f" (SELECT token FROM waits WHERE deadline <= ? LIMIT ?) RETURNING {WAIT}",
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


def _close(db: sqlite3.Connection, gone: Lambda, outcome: Outcome, now: float) -> Closed:
    db.execute("DELETE FROM lambdas WHERE id = ?", (gone.id,))
    _remember(db, gone, now)
    rows = db.execute(
        "UPDATE calls SET status = ?, body = ?, extra = ?, due = ? + kept_s"
        f" WHERE lambda_id = ? AND status IS NULL RETURNING {CALL}",
        (*astuple(outcome), now, gone.id),
    ).fetchall()
    return Closed(gone, [Call(*row) for row in rows])


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
