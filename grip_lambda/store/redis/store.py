"""The shared store: Redis or Valkey, one server or a cluster."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Mapping
from dataclasses import astuple, replace
from typing import Any

import msgspec

from ..base import Store
from ..facts import (
    ANYBODY,
    CLIENTS_MAX,
    STEP_MAX,
    WAITS_MAX,
    Call,
    Callee,
    Closed,
    Due,
    Host,
    IdempotencyKey,
    KnownCall,
    Lambda,
    Past,
    Permit,
    Population,
    SameCall,
    StoppedCall,
    Wait,
)
from ..links import Link
from ..outcome import Outcome
from .link import NearAndFar
from .logs import RedisLogs
from .records import call_of, calls_of, closed_of, facts_of, fields_of, host_of, lambda_of, wait_of
from .server import prefix, shard_of
from .services import RedisServices
from .watching import RedisWatching

#: How long a key outlives what it describes, in seconds; as MARGIN of lua/common.lua.
_MARGIN_S = 60.0


_CALLEE = (
    *("connection", "node", "code", "transport", "context", "busy_until"),
    *("max_calls", "private", "owner", "expires"),
)


class RedisStore(RedisServices, RedisWatching, Store):
    """Keeps everything in a Redis that all processes share."""

    def __init__(self, url: str) -> None:
        """Connect when first asked.

        Args:
            url: ``redis://host:port/db``, or ``rediss://…`` for TLS.

        Raises:
            StoreError: the URL makes no sense.
        """
        super().__init__(url)
        #: What the server was marked with when it was last asked.
        self._mark = ""
        self.logs = RedisLogs(self._run)

    def open_lambda(
        self, new: Lambda, disconnected: Outcome, now: float, *, take_over: bool
    ) -> Closed | None:
        replaceable = new.generation if take_over else ""
        terms = (new.connection, new.expires, new.opened, replaceable)
        values = (*terms, *astuple(disconnected), new.client, *fields_of(new))
        closed = self._whole(self._run("open", new.id, now, *values), disconnected, now)
        self._join(new, now)
        return closed

    def get_lambda(self, lambda_id: str, now: float) -> Lambda | None:
        with self._asking():
            known = lambda_of(self._redis.hgetall(f"{shard_of(lambda_id)}:lambda:{lambda_id}"))
        return known if known is not None and known.expires > now else None

    def find_callee(self, lambda_id: str, now: float) -> Callee | None:
        with self._asking():
            found = self._redis.hmget(f"{shard_of(lambda_id)}:lambda:{lambda_id}", _CALLEE)
        *host, max_calls, private, owner, expires = found
        if expires is None or float(expires) <= now:
            return None
        limit = None if max_calls is None else int(max_calls)
        return Callee(host_of(host), limit, private == b"1", (owner or b"").decode())

    def list_lambdas(self, now: float) -> list[Lambda]:
        with self._asking():
            ids = self._each_shard(lambda pipe, shard: pipe.zrange(f"{shard}:open", 0, -1))
            names = [one.decode() for found in ids for one in found]
            known = []
            for begin in range(0, len(names), STEP_MAX):
                pipe = self._redis.pipeline(transaction=False)
                for one in names[begin : begin + STEP_MAX]:
                    pipe.hgetall(f"{shard_of(one)}:lambda:{one}")
                known += [lambda_of(fields) for fields in pipe.execute()]
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
        told = self._run("renew", lambda_id, now, connection, expires)
        self._tell(told or (), now)
        return told is not None

    def take_turn(self, lambda_id: str, connection: str, seconds: float, now: float) -> float:
        start = self._run("take_turn", lambda_id, now, connection, seconds)
        return now if start is None else float(start)

    def close_lambda(
        self, lambda_id: str, connection: str, disconnected: Outcome, now: float
    ) -> Closed | None:
        ending = astuple(disconnected)
        found = self._run("close", lambda_id, now, connection, *ending)
        return self._whole(found, disconnected, now)

    def _whole(self, found: Any, outcome: Outcome, now: float) -> Closed | None:
        """Read what a script says of a lambda that it closed, and end the calls that it left."""
        closed = closed_of(found)
        if closed is not None:
            self._leave(closed.lambda_, now)
        if closed is None or len(closed.calls) < STEP_MAX:
            return closed
        calls = list(closed.calls)
        gone = closed.lambda_
        while True:
            values = (gone.connection, *astuple(outcome))
            ended = calls_of(gone.id, self._run("end_left", gone.id, now, *values))
            if not ended:
                return Closed(gone, calls)
            calls += ended

    def begin_call(
        self,
        call: Call,
        now: float,
        idempotency_key: IdempotencyKey | None = None,
        permit: Permit = ANYBODY,
        *,
        connection: str | None = None,
    ) -> Host | SameCall:
        if call.is_kept:  # found without its lambda, whose shard it is in
            left_s = call.deadline - now + call.kept_s + _MARGIN_S
            with self._asking():
                self._redis.set(_pointer(call.token), call.lambda_id, px=int(left_s * 1000))
        terms = (call.token, call.deadline, call.kept_s, facts_of(call))
        unique = (
            (idempotency_key.key, idempotency_key.fingerprint)
            if idempotency_key is not None
            else ("", "")
        )
        allowed = (
            connection or "",
            int(permit.private),
            int(permit.owners is not None),
            *(permit.owners or ()),
        )
        found = self._run("begin", call.lambda_id, now, *terms, *unique, *allowed)
        if len(found) == 2:
            return SameCall(found[0].decode(), found[1].decode())
        self._tell(found[6], now)
        return host_of(found[:6])

    def link(self) -> Link:
        return NearAndFar(self._redis)

    def end_calls(
        self, lambda_id: str, connection: str, outcomes: Mapping[str, Outcome], now: float
    ) -> list[Call]:
        flat = [x for token, one in outcomes.items() for x in (token, *astuple(one))]
        by = secrets.token_hex(8)
        ended, told = self._run("end", lambda_id, now, connection, by, *flat)
        self._tell(told, now)
        return calls_of(lambda_id, ended)

    def get_call(self, lambda_id: str, token: str, now: float) -> KnownCall | None:
        key = f"{shard_of(lambda_id)}:call:{lambda_id}:{token}"
        with self._asking():
            found = self._redis.hmget(key, "facts", "status", "body", "extra", "until")
        facts, status, body, extra, until = found
        if facts is None or (until is not None and float(until) <= now):
            return None
        call = call_of(lambda_id, token, facts)
        return KnownCall(call, None if status is None else Outcome(int(status), body, extra))

    def hand_over(self, lambda_id: str, token: str, node: str, now: float) -> KnownCall | None:
        known = self.get_call(lambda_id, token, now)
        if known is None or known.outcome is not None:
            return known
        facts = facts_of(replace(known.call, node=node))
        if self._run("hand_over", lambda_id, now, token, facts):
            return KnownCall(replace(known.call, node=node), None)
        return self.get_call(lambda_id, token, now)

    def find_call(self, token: str, now: float) -> KnownCall | None:
        with self._asking():
            lambda_id = self._redis.get(_pointer(token))
        found = self.get_call(lambda_id.decode(), token, now) if lambda_id else None
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
        by = secrets.token_hex(8)
        terms = (token, by, *astuple(cancelled), int(ended_too), int(unless_awaited))
        found = self._run("cancel", lambda_id, now, *terms)
        if not found:
            return None
        self._tell(found[2], now)
        return StoppedCall(call_of(lambda_id, token, found[0]), found[1].decode() or None)

    def free_key(self, lambda_id: str, token: str) -> None:
        with self._asking():
            idempotency_key = self._redis.hget(
                f"{shard_of(lambda_id)}:call:{lambda_id}:{token}", "once"
            )
            if idempotency_key is not None:
                self._redis.delete(idempotency_key)

    def wait_for(self, wait: Wait, now: float) -> KnownCall | None:
        facts = msgspec.json.encode((wait.node, wait.deadline, wait.kind))
        values = (wait.call, wait.token, wait.deadline, facts, WAITS_MAX)
        self._run("wait", wait.lambda_id, now, *values)
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
                values = (prefix(number), now, left, *outcomes)
                gone, late, ended, told = self._script("expire", *values)
                self._tell(told, now)
                found = [self._whole(one, disconnected, now) for one in gone]
                closed += [one for one in found if one is not None]
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
            if known.node == node and known.ends_with_its_node
        ]
        return [one for one in closed if one is not None]

    def population(self, now: float) -> Population:
        with self._asking():
            counts = self._each_shard(lambda pipe, shard: pipe.zcard(f"{shard}:open"))
            most = self._each_shard(
                lambda pipe, shard: pipe.zrange(
                    f"{shard}:clients", 0, CLIENTS_MAX - 1, desc=True, withscores=True
                )
            )
        clients: Counter[str] = Counter()
        for found in most:
            clients.update({client.decode(): int(number) for client, number in found})
        return Population(sum(counts), clients)

    def share(
        self, process: str, report: bytes, until: float, now: float, board: str = ""
    ) -> list[bytes]:
        return list(self._script("share", prefix(0), now, process, report, until, board))

    def lost_at(self, now: float) -> float:
        found = self._script("mark", prefix(0), now, self._mark, secrets.token_hex(8))
        self._mark = found[0].decode()
        return float(found[1])


def _pointer(token: str) -> str:
    return f"gl:kept:{token}"
