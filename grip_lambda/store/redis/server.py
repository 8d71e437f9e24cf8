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

from ... import metrics
from ...errors import Busy, Forbidden, NotFound, RateLimited, RequestError, StoreError
from ..breaker import Breaker
from ..patience import is_hasty
from . import logs

#: In how many parts the keys are spread over a cluster; may never change for a running one.
SHARDS = 32
#: What the scripts refuse with, by the first word.
_REFUSALS: Mapping[str, tuple[type[RequestError], str]] = {
    "FORBIDDEN": (Forbidden, "this lambda is open; reopening it takes its token"),
    "NOTFOUND": (NotFound, "lambda not found"),
    "REFUSED": (Forbidden, "the lambda is not for this caller"),
    "BUSY": (Busy, "the lambda has as many calls in flight as it takes; try again later"),
    "NOSERVICE": (NotFound, "no host of this service is open"),
    "REFUSEDSERVICE": (Forbidden, "the service is not for this caller"),
    "FULLSERVICE": (Busy, "no host of this service has room; try again later"),
    "CROWDED": (RateLimited, "as many wait for this call as may; try again later"),
    "FULL": (Busy, "more is waiting for its reader than is kept; try again later"),
}
_SCRIPTS = (
    "open",
    "renew",
    "close",
    "end_left",
    "begin",
    "end",
    "cancel",
    "hand_over",
    "take_turn",
    "wait",
    "take_waits",
    "expire",
    "mark",
    "share",
    "count",
    "service_state",
    "used_keys",
    "bodies",
)
_OF_SERVICES = (
    "service_join",
    "service_leave",
    "service_told",
    "service_choose",
    "service_unused",
)
#: A thread waits this long for an answer, once and once more, in seconds; then all fail fast.
_TIMEOUT_S = 1.0
#: One that is hasty waits so long, and once only; then those that are hasty fail fast.
_HASTY_S = 0.3
_RETRIES = 1
#: How long after a failure the server is tried again, in seconds.
_PAUSE_S = 0.3
#: How long what is written for a try is kept, in milliseconds.
_PROBE_MS = 1000
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
        self._hasty_breaker = Breaker(_PAUSE_S, time.monotonic)
        with self._asking():
            self._steady = _connect(url)
            self._hasty = _connect(url, gives_up_soon=True)
        folder = resources.files(__package__).joinpath("lua")
        common = folder.joinpath("common.lua").read_text()
        self._scripts = {
            name: self._steady.register_script(common + folder.joinpath(f"{name}.lua").read_text())
            for name in _SCRIPTS
        }
        for more, names in (("logs", logs.SCRIPTS), ("services", _OF_SERVICES)):
            before = common + folder.joinpath(f"{more}.lua").read_text()
            for name in names:
                script = before + folder.joinpath(f"{name}.lua").read_text()
                self._scripts[name] = self._steady.register_script(script)

    @property
    def _redis(self) -> Any:
        """The client for this thread: it waits as long as the thread's ``Patience`` says."""
        return self._hasty if is_hasty() else self._steady

    def is_reachable(self) -> bool:
        """Tell whether the server answers, and takes what is written: one that is full does not."""
        try:
            with self._asking():
                return bool(self._redis.ping() and self._redis.set("gl:probe", 1, px=_PROBE_MS))
        except StoreError:
            return False

    def close(self) -> None:
        """Let go of the server."""
        self._closed = True
        self._steady.close()
        self._hasty.close()

    def _run(self, name: str, lambda_id: str, now: float, *values: Any) -> Any:
        return self._script(name, shard_of(lambda_id), now, lambda_id, *values)

    def _script(self, name: str, shard: str, now: float, *values: Any) -> Any:
        """Run a script; floats keep all their digits."""
        plain = [repr(value) if isinstance(value, float) else value for value in (now, *values)]
        with self._asking():
            return self._scripts[name]([shard], plain, client=self._redis)

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
        breaker = self._hasty_breaker if is_hasty() else self._breaker
        if not breaker.may_try():
            raise StoreError("the store is out of reach; it is tried again in a moment")
        began = time.perf_counter()
        try:
            yield
        except redis.ResponseError as error:
            breaker.succeeded()
            refusal = _REFUSALS.get(str(error).partition(" ")[0])
            if refusal is not None:
                raise refusal[0](refusal[1]) from None
            metrics.STORE_ERRORS.inc()
            raise StoreError(f"the store failed: {error}") from error
        except (redis.RedisError, ValueError) as error:
            breaker.failed()
            metrics.STORE_ERRORS.inc()
            raise StoreError(f"the store is out of reach: {error}") from error
        except BaseException:
            breaker.succeeded()  # not its fault
            raise
        else:
            breaker.succeeded()
            metrics.STORE_SECONDS.note(time.perf_counter() - began)


def _connect(url: str, *, gives_up_soon: bool = False) -> Any:
    """Return a client for a server, or for the cluster that it belongs to.

    Args:
        gives_up_soon: whether it is for threads that are hasty.
    """
    is_cluster = url.partition("?")[2] == "cluster"
    timeout_s = _HASTY_S if gives_up_soon else _TIMEOUT_S
    if (
        gives_up_soon and is_cluster
    ):  # which does not tell a link that was cut from one that is silent
        timeout_s /= 1 + _RETRIES
    options: dict[str, Any] = {
        "socket_timeout": timeout_s,
        "socket_connect_timeout": timeout_s,
        "socket_keepalive": True,
    }
    if is_cluster:
        retry = Retry(ExponentialWithJitterBackoff(cap=0.4, base=0.05), _RETRIES)
        return RedisCluster.from_url(url.partition("?")[0], retry=retry, **options)
    again = (redis.ConnectionError,) if gives_up_soon else _AGAIN
    backoff = ExponentialWithJitterBackoff(cap=0.4, base=0.0 if gives_up_soon else 0.05)
    retry = Retry(backoff, _RETRIES, supported_errors=again)
    return redis.Redis.from_url(url, retry=retry, retry_on_error=list(again), **options)


def prefix(number: int) -> str:
    """Return what the keys of a shard begin with."""
    return f"gl:{{{number:02d}}}"


def shard_of(lambda_id: str) -> str:
    """Return what the keys of a lambda begin with."""
    return prefix(zlib.crc32(lambda_id.encode()) % SHARDS)
