"""A Redis or Valkey server, or a cluster of them, and the scripts that run there.

Every operation is one Lua script, so it happens whole or not at all. All keys of a lambda and its
calls are in one shard; lua/common.lua lists them. An operation that got no answer is sent again,
and each of them may be: it then finds what it did before.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import resources
from typing import Any

import redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.cluster import RedisCluster
from redis.retry import Retry

from ..errors import Busy, Forbidden, NotFound, RequestError, StoreError
from . import redis_logs
from .breaker import Breaker

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
#: How long after a failure the server is tried again, in seconds.
_PAUSE_S = 0.3
_AGAIN = (redis.ConnectionError, redis.TimeoutError, redis.BusyLoadingError)


class RedisServer:
    """A connection to the server that all processes share."""

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
        for name in redis_logs.SCRIPTS:
            script = common + folder.joinpath(f"{name}.lua").read_text()
            self._scripts[name] = self._redis.register_script(script)

    def is_reachable(self) -> bool:
        """Tell whether the server answers."""
        try:
            with self._asking():
                return bool(self._redis.ping())
        except StoreError:
            return False

    def close(self) -> None:
        """Let go of the server."""
        self._closed = True
        self._redis.close()

    def _run(self, name: str, lambda_id: str, now: float, *values: Any) -> Any:
        return self._script(name, shard_of(lambda_id), now, lambda_id, *values)

    def _script(self, name: str, shard: str, now: float, *values: Any) -> Any:
        """Run a script; floats keep all their digits."""
        plain = [repr(value) if isinstance(value, float) else value for value in (now, *values)]
        with self._asking():
            return self._scripts[name]([shard], plain)

    def _each_shard(self, ask: Callable[[Any, str], Any]) -> list[Any]:
        pipe = self._redis.pipeline(transaction=False)
        for number in range(SHARDS):
            ask(pipe, prefix(number))
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


def prefix(number: int) -> str:
    """Return what the keys of a shard begin with."""
    return f"gl:{{{number:02d}}}"


def shard_of(lambda_id: str) -> str:
    """Return what the keys of a lambda begin with."""
    return prefix(zlib.crc32(lambda_id.encode()) % SHARDS)
