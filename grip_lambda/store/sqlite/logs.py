"""Logs in the embedded store."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from importlib import resources
from typing import Any

from ...errors import Busy
from ..facts import STEP_BYTES, STEP_MAX
from ..logs import BYTES_MAX, ENTRIES_MAX, FULL_S, Appended, Entry, Logs, Reader, Tail

TABLES = ("logs", "entries")
SCHEMA = resources.files(__package__).joinpath("logs.sql").read_text()

_READER = "hold, node, kind, seen, until"
_OURS = "lambda_id = ?1 AND log = ?2"
_USELESS = f"""
    seq IN (SELECT seq FROM entries WHERE {_OURS} ORDER BY seq LIMIT {ENTRIES_MAX})
    AND (expires <= ?3 OR call IS NOT NULL AND NOT EXISTS
        (SELECT 1 FROM calls WHERE token = entries.call AND status IS NULL))
"""
_ENTRIES = f"""
    SELECT seq, data FROM entries WHERE {_OURS} AND seq > ?3 AND seq <= ?4 AND expires > ?5
    ORDER BY seq LIMIT {STEP_MAX}
"""
_FIRST = f"seq IN (SELECT seq FROM entries WHERE {_OURS} ORDER BY seq LIMIT ?3)"


class SQLiteLogs(Logs):
    """Shares the file of a SQLiteStore."""

    def __init__(
        self,
        transaction: Callable[[], AbstractContextManager[sqlite3.Connection]],
        query: Callable[..., list[Any]],
    ) -> None:
        """Use a store's transactions, and its single statements."""
        self._transaction = transaction
        self._query = query

    def append(
        self,
        lambda_id: str,
        log: str,
        data: bytes,
        now: float,
        *,
        until: float,
        lives_s: float,
        connection: str | None = None,
        call: str | None = None,
        final: bool = False,
        most: int = ENTRIES_MAX,
        reserve: int = 0,
    ) -> Appended | None:
        ours = (lambda_id, log)
        with self._transaction() as db:
            if connection is not None and not _holds(db, lambda_id, connection, now):
                return None
            if call is not None and not _waits(db, lambda_id, call, now):
                return None
            if not _is_full(db, ours, len(data) + reserve, most, now):
                row = db.execute(
                    "INSERT INTO logs (lambda_id, log, last, count, bytes, final, expires)"
                    " VALUES (?1, ?2, 1, 1, ?3, ?4, ?5)"
                    " ON CONFLICT DO UPDATE SET last = last + 1, count = count + 1,"
                    " bytes = bytes + excluded.bytes, final = excluded.final,"
                    " expires = max(expires, excluded.expires) WHERE NOT final"
                    f" RETURNING last, {_READER}",
                    (*ours, len(data), final, now + lives_s),
                ).fetchall()
                if not row:
                    return None
                last, *reader = row[0]
                db.execute(
                    "INSERT INTO entries (lambda_id, log, seq, call, expires, data)"
                    " VALUES (?,?,?,?,?,?)",
                    (*ours, last, call, until, data),
                )
                return Appended(last, Reader(*reader))
        # Not within the transaction, which would be taken back: it is noted that the log is full.
        raise Busy("more is waiting for its reader than is kept; try again later")

    def attach(
        self,
        lambda_id: str,
        log: str,
        after: int,
        now: float,
        *,
        node: str,
        kind: str,
        until: float,
        lives_s: float,
        trim: bool = False,
    ) -> Tail:
        ours = (lambda_id, log)
        with self._transaction() as db:
            earlier = db.execute(
                f"SELECT {_READER} FROM logs WHERE {_OURS} AND hold > 0 AND away_since IS NULL",
                ours,
            ).fetchone()
            db.execute(
                "INSERT INTO logs (lambda_id, log, hold, node, kind, until, expires)"
                " VALUES (?1,?2,1,?3,?4,?5,?6)"
                " ON CONFLICT DO UPDATE SET hold = hold + 1, node = excluded.node,"
                " kind = excluded.kind, until = excluded.until, seen = last, away_since = NULL,"
                " expires = max(expires, excluded.expires)",
                (*ours, node, kind, until, now + lives_s),
            )
            if trim:
                _remove(db, ours, "seq <= ?3", after)
            tail = _tail(db, ours, after, now)
            assert tail is not None, "it was made above"
        tail = self._whole(ours, tail, now)
        return tail if earlier is None else replace(tail, previous=Reader(*earlier))

    def read(
        self, lambda_id: str, log: str, after: int, now: float, *, lives_s: float = 0.0
    ) -> Tail | None:
        ours = (lambda_id, log)
        with self._transaction() as db:
            if lives_s > 0:
                db.execute(
                    f"UPDATE logs SET expires = max(expires, ?3) WHERE {_OURS}",
                    (*ours, now + lives_s),
                )
            tail = _tail(db, ours, after, now)
        return None if tail is None else self._whole(ours, tail, now)

    def _whole(self, ours: tuple[str, str], tail: Tail, now: float) -> Tail:
        """Read on to the last entry that there was, step by step; later ones are published."""
        entries = list(tail.entries)
        page = entries
        while len(page) == STEP_MAX:
            found = self._query(_ENTRIES, *ours, page[-1].seq, tail.last, now)
            page = [Entry(*entry) for entry in found]
            entries += page
        return replace(tail, entries=entries)

    def detach(
        self, lambda_id: str, log: str, hold: int, now: float, *, expires: float | None = None
    ) -> bool:
        ours = (lambda_id, log)
        with self._transaction() as db:
            gone = db.execute(
                "UPDATE logs SET away_since = ?4"
                f" WHERE {_OURS} AND hold = ?3 AND away_since IS NULL RETURNING 1",
                (*ours, hold, now),
            ).fetchall()
            if gone and expires is not None:
                db.execute(
                    "UPDATE lambdas SET expires = min(expires, ?3)"
                    " WHERE id = ?1 AND connection = ?2",
                    (*ours, expires),
                )
            return bool(gone)


def expire(db: sqlite3.Connection, now: float) -> None:
    """Remove logs whose time is over, as much as one step may."""
    entries, size = 0, 0
    gone = "SELECT lambda_id, log FROM logs WHERE expires <= ? LIMIT ?"
    for ours in db.execute(gone, (now, STEP_MAX)).fetchall():
        room = STEP_MAX - entries
        if room <= 0 or size >= STEP_BYTES:
            break
        sizes = _remove(db, ours, _FIRST, room)
        entries, size = entries + len(sizes), size + sum(sizes)
        if len(sizes) < room:
            db.execute(f"DELETE FROM logs WHERE {_OURS}", ours)


def _holds(db: sqlite3.Connection, lambda_id: str, connection: str, now: float) -> bool:
    found = db.execute(
        "SELECT 1 FROM lambdas WHERE id = ? AND connection = ? AND expires > ?",
        (lambda_id, connection, now),
    )
    return found.fetchone() is not None


def _waits(db: sqlite3.Connection, lambda_id: str, call: str, now: float) -> bool:
    found = db.execute(
        "SELECT 1 FROM calls WHERE token = ? AND lambda_id = ? AND status IS NULL AND due > ?",
        (call, lambda_id, now),
    )
    return found.fetchone() is not None


def _is_full(
    db: sqlite3.Connection, ours: tuple[str, str], more: int, most: int, now: float
) -> bool:
    """Tell whether a log takes no more; what is of no use any more makes room.

    That is looked for once in ``FULL_S`` seconds: it takes a look at all that the log has.
    """
    sizes = f"SELECT count, bytes, full_at FROM logs WHERE {_OURS}"
    for is_swept in (False, True):
        count, size, full_at = db.execute(sizes, ours).fetchone() or (0, 0, 0.0)
        if count < most and size + more <= BYTES_MAX:
            return False
        if 0 <= now - full_at < FULL_S and not is_swept:
            return True
        if not is_swept:
            _remove(db, ours, _USELESS, now)
    db.execute(f"UPDATE logs SET full_at = ?3 WHERE {_OURS}", (*ours, now))
    return True


def _remove(
    db: sqlite3.Connection, ours: tuple[str, str], condition: str, value: float | int
) -> list[int]:
    """Remove entries; return their sizes."""
    sizes = db.execute(
        f"DELETE FROM entries WHERE {_OURS} AND {condition} RETURNING length(data)",
        (*ours, value),
    ).fetchall()
    if sizes:
        db.execute(
            f"UPDATE logs SET count = count - ?3, bytes = bytes - ?4 WHERE {_OURS}",
            (*ours, len(sizes), sum(size for (size,) in sizes)),
        )
    return [size for (size,) in sizes]


def _tail(db: sqlite3.Connection, ours: tuple[str, str], after: int, now: float) -> Tail | None:
    row = db.execute(
        f"SELECT last, final, away_since, {_READER} FROM logs WHERE {_OURS}", ours
    ).fetchone()
    if row is None:
        return None
    last, final, away_since, *reader = row
    entries = db.execute(_ENTRIES, (*ours, after, last, now)).fetchall()
    known = [Entry(*entry) for entry in entries]
    return Tail(known, last, Reader(*reader), bool(final), away_since)
