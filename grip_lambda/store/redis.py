"""The shared store: Redis or Valkey, one server or a cluster.

Every operation is one Lua script, so it happens whole or not at all. All keys of a lambda and its
calls are in one shard; lua/common.lua lists them. An operation that got no answer is sent again,
and each of them may be: it then finds what it did before.
"""

from __future__ import annotations

import secrets
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import astuple
from importlib import resources
from typing import Any

import msgspec
import orjson
import redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.cluster import RedisCluster
from redis.retry import Retry

from ..errors import Busy, Forbidden, NotFound, RequestError, StoreError
from .base import (
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
    Store,
    Wait,
)
from .breaker import Breaker
from .redis_logs import SCRIPTS, RedisLogs

#: In how many parts the keys are spread over a cluster; may never change for a running one.
SHARDS = 32
#: What the scripts refuse with, by the first word.
_REFUSALS: Mapping[str, tuple[type[RequestError], str]] = {
    "FORBIDDEN": (Forbidden, "this lambda is open; reopening it takes its token"),
    "NOTFOUND": (NotFound, "lambda not found"),
    "REFUSED": (Forbidden, "the lambda is not for this caller"),
    "BUSY": (Busy, "the lambda has as many calls in flight as it takes; try again later"),
    "FULL": (Busy, "more is waiting for its reader than is kept; try again later"),
}
_SCRIPTS = ("open", "renew", "close", "begin", "end", "cancel", "wait", "take_waits", "expire")
#: A thread waits this long for an answer, once and once more, in seconds; then all fail fast.
_TIMEOUT_S = 1.0
_RETRIES = 1
#: How long a key outlives what it describes, in seconds; as MARGIN of lua/common.lua.
_MARGIN_S = 60.0
#: How long after a failure the server is tried again, in seconds.
_PAUSE_S = 0.3
_AGAIN = (redis.ConnectionError, redis.TimeoutError, redis.BusyLoadingError)


class RedisStore(Store):
    """Keeps everything in a Redis that all processes share."""

    def __init__(self, url: str) -> None:
        """Connect when first asked.

        Args:
            url: ``redis://host:port/db``, or ``rediss://…`` for TLS.

        Raises:
            StoreError: the URL makes no sense.
        """
        self._closed = False
        self._breaker = Breaker(_PAUSE_S, time.monotonic)
        with self._asking():
            self._redis = _connect(url)
        folder = resources.files(__package__).joinpath("lua")
        common = folder.joinpath("common.lua").read_text()
        self._scripts = {
            name: self._redis.register_script(common + folder.joinpath(f"{name}.lua").read_text())
            for name in _SCRIPTS
        }
        common += folder.joinpath("logs.lua").read_text()
        for name in SCRIPTS:
            script = common + folder.joinpath(f"{name}.lua").read_text()
            self._scripts[name] = self._redis.register_script(script)
        self.logs = RedisLogs(self._run)

    def open_lambda(
        self, new: Lambda, disconnected: Outcome, now: float, *, take_over: bool
    ) -> Closed | None:
        replaceable = new.generation if take_over else ""
        terms = (new.connection, new.expires, new.opened, replaceable)
        ending = astuple(disconnected)
        return _closed(self._run("open", new.id, now, *terms, *ending, *_fields(new)))

    def get_lambda(self, lambda_id: str, now: float) -> Lambda | None:
        with self._asking():
            known = _lambda(self._redis.hgetall(f"{_shard(lambda_id)}:lambda:{lambda_id}"))
        return known if known is not None and known.expires > now else None

    def list_lambdas(self, now: float) -> list[Lambda]:
        with self._asking():
            ids = self._each_shard(lambda pipe, shard: pipe.zrange(f"{shard}:open", 0, -1))
            pipe = self._redis.pipeline(transaction=False)
            for one in [one.decode() for found in ids for one in found]:
                pipe.hgetall(f"{_shard(one)}:lambda:{one}")
            known = [_lambda(fields) for fields in pipe.execute()]
        listed = [one for one in known if one is not None and one.expires > now]
        return sorted(listed, key=lambda one: one.opened)

    def remembered(self, lambda_id: str, now: float) -> Past | None:
        shard = _shard(lambda_id)
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
        return _closed(self._run("close", lambda_id, now, connection, *ending))

    def begin_call(
        self, call: Call, now: float, once: Once | None = None, permit: Permit = ANYBODY
    ) -> Host | Earlier:
        if call.is_kept:  # found without its lambda, whose shard it is in
            left_s = call.deadline - now + call.kept_s + _MARGIN_S
            with self._asking():
                self._redis.set(_pointer(call.token), call.lambda_id, px=int(left_s * 1000))
        terms = (call.token, call.deadline, call.kept_s, _facts(call))
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
        return _calls(lambda_id, self._run("end", lambda_id, now, connection, by, *flat))

    def get_call(
        self, lambda_id: str, token: str, now: float
    ) -> tuple[Call, Outcome | None] | None:
        key = f"{_shard(lambda_id)}:call:{lambda_id}:{token}"
        with self._asking():
            found = self._redis.hmget(key, "facts", "status", "body", "extra", "until")
        facts, status, body, extra, until = found
        if facts is None or (until is not None and float(until) <= now):
            return None
        call = _call(lambda_id, token, facts)
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
        return _call(lambda_id, token, found[0]), found[1].decode() or None

    def free_key(self, lambda_id: str, token: str) -> None:
        with self._asking():
            once = self._redis.hget(f"{_shard(lambda_id)}:call:{lambda_id}:{token}", "once")
            if once is not None:
                self._redis.delete(once)

    def wait_for(self, wait: Wait, now: float) -> tuple[Call, Outcome | None] | None:
        facts = msgspec.json.encode((wait.node, wait.deadline, wait.kind))
        self._run("wait", wait.lambda_id, now, wait.call, wait.token, wait.deadline, facts)
        return self.get_call(wait.lambda_id, wait.call, now)

    def take_waits(self, lambda_id: str, token: str) -> list[Wait]:
        flat = self._run("take_waits", lambda_id, 0.0, token)
        return [
            _wait(lambda_id, token, flat[n].decode(), flat[n + 1]) for n in range(0, len(flat), 2)
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
                gone, late, ended = self._script("expire", _prefix(number), now, left, *outcomes)
                closed += [one for one in map(_closed, gone) if one is not None]
                for n in range(0, len(late), 3):
                    calls += _calls(late[n].decode(), late[n + 1 : n + 3])
                for n in range(0, len(ended), 4):
                    lambda_id, call, token = (text.decode() for text in ended[n : n + 3])
                    waits.append(_wait(lambda_id, call, token, ended[n + 3]))
        return Due(closed, calls, waits)

    def drop_node(self, node: str, disconnected: Outcome, now: float) -> list[Closed]:
        closed = [
            self.close_lambda(known.id, known.connection, disconnected, now)
            for known in self.list_lambdas(0.0)
            if known.node == node and known.transport == "websocket"
        ]
        return [one for one in closed if one is not None]

    def is_reachable(self) -> bool:
        try:
            with self._asking():
                return bool(self._redis.ping())
        except StoreError:
            return False

    def close(self) -> None:
        self._closed = True
        self._redis.close()

    def _run(self, name: str, lambda_id: str, now: float, *values: Any) -> Any:
        return self._script(name, _shard(lambda_id), now, lambda_id, *values)

    def _script(self, name: str, shard: str, now: float, *values: Any) -> Any:
        """Run a script; floats keep all their digits."""
        plain = [repr(value) if isinstance(value, float) else value for value in (now, *values)]
        with self._asking():
            return self._scripts[name]([shard], plain)

    def _each_shard(self, ask: Callable[[Any, str], Any]) -> list[Any]:
        pipe = self._redis.pipeline(transaction=False)
        for number in range(SHARDS):
            ask(pipe, _prefix(number))
        return list(pipe.execute())

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Turn what the driver and the scripts raise into our own errors."""
        if self._closed:
            raise StoreError("the store is closed")
        if not self._breaker.may_try():
            raise StoreError("the store is out of reach; it is tried again in a moment")
        try:
            yield
        except redis.ResponseError as error:
            self._breaker.succeeded()
            refusal = _REFUSALS.get(str(error).partition(" ")[0])
            if refusal is not None:
                raise refusal[0](refusal[1]) from None
            raise StoreError(f"the store failed: {error}") from error
        except (redis.RedisError, ValueError) as error:
            self._breaker.failed()
            raise StoreError(f"the store is out of reach: {error}") from error
        except BaseException:
            self._breaker.succeeded()  # not its fault
            raise
        else:
            self._breaker.succeeded()


def _connect(url: str) -> Any:
    """Return a client for a server, or for the cluster that it belongs to."""
    options: dict[str, Any] = {
        "socket_timeout": _TIMEOUT_S,
        "socket_connect_timeout": _TIMEOUT_S,
        "socket_keepalive": True,
    }
    retry = Retry(ExponentialWithJitterBackoff(cap=0.4, base=0.05), _RETRIES)
    if url.partition("?")[2] == "cluster":
        return RedisCluster.from_url(url.partition("?")[0], retry=retry, **options)
    return redis.Redis.from_url(url, retry=retry, retry_on_error=list(_AGAIN), **options)


def _prefix(number: int) -> str:
    return f"gl:{{{number:02d}}}"


def _shard(lambda_id: str) -> str:
    return _prefix(zlib.crc32(lambda_id.encode()) % SHARDS)


def _pointer(token: str) -> str:
    return f"gl:kept:{token}"


def _fields(known: Lambda) -> list[Any]:
    fields: dict[str, Any] = {
        "id": known.id,
        "connection": known.connection,
        "node": known.node,
        "code": known.code,
        "generation": known.generation,
        "opened": repr(known.opened),
        "expires": repr(known.expires),
        "headers": orjson.dumps(known.headers),
        "transport": known.transport,
        "context": int(known.context),
        "owner": known.owner,
        "private": int(known.private),
    }
    if known.methods is not None:
        fields["methods"] = orjson.dumps(known.methods)
    if known.max_calls is not None:
        fields["max_calls"] = known.max_calls
    return [x for pair in fields.items() for x in pair]


def _lambda(raw: Mapping[bytes, bytes]) -> Lambda | None:
    if not raw:
        return None
    fields = {name.decode(): value for name, value in raw.items()}
    texts = {
        name: fields[name].decode() for name in ("id", "connection", "node", "code", "generation")
    }
    # What an earlier version entered has not all of these.
    texts["transport"] = fields.get("transport", b"websocket").decode()
    texts["owner"] = fields.get("owner", b"").decode()
    return Lambda(
        **texts,
        opened=float(fields["opened"]),
        expires=float(fields["expires"]),
        headers=orjson.loads(fields["headers"]),
        methods=orjson.loads(fields["methods"]) if "methods" in fields else None,
        max_calls=int(fields["max_calls"]) if "max_calls" in fields else None,
        context=fields.get("context") == b"1",
        private=fields.get("private") == b"1",
    )


def _closed(found: Any) -> Closed | None:
    if not found:
        return None
    flat, calls = found
    gone = _lambda(dict(zip(flat[::2], flat[1::2], strict=True)))
    return None if gone is None else Closed(gone, _calls(gone.id, calls))


def _calls(lambda_id: str, flat: Sequence[bytes]) -> list[Call]:
    return [_call(lambda_id, flat[n].decode(), flat[n + 1]) for n in range(0, len(flat), 2)]


#: What is kept of a call that the scripts need not know: node, deadline, kind, details, kept_s,
#: created, key.
_Facts = tuple[str, float, str, str, float, float, str]
_decoder = msgspec.json.Decoder(_Facts)
_wait_decoder = msgspec.json.Decoder(tuple[str, float, str])


def _facts(call: Call) -> bytes:
    return msgspec.json.encode(astuple(call)[2:])


def _call(lambda_id: str, token: str, facts: bytes) -> Call:
    return Call(token, lambda_id, *_decoder.decode(facts))


def _wait(lambda_id: str, call: str, token: str, facts: bytes) -> Wait:
    return Wait(token, call, lambda_id, *_wait_decoder.decode(facts))
