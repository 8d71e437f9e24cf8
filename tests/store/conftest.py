"""Every store, to be asked the same questions."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from grip_lambda.store import Store, open_store
from tests.support.redis import RedisServer


@dataclass(frozen=True)
class Backend:
    """Where a store keeps its facts, and how to see what it left behind.

    Attributes:
        url: as in GRIP_LAMBDA_STORE.
        left: names what is kept, for the check that nothing stays.
    """

    url: str
    left: Callable[[], list[str]]


def _sqlite(folder: Path) -> Backend:
    path = folder / "data" / "store.db"

    def left() -> list[str]:
        with closing(sqlite3.connect(path)) as db:
            return [
                f"{table}: {row}"
                for table in ("lambdas", "calls", "remembered", "waits", "logs", "entries")
                for row in db.execute(f"SELECT * FROM {table}")
            ]

    return Backend(f"sqlite:///{path}", left)


def _redis(server: RedisServer) -> Backend:
    server.client.flushall()

    def left() -> list[str]:
        """Name what no lifetime ends, and what the indexes still hold."""
        kept = []
        for key in map(bytes.decode, server.client.keys()):
            if key.endswith((":due", ":open")):
                kept += [f"{key}: {member}" for member in server.client.zrange(key, 0, -1)]
            if server.client.pttl(key) < 0:
                kept.append(key)
        return kept

    return Backend(server.url, left)


SERVERS = [pytest.param(name, marks=pytest.mark.servers) for name in ("redis", "redis_cluster")]


@pytest.fixture(params=["sqlite", *SERVERS])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    if request.param == "sqlite":
        return _sqlite(tmp_path)
    server: RedisServer = request.getfixturevalue(
        "redis_server" if request.param == "redis" else "redis_cluster"
    )
    return _redis(server)


@pytest.fixture
def store(backend: Backend) -> Iterator[Store]:
    one = open_store(backend.url)
    yield one
    one.close()


@pytest.fixture
def second(backend: Backend, store: Store) -> Iterator[Store]:
    """Another handle on the same facts, as another process has."""
    other = open_store(backend.url)
    yield other
    other.close()
