"""Services in the embedded store: which hosts share a name, and whose turn it is."""

from __future__ import annotations

import sqlite3
from importlib import resources

import orjson

from ..facts import Lambda, Permit

TABLES = ("members", "turns")
SCHEMA = resources.files(__package__).joinpath("services.sql").read_text()

_OPEN = "lambdas.id = lambda_id AND lambdas.connection = members.connection AND expires > ?2"
_ALLOWED = """
    (?3 OR NOT members.private)
    AND (?4 IS NULL OR members.owner IN (SELECT value FROM json_each(?4)))
"""
#: Along the index, whose first row is nearly always the one.
_CHOOSE = f"""
    SELECT lambda_id FROM members INDEXED BY members_free
    WHERE service = ?1 AND (members.max_calls IS NULL OR in_flight < members.max_calls)
        AND {_ALLOWED} AND EXISTS (SELECT 1 FROM lambdas WHERE {_OPEN})
    ORDER BY in_flight, turn LIMIT 1
"""
_ANY = f"""
    SELECT {_ALLOWED} AS allowed FROM members JOIN lambdas ON {_OPEN}
    WHERE service = ?1 AND (?5 OR allowed) LIMIT 1
"""
#: A name without hosts is forgotten, and with it how often they were chosen.
_UNUSED = """
    DELETE FROM turns WHERE service IN (SELECT value FROM json_each(?))
    AND NOT EXISTS (SELECT 1 FROM members WHERE members.service = turns.service)
"""


def values_of(permit: Permit) -> tuple[bool, str | None]:
    """Return a permit as statements take it."""
    owners = None if permit.owners is None else orjson.dumps(list(permit.owners)).decode()
    return permit.private, owners


def join(db: sqlite3.Connection, opened: Lambda) -> None:
    """Enter a lambda that was opened, or renewed, into the services that it names."""
    db.execute("DELETE FROM members WHERE lambda_id = ?", (opened.id,))
    db.executemany(
        "INSERT INTO members"
        " (service, lambda_id, connection, owner, private, max_calls, in_flight, turn)"
        " SELECT ?1, ?2, ?3, ?4, ?5, ?6,"
        " (SELECT count(*) FROM calls WHERE lambda_id = ?2 AND connection = ?3"
        " AND status IS NULL), coalesce((SELECT turn FROM turns WHERE service = ?1), 0)",
        (
            (service, opened.id, opened.connection, opened.owner, opened.private, opened.max_calls)
            for service in opened.services
        ),
    )


def leave(db: sqlite3.Connection, closed: Lambda) -> None:
    """Forget what is known of the services of a lambda that was closed, if it was the last."""
    if closed.services:
        db.execute(_UNUSED, (orjson.dumps(closed.services).decode(),))


def choose(db: sqlite3.Connection, service: str, permit: Permit, now: float) -> str | None:
    """Return the host whose turn it is, which is then the last; None if none has room."""
    found = db.execute(_CHOOSE, (service, now, *values_of(permit))).fetchone()
    if found is None:
        return None
    db.execute(
        "INSERT INTO turns (service, turn) VALUES (?, 1) ON CONFLICT DO UPDATE SET turn = turn + 1",
        (service,),
    )
    db.execute(
        "UPDATE members SET turn = (SELECT turn FROM turns WHERE service = ?1)"
        " WHERE service = ?1 AND lambda_id = ?2",
        (service, found[0]),
    )
    return str(found[0])


def is_open(
    db: sqlite3.Connection, service: str, permit: Permit, now: float, *, for_all: bool
) -> bool:
    """Tell whether a service has a host that a caller may call, or any, ``for_all``."""
    values = (service, now, *values_of(permit), for_all)
    return db.execute(_ANY, values).fetchone() is not None
