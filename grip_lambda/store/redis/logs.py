"""Logs in the shared store: a hash and a stream each, in the shard of their lambda."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Any, Protocol

from ..logs import BYTES_MAX, ENTRIES_MAX, Appended, Entry, Logs, Reader, Tail

#: The scripts, each of which is given lua/logs.lua beside lua/common.lua.
SCRIPTS = ("log_append", "log_attach", "log_read", "log_detach")


class _Run(Protocol):
    def __call__(self, name: str, lambda_id: str, now: float, *values: Any) -> Any: ...


class RedisLogs(Logs):
    """Runs its scripts on a RedisStore."""

    def __init__(self, run: _Run) -> None:
        """Use a store's scripts."""
        self._run = run

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
        conditions = (connection or "", call or "", int(final), most, BYTES_MAX - reserve)
        by = secrets.token_hex(8)
        found = self._run("log_append", lambda_id, now, log, by, data, until, lives_s, *conditions)
        return None if found is None else Appended(found[0], _reader(found[1]))

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
        by = secrets.token_hex(8)
        values = (log, by, node, kind, until, after, lives_s, int(trim))
        found, earlier = self._run("log_attach", lambda_id, now, *values)
        previous = _reader(earlier) if earlier and earlier[0] > 0 else None
        return replace(self._whole(lambda_id, log, found, now), previous=previous)

    def read(
        self, lambda_id: str, log: str, after: int, now: float, *, lives_s: float = 0.0
    ) -> Tail | None:
        found = self._run("log_read", lambda_id, now, log, after, lives_s, "")
        return None if found is None else self._whole(lambda_id, log, found, now)

    def _whole(self, lambda_id: str, log: str, found: Any, now: float) -> Tail:
        """Read on to the last entry that there was, step by step; later ones are published."""
        tail = _tail(found)
        entries = list(tail.entries)
        while found is not None and 0 < found[5] < tail.last:
            found = self._run("log_read", lambda_id, now, log, found[5], 0.0, tail.last)
            entries += [] if found is None else _tail(found).entries
        return replace(tail, entries=entries)

    def detach(
        self, lambda_id: str, log: str, hold: int, now: float, *, expires: float | None = None
    ) -> bool:
        end = "" if expires is None else expires
        return bool(self._run("log_detach", lambda_id, now, log, hold, end))


def _reader(found: Any) -> Reader:
    hold, node, kind, seen, until = found
    return Reader(hold, node.decode(), kind.decode(), seen, float(until))


def _tail(found: Any) -> Tail:
    last, final, away, reader, flat = found[:5]
    entries = [Entry(flat[n], flat[n + 1]) for n in range(0, len(flat), 2)]
    return Tail(entries, last, _reader(reader), final == b"1", float(away) if away else None)
