"""The embedded store: one SQLite file, shared by the processes of one machine."""

from __future__ import annotations

import sqlite3
import time
from dataclasses import astuple
from typing import Any

from ...errors import Forbidden
from ..facts import (
    CLIENTS_MAX,
    REMEMBERED_S,
    STEP_MAX,
    STEP_S,
    Call,
    Callee,
    Closed,
    Due,
    Host,
    Lambda,
    Past,
    Population,
    Wait,
)
from ..links import Link
from ..outcome import Outcome
from ..unix_link import UnixLink
from . import logs, services
from .calls import CALL, WAIT, SQLiteCalls
from .rows import LAMBDA, PLACES, lambda_of, values_of
from .watching import SQLiteWatching


class SQLiteStore(SQLiteCalls, SQLiteWatching):
    """A store for one machine."""

    def __init__(self, path: str) -> None:
        """Open the file, or make it with its folder.

        Raises:
            StoreError: it can't be opened, or a later version wrote it.
        """
        super().__init__(path)
        self.logs = logs.SQLiteLogs(self._transaction, self._query)

    def link(self) -> Link:
        return UnixLink()

    def open_lambda(
        self, new: Lambda, disconnected: Outcome, now: float, *, take_over: bool
    ) -> Closed | None:
        with self._transaction() as db:
            rows = db.execute(f"SELECT {LAMBDA} FROM lambdas WHERE id = ?", (new.id,)).fetchall()
            previous = lambda_of(rows[0]) if rows else None
            closed = None
            if previous is not None and previous.connection != new.connection:
                may_replace = take_over and previous.generation == new.generation
                if not may_replace and previous.expires > now:
                    raise Forbidden("this lambda is open; reopening it takes its token")
                closed = _close(db, previous, disconnected, now)
            db.execute(
                f"INSERT OR REPLACE INTO lambdas ({LAMBDA}) VALUES ({PLACES})",
                values_of(new),
            )
            services.join(db, new)
            _remember(db, new, now)
        return self._finish(closed, disconnected, now)

    def get_lambda(self, lambda_id: str, now: float) -> Lambda | None:
        rows = self._query(
            f"SELECT {LAMBDA} FROM lambdas WHERE id = ? AND expires > ?", lambda_id, now
        )
        return lambda_of(rows[0]) if rows else None

    def find_callee(self, lambda_id: str, now: float) -> Callee | None:
        rows = self._query(
            "SELECT connection, node, code, transport, context, busy_until, max_calls, private,"
            " owner"
            " FROM lambdas WHERE id = ? AND expires > ?",
            lambda_id,
            now,
        )
        if not rows:
            return None
        connection, node, code, transport, context, busy, max_calls, private, owner = rows[0]
        host = Host(connection, node, code, transport, bool(context), busy)
        return Callee(host, max_calls, bool(private), owner)

    def list_lambdas(self, now: float) -> list[Lambda]:
        rows = self._query(f"SELECT {LAMBDA} FROM lambdas WHERE expires > ? ORDER BY opened", now)
        return [lambda_of(row) for row in rows]

    def list_service(self, service: str, now: float) -> list[Lambda]:
        rows = self._query(
            f"SELECT {LAMBDA} FROM lambdas"
            " WHERE id IN (SELECT lambda_id FROM members WHERE service = ?) AND expires > ?"
            " ORDER BY opened",
            service,
            now,
        )
        return [lambda_of(row) for row in rows]

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

    def take_turn(self, lambda_id: str, connection: str, seconds: float, now: float) -> float:
        rows = self._query(
            "UPDATE lambdas SET busy_until = max(busy_until, ?1) + ?2"
            " WHERE id = ?3 AND connection = ?4 RETURNING busy_until - ?2",
            now,
            seconds,
            lambda_id,
            connection,
        )
        return float(rows[0][0]) if rows else now

    def close_lambda(
        self, lambda_id: str, connection: str, disconnected: Outcome, now: float
    ) -> Closed | None:
        with self._transaction() as db:
            rows = db.execute(
                f"SELECT {LAMBDA} FROM lambdas WHERE id = ? AND connection = ?",
                (lambda_id, connection),
            ).fetchall()
            closed = _close(db, lambda_of(rows[0]), disconnected, now) if rows else None
        return self._finish(closed, disconnected, now)

    def _finish(self, closed: Closed | None, outcome: Outcome, now: float) -> Closed | None:
        """End the calls that closing a lambda has left, in steps of their own."""
        if closed is None or len(closed.calls) < STEP_MAX:
            return closed
        calls = list(closed.calls)
        while True:
            with self._transaction() as db:
                ended = _end_waiting(db, closed.lambda_, outcome, now)
            calls += ended
            if len(ended) < STEP_MAX:
                return Closed(closed.lambda_, calls)

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
            _forget(db, now)
            calls = db.execute(
                "UPDATE calls SET status = ?1, body = ?2, extra = ?3, due = ?4 + kept_s"
                " WHERE token IN"
                " (SELECT token FROM calls WHERE due <= ?4 AND status IS NULL LIMIT ?5)"
                f" RETURNING {CALL}",
                (*astuple(overdue), now, limit),
            ).fetchall()
            waits = db.execute(
                "DELETE FROM waits WHERE token IN"
                f" (SELECT token FROM waits WHERE deadline <= ? LIMIT ?) RETURNING {WAIT}",
                (now, limit),
            ).fetchall()
            gone = "SELECT id FROM lambdas WHERE expires <= ? LIMIT ?"
            if spare_s > 0:
                db.execute(
                    f"UPDATE lambdas SET expires = ? WHERE id IN ({gone})",
                    (now + spare_s, now, limit),
                )
                closed = []
            else:
                closed = _close_some(db, f"id IN ({gone})", (now, limit), disconnected, now)
        for n, one in enumerate(closed):
            closed[n] = self._finish(one, disconnected, now) or one
        return Due(closed, [Call(*row) for row in calls], [Wait(*row) for row in waits])

    def drop_node(self, node: str, disconnected: Outcome, now: float) -> list[Closed]:
        closed: list[Closed] = []
        which = f"node = ? AND transport = 'websocket' LIMIT {STEP_MAX}"
        while True:
            with self._transaction() as db:
                some = _close_some(db, which, (node,), disconnected, now)
            if not some:
                return closed
            closed += [self._finish(one, disconnected, now) or one for one in some]

    def population(self, now: float) -> Population:
        rows = self._query("SELECT count(*) FROM lambdas")
        clients = self._query(
            "SELECT client, count(*) AS open FROM lambdas GROUP BY client"
            " ORDER BY open DESC LIMIT ?",
            CLIENTS_MAX,
        )
        return Population(rows[0][0], dict(clients))

    def share(
        self, process: str, report: bytes, until: float, now: float, board: str = ""
    ) -> list[bytes]:
        if report:
            with self._transaction() as db:
                db.execute(
                    "INSERT OR REPLACE INTO reports (board, process, report, expires)"
                    " VALUES (?,?,?,?)",
                    (board, process, report, until),
                )
                db.execute("DELETE FROM reports WHERE expires <= ?", (now,))
        others = "SELECT report FROM reports WHERE board = ? AND process != ? AND expires > ?"
        return [row[0] for row in self._query(others, board, process, now)]


def _forget(db: sqlite3.Connection, now: float) -> None:
    """Remove what is kept no longer, as much as one step may."""
    until = time.monotonic() + STEP_S
    ended = db.execute(
        "SELECT token FROM calls WHERE due <= ? AND status IS NOT NULL LIMIT ?", (now, STEP_MAX)
    ).fetchall()
    for one in ended:  # to ask for their sizes would take as long as to remove them
        db.execute("DELETE FROM calls WHERE token = ?", one)
        if time.monotonic() > until:
            break
    db.execute(
        "DELETE FROM remembered WHERE id IN (SELECT id FROM remembered WHERE expires <= ? LIMIT ?)",
        (now, STEP_MAX),
    )
    logs.expire(db, now)


def _close_some(
    db: sqlite3.Connection, which: str, values: tuple[Any, ...], outcome: Outcome, now: float
) -> list[Closed]:
    """Close lambdas until as many calls have ended as one step may end."""
    closed: list[Closed] = []
    ended = 0
    for row in db.execute(f"SELECT {LAMBDA} FROM lambdas WHERE {which}", values).fetchall():
        if ended >= STEP_MAX:
            break
        closed.append(_close(db, lambda_of(row), outcome, now))
        ended += len(closed[-1].calls)
    return closed


def _close(db: sqlite3.Connection, gone: Lambda, outcome: Outcome, now: float) -> Closed:
    """Close a lambda and end its calls, as many as one step may."""
    db.execute("DELETE FROM lambdas WHERE id = ?", (gone.id,))
    services.leave(db, gone)
    _remember(db, gone, now)
    return Closed(gone, _end_waiting(db, gone, outcome, now))


def _end_waiting(db: sqlite3.Connection, gone: Lambda, outcome: Outcome, now: float) -> list[Call]:
    rows = db.execute(
        "UPDATE calls SET status = ?1, body = ?2, extra = ?3, due = ?4 + kept_s WHERE token IN"
        " (SELECT token FROM calls WHERE lambda_id = ?5 AND connection = ?6 AND status IS NULL"
        f" LIMIT ?7) RETURNING {CALL}",
        (*astuple(outcome), now, gone.id, gone.connection, STEP_MAX),
    ).fetchall()
    return [Call(*row) for row in rows]


def _remember(db: sqlite3.Connection, known: Lambda, now: float) -> None:
    db.execute(
        "INSERT OR REPLACE INTO remembered (id, generation, owner, expires) VALUES (?,?,?,?)",
        (known.id, known.generation, known.owner, now + REMEMBERED_S),
    )
