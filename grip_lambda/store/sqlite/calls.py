"""Calls in the embedded store."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import astuple, replace
from typing import Any

from ...errors import Busy, Forbidden, NotFound, RateLimited
from ..base import Store
from ..facts import (
    ANYBODY,
    WAITS_MAX,
    Call,
    Chosen,
    Host,
    IdempotencyKey,
    KnownCall,
    Permit,
    SameCall,
    StoppedCall,
    Wait,
)
from ..outcome import Outcome
from . import services
from .file import SQLiteFile

CALL = (
    "token, lambda_id, node, deadline, kind, details, kept_s, created, key, client, about, service"
)
WAIT = "token, call, lambda_id, node, deadline, kind"
_BEGIN = f"""
    INSERT INTO calls ({CALL}, once, fingerprint, due, connection)
    SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?4, connection FROM lambdas
    WHERE id = ?2 AND expires > ?15 AND (?16 OR NOT private)
        AND (?17 IS NULL OR owner IN (SELECT value FROM json_each(?17)))
        AND (?18 IS NULL OR connection = ?18)
        AND (max_calls IS NULL OR max_calls >
        (SELECT count(*) FROM calls WHERE lambda_id = ?2 AND status IS NULL AND due > ?15))
    ON CONFLICT (token) DO UPDATE SET
        node = excluded.node, deadline = excluded.deadline, kind = excluded.kind,
        details = excluded.details, kept_s = excluded.kept_s, created = excluded.created,
        key = excluded.key, client = excluded.client, about = excluded.about,
        service = excluded.service, once = excluded.once,
        fingerprint = excluded.fingerprint, due = excluded.due,
        connection = excluded.connection, status = NULL, body = NULL, extra = NULL
        WHERE status IS NOT NULL AND lambda_id = excluded.lambda_id
    RETURNING connection,
        (SELECT node FROM lambdas WHERE id = ?2), (SELECT code FROM lambdas WHERE id = ?2),
        (SELECT transport FROM lambdas WHERE id = ?2), (SELECT context FROM lambdas WHERE id = ?2),
        (SELECT busy_until FROM lambdas WHERE id = ?2)
"""
_END = f"""
    UPDATE calls SET status = ?1, body = ?2, extra = ?3, due = ?4 + kept_s
    WHERE token = ?5 AND lambda_id = ?6 AND connection = ?7 AND status IS NULL AND due > ?4
    RETURNING {CALL}
"""


class SQLiteCalls(SQLiteFile, Store):
    """The verbs of a store that are about calls."""

    def begin_call(
        self,
        call: Call,
        now: float,
        idempotency_key: IdempotencyKey | None = None,
        permit: Permit = ANYBODY,
        *,
        connection: str | None = None,
    ) -> Host | SameCall:
        allowed = (*services.values_of(permit), connection)
        if idempotency_key is None:
            rows = self._query(_BEGIN, *astuple(call), None, None, now, *allowed)
        else:
            with self._transaction() as db:
                known = _same_call(db, call.lambda_id, idempotency_key.key, now)
                if known is not None:
                    return known
                values = (
                    *astuple(call),
                    idempotency_key.key,
                    idempotency_key.fingerprint,
                    now,
                    *allowed,
                )
                rows = db.execute(_BEGIN, values).fetchall()
        if rows:
            return _host(rows[0])
        called = self.find_callee(call.lambda_id, now)
        if called is None or connection not in (None, called.host.connection):
            raise NotFound("lambda not found")
        if not permit.allows(called):
            raise Forbidden("the lambda is not for this caller")
        raise Busy("the lambda has as many calls in flight as it takes; try again later")

    def begin_service_call(
        self,
        call: Call,
        now: float,
        idempotency_key: IdempotencyKey | None = None,
        permit: Permit = ANYBODY,
    ) -> Chosen | SameCall:
        once: tuple[str | None, str | None] = (None, None)
        with self._transaction() as db:
            if idempotency_key is not None:
                once = (idempotency_key.key, idempotency_key.fingerprint)
                known = _same_call_of_service(db, call.service, idempotency_key.key, now)
                if known is not None:
                    return known
            lambda_id = services.choose(db, call.service, permit, now)
            if lambda_id is not None:
                call = replace(call, lambda_id=lambda_id)
                values = (*astuple(call), *once, now, *services.values_of(permit), None)
                rows = db.execute(_BEGIN, values).fetchall()
                if rows:
                    return Chosen(call, _host(rows[0]))
            if services.is_open(db, call.service, permit, now, for_all=False):
                raise Busy("no host of this service has room; try again later")
            if services.is_open(db, call.service, permit, now, for_all=True):
                raise Forbidden("the service is not for this caller")
        raise NotFound("no host of this service is open")

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

    def get_call(self, lambda_id: str, token: str, now: float) -> KnownCall | None:
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
        return KnownCall(Call(*call), None if status is None else Outcome(status, body, extra))

    def hand_over(self, lambda_id: str, token: str, node: str, now: float) -> KnownCall | None:
        self._query(
            "UPDATE calls SET node = ? WHERE token = ? AND lambda_id = ? AND status IS NULL",
            node,
            token,
            lambda_id,
        )
        return self.get_call(lambda_id, token, now)

    def find_call(self, token: str, now: float) -> KnownCall | None:
        rows = self._query("SELECT lambda_id FROM calls WHERE token = ?", token)
        found = self.get_call(rows[0][0], token, now) if rows else None
        return found if found is not None and found.call.is_kept else None

    def cancel_call(
        self,
        lambda_id: str,
        token: str,
        cancelled: Outcome,
        now: float,
        *,
        ended_too: bool = False,
        unless_awaited: bool = False,
    ) -> StoppedCall | None:
        with self._transaction() as db:
            rows = db.execute(
                f"SELECT {CALL}, connection, status FROM calls"
                " WHERE token = ?1 AND lambda_id = ?2 AND (status IS NULL OR (?3 AND due > ?4))"
                " AND NOT (?5 AND EXISTS (SELECT 1 FROM waits WHERE call = ?1 AND lambda_id = ?2))",
                (token, lambda_id, ended_too, now, unless_awaited),
            ).fetchall()
            if not rows:
                return None
            *call, connection, status = rows[0]
            db.execute(
                "UPDATE calls SET status = ?, body = ?, extra = ?, due = ? + kept_s"
                " WHERE token = ?",
                (*astuple(cancelled), now, token),
            )
        return StoppedCall(Call(*call), connection if status is None else None)

    def free_key(self, lambda_id: str, token: str) -> None:
        self._query(
            "UPDATE calls SET once = NULL WHERE token = ? AND lambda_id = ?", token, lambda_id
        )

    def wait_for(self, wait: Wait, now: float) -> KnownCall | None:
        with self._transaction() as db:
            others = "SELECT count(*) FROM waits WHERE call = ? AND token != ?"
            if db.execute(others, (wait.call, wait.token)).fetchone()[0] >= WAITS_MAX:
                raise RateLimited("as many wait for this call as may; try again later")
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


def _host(row: tuple[Any, ...]) -> Host:
    connection, node, code, transport, context, busy = row
    return Host(connection, node, code, transport, bool(context), busy)


def _same_call_of_service(
    db: sqlite3.Connection, service: str, idempotency_key: str, now: float
) -> SameCall | None:
    """As ``_same_call``, whichever host the call was given to."""
    row = db.execute(
        "SELECT token, fingerprint, lambda_id, status IS NULL OR due > ? FROM calls"
        " WHERE service = ? AND service != '' AND once = ?",
        (now, service, idempotency_key),
    ).fetchone()
    if row is None:
        return None
    if row[3]:
        return SameCall(*row[:3])
    db.execute("DELETE FROM calls WHERE token = ?", (row[0],))
    return None


def _same_call(
    db: sqlite3.Connection, lambda_id: str, idempotency_key: str, now: float
) -> SameCall | None:
    """Find the call of a key; one that is kept no longer goes, so that the key is free."""
    row = db.execute(
        "SELECT token, fingerprint, status IS NULL OR due > ? FROM calls"
        " WHERE lambda_id = ? AND once = ?",
        (now, lambda_id, idempotency_key),
    ).fetchone()
    if row is None:
        return None
    if row[2]:
        return SameCall(row[0], row[1])
    db.execute("DELETE FROM calls WHERE token = ?", (row[0],))
    return None
