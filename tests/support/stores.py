"""Stores that unit tests begin with."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from grip_lambda.store import Lambda, Outcome, Store, open_store


@contextmanager
def store_with_host(folder: Path, lambda_id: str) -> Iterator[Store]:
    """Open a store in which one lambda is open, on node ``n1`` by ``connection``."""
    opened = open_store(f"sqlite:///{folder / 'store.db'}")
    now = time.time()
    opened.open_lambda(
        Lambda(lambda_id, "connection", "n1", "json-rpc", "generation", now, now + 60),
        Outcome(200, b"1"),
        now,
        take_over=False,
    )
    yield opened
    opened.close()
