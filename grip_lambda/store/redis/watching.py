"""What the shared store knows for whoever watches."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

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
from .records import lambda_of
from .server import RedisServer, prefix, shard_of


class RedisWatching(RedisServer, WatchedStore):
    """The verbs of a store for whoever watches."""

    def count_calls(self, counts: Sequence[Count], now: float) -> None:
        of_shard: defaultdict[str, list[Any]] = defaultdict(list)
        for one in counts:
            of_shard[shard_of(one.lambda_id)] += [
                *(one.lambda_id, one.connection, one.since, one.calls, one.errors),
                *(one.total_ms, one.max_ms, one.last),
            ]
        for shard, values in of_shard.items():
            self._script("count", shard, now, *values)

    def watched(self, now: float, lambda_id: str | None = None) -> list[Watched]:
        names = self._open() if lambda_id is None else [lambda_id]
        found = []
        for some in _steps(names):
            with self._asking():
                pipe = self._redis.pipeline(transaction=False)
                for name in some:
                    pipe.hgetall(f"{shard_of(name)}:lambda:{name}")
                    pipe.scard(f"{shard_of(name)}:waiting:{name}")
                rows = pipe.execute()
            for n in range(0, len(rows), 2):
                known = lambda_of(rows[n])
                if known is not None and known.expires > now:
                    found.append(Watched(known, *_figures(rows[n]), rows[n + 1]))
        return sorted(found, key=lambda one: one.lambda_.opened)

    def _open(self) -> list[str]:
        with self._asking():
            ids = self._each_shard(lambda pipe, shard: pipe.zrange(f"{shard}:open", 0, -1))
        return [one.decode() for found in ids for one in found]

    def census(self, now: float) -> Census:
        lambdas: Counter[tuple[str, str]] = Counter()
        in_flight = 0
        for some in _steps(self._open()):
            with self._asking():
                pipe = self._redis.pipeline(transaction=False)
                for name in some:
                    pipe.hmget(f"{shard_of(name)}:lambda:{name}", "node", "transport", "expires")
                    pipe.scard(f"{shard_of(name)}:waiting:{name}")
                rows = pipe.execute()
            for n in range(0, len(rows), 2):
                node, transport, expires = rows[n]
                if expires is not None and float(expires) > now:
                    lambdas[node.decode(), (transport or b"websocket").decode()] += 1
                    in_flight += rows[n + 1]
        return Census(lambdas, in_flight)

    def used_keys(self, used: Mapping[str, float], now: float) -> dict[str, float]:
        flat = [x for pair in used.items() for x in pair]
        found = self._script("used_keys", prefix(0), now, now - USED_S, *flat)
        return {found[n].decode(): float(found[n + 1]) for n in range(0, len(found), 2)}

    def keep_bodies(self, bodies: Iterable[Bodies], now: float) -> None:
        for one in bodies:
            fields: list[Any] = ["lambda_id", one.lambda_id]
            if one.body is not None:
                fields += ["body", one.body, "body_size", one.body_size]
            if one.result is not None:
                fields += ["result", one.result, "result_size", one.result_size]
            self._script("bodies", prefix(0), now, one.name, BODIES_MAX, BODIES_S, *fields)

    def bodies(self, name: str, now: float) -> Bodies | None:
        with self._asking():
            found = self._redis.hmget(
                f"{prefix(0)}:body:{name}",
                *("lambda_id", "body", "body_size", "result", "result_size"),
            )
        lambda_id, body, body_size, result, result_size = found
        if lambda_id is None:
            return None
        sizes = int(body_size or 0), int(result_size or 0)
        return Bodies(name, lambda_id.decode(), body, sizes[0], result, sizes[1])

    def with_bodies(self, now: float) -> set[str]:
        with self._asking():
            found = self._redis.zrangebyscore(f"{prefix(0)}:bodies", now - BODIES_S, "+inf")
        return {name.decode() for name in found}

    def version(self) -> tuple[str, str]:
        with self._asking():
            told = self._redis.info("server")
        if "redis_version" not in told:  # of a cluster, for each server
            told = next(iter(told.values()), {})
        return "redis", str(told.get("valkey_version") or told.get("redis_version", ""))


def _figures(fields: Mapping[bytes, bytes]) -> tuple[int, int, float, float, float]:
    calls, errors = (int(fields.get(name, 0)) for name in (b"calls", b"errors"))
    total, most, last = (
        float(fields.get(name, 0)) for name in (b"total_ms", b"max_ms", b"last_call")
    )
    return calls, errors, total, most, last


def _steps(names: Sequence[str]) -> Iterator[Sequence[str]]:
    for begin in range(0, len(names), STEP_MAX):
        yield names[begin : begin + STEP_MAX]
