"""The shared store: Redis or Valkey, one server or a cluster."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import astuple

import msgspec

from . import redis_logs
from .base import Store
from .facts import (
    ANYBODY,
    Call,
    Closed,
    Due,
    Earlier,
    Host,
    Lambda,
    Once,
    Outcome,
    Past,
    Permit,
    Wait,
)
from .redis_rows import call_of, calls_of, closed_of, facts_of, fields_of, lambda_of, wait_of
from .redis_server import RedisServer, prefix, shard_of

#: How long a key outlives what it describes, in seconds; as MARGIN of lua/common.lua.
_MARGIN_S = 60.0


class RedisStore(RedisServer, Store):
    """Keeps everything in a Redis that all processes share."""

    def __init__(self, url: str) -> None:
        """Connect when first asked.

        Args:
            url: ``redis://host:port/db``, or ``rediss://…`` for TLS.

        Raises:
            StoreError: the URL makes no sense.
        """
        super().__init__(url)
        self.logs = redis_logs.RedisLogs(self._run)

    def open_lambda(
        self, new: Lambda, disconnected: Outcome, now: float, *, take_over: bool
    ) -> Closed | None:
        replaceable = new.generation if take_over else ""
        terms = (new.connection, new.expires, new.opened, replaceable)
        ending = astuple(disconnected)
        return closed_of(self._run("open", new.id, now, *terms, *ending, *fields_of(new)))

    def get_lambda(self, lambda_id: str, now: float) -> Lambda | None:
        with self._asking():
            known = lambda_of(self._redis.hgetall(f"{shard_of(lambda_id)}:lambda:{lambda_id}"))
        return known if known is not None and known.expires > now else None

    def list_lambdas(self, now: float) -> list[Lambda]:
        with self._asking():
            ids = self._each_shard(lambda pipe, shard: pipe.zrange(f"{shard}:open", 0, -1))
            pipe = self._redis.pipeline(transaction=False)
            for one in [one.decode() for found in ids for one in found]:
                pipe.hgetall(f"{shard_of(one)}:lambda:{one}")
            known = [lambda_of(fields) for fields in pipe.execute()]
        listed = [one for one in known if one is not None and one.expires > now]
        return sorted(listed, key=lambda one: one.opened)

    def remembered(self, lambda_id: str, now: float) -> Past | None:
        shard = shard_of(lambda_id)
        with self._asking():
            names = ("generation", "owner", "until")
            generation, owner, _ = self._redis.hmget(f"{shard}:lambda:{lambda_id}", names)
            if generation is None:
                past = f"{shard}:past:{lambda_id}"
                generation, owner, until = self._redis.hmget(past, names)
                if until is None or float(until) <= now:
                    return None
        return Past(generation.decode(), (owner or b"").decode())

    def renew_lambda(self, lambda_id: str, connection: str, expires: float, now: float) -> bool:
        return bool(self._run("renew", lambda_id, now, connection, expires))

    def close_lambda(
        self, lambda_id: str, connection: str, disconnected: Outcome, now: float
    ) -> Closed | None:
        ending = astuple(disconnected)
        return closed_of(self._run("close", lambda_id, now, connection, *ending))

    def begin_call(
        self, call: Call, now: float, once: Once | None = None, permit: Permit = ANYBODY
    ) -> Host | Earlier:
        if call.is_kept:  # found without its lambda, whose shard it is in
            left_s = call.deadline - now + call.kept_s + _MARGIN_S
            with self._asking():
                self._redis.set(_pointer(call.token), call.lambda_id, px=int(left_s * 1000))
        terms = (call.token, call.deadline, call.kept_s, facts_of(call))
        unique = (once.key, once.fingerprint) if once is not None else ("", "")
        allowed = (int(permit.private), int(permit.owners is not None), *(permit.owners or ()))
        found = self._run("begin", call.lambda_id, now, *terms, *unique, *allowed)
        if len(found) == 2:
            return Earlier(found[0].decode(), found[1].decode())
        connection, node, code = (text.decode() for text in found[:3])
        transport, context = found[3:]
        known = (transport or b"websocket").decode()
        return Host(connection, node, code, known, context == b"1")

    def end_calls(
        self, lambda_id: str, connection: str, outcomes: Mapping[str, Outcome], now: float
    ) -> list[Call]:
        flat = [x for token, one in outcomes.items() for x in (token, *astuple(one))]
        by = secrets.token_hex(8)
        return calls_of(lambda_id, self._run("end", lambda_id, now, connection, by, *flat))

    def get_call(
        self, lambda_id: str, token: str, now: float
    ) -> tuple[Call, Outcome | None] | None:
        key = f"{shard_of(lambda_id)}:call:{lambda_id}:{token}"
        with self._asking():
            found = self._redis.hmget(key, "facts", "status", "body", "extra", "until")
        facts, status, body, extra, until = found
        if facts is None or (until is not None and float(until) <= now):
            return None
        call = call_of(lambda_id, token, facts)
        return call, None if status is None else Outcome(int(status), body, extra)

    def find_call(self, token: str, now: float) -> tuple[Call, Outcome | None] | None:
        with self._asking():
            lambda_id = self._redis.get(_pointer(token))
        found = self.get_call(lambda_id.decode(), token, now) if lambda_id else None
        return found if found is not None and found[0].is_kept else None

    def cancel_call(
        self, lambda_id: str, token: str, cancelled: Outcome, now: float, *, ended_too: bool
    ) -> tuple[Call, str | None] | None:
        by = secrets.token_hex(8)
        terms = (token, by, *astuple(cancelled), int(ended_too))
        found = self._run("cancel", lambda_id, now, *terms)
        if not found:
            return None
        return call_of(lambda_id, token, found[0]), found[1].decode() or None

    def free_key(self, lambda_id: str, token: str) -> None:
        with self._asking():
            once = self._redis.hget(f"{shard_of(lambda_id)}:call:{lambda_id}:{token}", "once")
            if once is not None:
                self._redis.delete(once)

    def wait_for(self, wait: Wait, now: float) -> tuple[Call, Outcome | None] | None:
        facts = msgspec.json.encode((wait.node, wait.deadline, wait.kind))
        self._run("wait", wait.lambda_id, now, wait.call, wait.token, wait.deadline, facts)
        return self.get_call(wait.lambda_id, wait.call, now)

    def take_waits(self, lambda_id: str, token: str) -> list[Wait]:
        flat = self._run("take_waits", lambda_id, 0.0, token)
        return [
            wait_of(lambda_id, token, flat[n].decode(), flat[n + 1]) for n in range(0, len(flat), 2)
        ]

    def expire(
        self,
        disconnected: Outcome,
        overdue: Outcome,
        now: float,
        limit: int = 500,
        spare_s: float = 0.0,
    ) -> Due:
        waits: list[Wait] = []
        closed: list[Closed] = []
        calls: list[Call] = []
        outcomes = (*astuple(disconnected), *astuple(overdue), spare_s)
        with self._asking():
            firsts = self._each_shard(
                lambda pipe, shard: pipe.zrange(f"{shard}:due", 0, 0, withscores=True)
            )
        for number, first in enumerate(firsts):
            left = limit - len(closed) - len(calls)
            if left > 0 and first and first[0][1] <= now:
                gone, late, ended = self._script("expire", prefix(number), now, left, *outcomes)
                closed += [one for one in map(closed_of, gone) if one is not None]
                for n in range(0, len(late), 3):
                    calls += calls_of(late[n].decode(), late[n + 1 : n + 3])
                for n in range(0, len(ended), 4):
                    lambda_id, call, token = (text.decode() for text in ended[n : n + 3])
                    waits.append(wait_of(lambda_id, call, token, ended[n + 3]))
        return Due(closed, calls, waits)

    def drop_node(self, node: str, disconnected: Outcome, now: float) -> list[Closed]:
        closed = [
            self.close_lambda(known.id, known.connection, disconnected, now)
            for known in self.list_lambdas(0.0)
            if known.node == node and known.transport == "websocket"
        ]
        return [one for one in closed if one is not None]


def _pointer(token: str) -> str:
    return f"gl:kept:{token}"
