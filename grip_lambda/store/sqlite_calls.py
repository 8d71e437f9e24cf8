"""Calls in the embedded store."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import astuple

import orjson

from ..errors import Busy, Forbidden, NotFound
from .base import Store
from .facts import ANYBODY, Call, Earlier, Host, Once, Outcome, Permit, Wait
from .sqlite_file import SQLiteFile

CALL = "token, lambda_id, node, deadline, kind, details, kept_s, created, key"
WAIT = "token, call, lambda_id, node, deadline, kind"
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
    RETURNING {CALL}
"""


class SQLiteCalls(SQLiteFile, Store):
    """The verbs of a store that are about calls."""

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
            f"SELECT {CALL}, status, body, extra FROM calls WHERE token = ? AND lambda_id = ?"
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
                f"SELECT {CALL}, connection, status FROM calls"
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
                f"INSERT OR REPLACE INTO waits ({WAIT}) SELECT ?,?,?,?,?,? WHERE EXISTS"
                " (SELECT 1 FROM calls WHERE token = ? AND lambda_id = ? AND status IS NULL)",
                (*astuple(wait), wait.call, wait.lambda_id),
            )
        return self.get_call(wait.lambda_id, wait.call, now)

    def take_waits(self, lambda_id: str, token: str) -> list[Wait]:
        rows = self._query(
            f"DELETE FROM waits WHERE call = ? AND lambda_id = ? RETURNING {WAIT}",
            token,
            lambda_id,
        )
        return [Wait(*row) for row in rows]


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
