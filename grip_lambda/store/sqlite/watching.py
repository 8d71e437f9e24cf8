"""What the embedded store knows for whoever watches."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence

from ..facts import STEP_MAX
from ..watching import (
    BODIES_MAX,
    BODIES_S,
    USED_S,
    Bodies,
    Census,
    Count,
    Watched,
    WatchedStore,
)
from .file import SQLiteFile
from .rows import LAMBDA, lambda_of

_COUNT = """
    UPDATE lambdas SET calls = calls + ?4, errors = errors + ?5, total_ms = total_ms + ?6,
        max_ms = max(max_ms, ?7), last_call = max(last_call, ?8)
    WHERE id = ?1 AND (connection = ?2 OR (?2 = '' AND opened <= ?3))
"""
_WAITING = (
    "SELECT lambda_id, count(*) AS n FROM calls WHERE status IS NULL AND due > ?1"
    " GROUP BY lambda_id"
)
_FIGURES = "calls, errors, total_ms, max_ms, last_call, coalesce(n, 0)"


class SQLiteWatching(SQLiteFile, WatchedStore):
    """The verbs of a store for whoever watches."""

    def count_calls(self, counts: Sequence[Count], now: float) -> None:
        for begin in range(0, len(counts), STEP_MAX):
            with self._transaction() as db:
                db.executemany(_COUNT, (_values(one) for one in counts[begin : begin + STEP_MAX]))

    def watched(self, now: float, lambda_id: str | None = None) -> list[Watched]:
        rows = self._query(
            f"SELECT {LAMBDA}, {_FIGURES} FROM lambdas LEFT JOIN ({_WAITING}) ON lambda_id = id"
            " WHERE expires > ?1 AND (?2 IS NULL OR id = ?2) ORDER BY opened",
            now,
            lambda_id,
        )
        return [Watched(lambda_of(row[:-6]), *row[-6:]) for row in rows]

    def census(self, now: float) -> Census:
        rows = self._query(
            "SELECT node, transport, count(*) FROM lambdas WHERE expires > ? GROUP BY 1, 2", now
        )
        waiting = self._query("SELECT count(*) FROM calls WHERE status IS NULL AND due > ?", now)
        lambdas = {(node, transport): count for node, transport, count in rows}
        return Census(lambdas, waiting[0][0])

    def used_keys(self, used: Mapping[str, float], now: float) -> dict[str, float]:
        if used:
            with self._transaction() as db:
                db.executemany(
                    "INSERT INTO used_keys (key, used) VALUES (?,?) ON CONFLICT (key)"
                    " DO UPDATE SET used = max(used, excluded.used)",
                    used.items(),
                )
                db.execute("DELETE FROM used_keys WHERE used <= ?", (now - USED_S,))
        return dict(self._query("SELECT key, used FROM used_keys"))

    def keep_bodies(self, bodies: Iterable[Bodies], now: float) -> None:
        with self._transaction() as db:
            for one in bodies:
                _keep(db, one, now)
            db.execute(
                "DELETE FROM bodies WHERE expires <= ?"
                " OR number <= (SELECT max(number) FROM bodies) - ?",
                (now, BODIES_MAX),
            )

    def bodies(self, name: str, now: float) -> Bodies | None:
        rows = self._query(
            "SELECT name, lambda_id, body, body_size, result, result_size FROM bodies"
            " WHERE name = ? AND expires > ?",
            name,
            now,
        )
        return Bodies(*rows[0]) if rows else None

    def with_bodies(self, now: float) -> set[str]:
        rows = self._query("SELECT name FROM bodies WHERE expires > ?", now)
        return {name for (name,) in rows}

    def version(self) -> tuple[str, str]:
        return "sqlite", sqlite3.sqlite_version


def _keep(db: sqlite3.Connection, one: Bodies, now: float) -> None:
    db.execute(
        "INSERT INTO bodies (name, lambda_id, body, body_size, result, result_size, expires)"
        " VALUES (?,?,?,?,?,?,?) ON CONFLICT (name) DO UPDATE SET"
        " body = coalesce(excluded.body, body), body_size = max(excluded.body_size, body_size),"
        " result = coalesce(excluded.result, result),"
        " result_size = max(excluded.result_size, result_size)",
        (
            one.name,
            one.lambda_id,
            one.body,
            one.body_size,
            one.result,
            one.result_size,
            now + BODIES_S,
        ),
    )


def _values(one: Count) -> tuple[object, ...]:
    return (
        one.lambda_id,
        one.connection,
        one.since,
        one.calls,
        one.errors,
        one.total_ms,
        one.max_ms,
        one.last,
    )
