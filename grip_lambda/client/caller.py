"""Callers: the same flows, once with calls that block and once with calls that are awaited."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Self, TypeVar

import httpx

from . import exchange
from .addresses import USER_AGENT, base_url, key_headers
from .backoff import Backoff
from .exchange import DEFAULT_WAIT_S, Failure, Flow, Lambda, Pause, Pauses, Reply, Request, Terms
from .pending import AsyncPendingCall, PendingCall
from .stream_state import StreamState
from .streams import AsyncStream, Stream
from .transport import failure_of, options, reply_of

T = TypeVar("T")

#: Callers wait long, and many do: neither they nor the pool should be in each other's way.
_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=20)


class _Caller:
    """What both have in common.

    Args:
        url: the server; None for that of GRIP_LAMBDA_URL, or ``http://localhost:7999``.
        headers: more headers for each request.
        retries: how many times more a request is made that certainly reached no host: the
            server was out of reach (503, or no connection). With the jittered pauses between
            them, the default of 4 takes 3 s at most. What may have been delivered is never
            sent again.
        key: an API key; None for that of GRIP_LAMBDA_KEY, if there is one.

    Raises:
        ValueError: the address or the key makes no sense.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        retries: int = 4,
        key: str | None = None,
    ) -> None:
        self.url = base_url(url)
        self._retries = retries
        self._open({"User-Agent": USER_AGENT, **key_headers(key), **(headers or {})})

    def _open(self, headers: dict[str, str]) -> None:
        raise NotImplementedError

    def pauses(self) -> Pauses:
        """Return how long to wait before each further try."""
        backoff = Backoff(0.2, 1.6)
        return [backoff.next() for _ in range(self._retries)]


class Client(_Caller):
    """A caller. It may be shared by threads.

    Usage::

        with Client("http://localhost:7999") as client:
            print(client.call("inRwcfvee17P85B8", "greet", {"name": "world"}, wait=10))
    """

    def _open(self, headers: dict[str, str]) -> None:
        self._http = httpx.Client(headers=headers, limits=_LIMITS)

    def call(
        self,
        lambda_id: str,
        method: str,
        body: Any = None,
        wait: float = DEFAULT_WAIT_S,
        *,
        idempotency_key: str | None = None,
    ) -> Any:
        """Call a method of a lambda and return its result, decoded.

        Args:
            body: anything that can be written as JSON, 100,000 bytes at most.
            wait: the deadline in seconds, from 0.05 to 3600.
            idempotency_key: of the calls of a method with the same key within ten minutes one
                is made, and all get its answer. Such a call is made again by itself where the
                connection to the server was lost.

        Raises:
            RemoteError: the host answered with an error.
            NotFound, Busy, TooLarge, BadRequest, Unavailable: the host was not asked.
            Unauthorized, Forbidden: nor here; it takes an API key, or another one.
            Disconnected, DeadlineExceeded, ResultTooLarge, ServerError: it may have been.
            LambdaError: the base of all these, with a status, a code and ``may_have_run``.
            ValueError: ``wait`` makes no sense.
        """
        terms = Terms(wait, idempotency_key)
        return self.run(exchange.call(lambda_id, method, body, terms, self.pauses()))

    def submit(
        self,
        lambda_id: str,
        method: str,
        body: Any = None,
        wait: float = DEFAULT_WAIT_S,
        *,
        idempotency_key: str | None = None,
    ) -> PendingCall:
        """Begin a call and do not wait for it; its result is kept for ten minutes.

        Args:
            body: as for `call`, but 6 MB at most.

        Raises:
            NotFound, Busy, TooLarge, BadRequest, Unavailable: the host was not asked.
            LambdaError: the base of all these.
        """
        terms = Terms(wait, idempotency_key)
        flow = exchange.submit(lambda_id, method, body, terms, self.pauses())
        return PendingCall(self, self.run(flow))

    def stream(
        self,
        lambda_id: str,
        method: str,
        body: Any = None,
        wait: float = DEFAULT_WAIT_S,
        *,
        idempotency_key: str | None = None,
    ) -> Stream:
        """Call a method and have what its host reports meanwhile; use it as an iterator.

        Args:
            body, wait, idempotency_key: as for `call`.
        """
        wanted = exchange.request(lambda_id, method, body, Terms(wait, idempotency_key))
        return Stream(self._http, self.url, StreamState(wanted, self.pauses()))

    def pending(self, call_id: str) -> PendingCall:
        """Return a call that was submitted before, also by another program."""
        return PendingCall(self, call_id)

    def list(self) -> list[Lambda]:
        """Return all lambdas that are open.

        Raises:
            LambdaError: the server is out of reach, or does not allow it.
        """
        return self.run(exchange.listing(self.pauses()))

    def get(self, lambda_id: str) -> Lambda:
        """Return one lambda, with its methods if its host told them.

        Raises:
            NotFound: it is not open.
            LambdaError: the server is out of reach, or does not allow it.
        """
        return self.run(exchange.entry(lambda_id, self.pauses()))

    def delete(self, lambda_id: str, token: str = "") -> None:
        """Close a lambda; its host is told and does not open it again.

        Args:
            token: the one that it was opened with; not needed with an API key that may host.

        Raises:
            NotFound: it is not open.
            Forbidden: the token is not the one that it was opened with.
            LambdaError: the server is out of reach.
        """
        self.run(exchange.delete(lambda_id, token, self.pauses()))

    def close(self) -> None:
        """Close the connections to the server."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def run(self, flow: Flow[T]) -> T:
        """Do what a flow of exchange.py wants, and return what it returns."""
        outcome: Reply | Failure | None = None
        while True:
            try:
                step = flow.send(outcome)
            except StopIteration as end:
                result: T = end.value
                return result
            outcome = None
            if isinstance(step, Pause):
                time.sleep(step.seconds)
            else:
                outcome = self._request(step)

    def _request(self, request: Request) -> Reply | Failure:
        try:
            return reply_of(self._http.request(**options(self.url, request)))
        except httpx.HTTPError as error:
            return failure_of(error)


class AsyncClient(_Caller):
    """A caller in an event loop; its methods raise what those of `Client` do.

    Usage::

        async with AsyncClient("http://localhost:7999") as client:
            print(await client.call("inRwcfvee17P85B8", "greet", {"name": "world"}, wait=10))
    """

    def _open(self, headers: dict[str, str]) -> None:
        self._http = httpx.AsyncClient(headers=headers, limits=_LIMITS)

    async def call(
        self,
        lambda_id: str,
        method: str,
        body: Any = None,
        wait: float = DEFAULT_WAIT_S,
        *,
        idempotency_key: str | None = None,
    ) -> Any:
        """Call a method of a lambda and return its result; see `Client.call`."""
        terms = Terms(wait, idempotency_key)
        return await self.run(exchange.call(lambda_id, method, body, terms, self.pauses()))

    async def submit(
        self,
        lambda_id: str,
        method: str,
        body: Any = None,
        wait: float = DEFAULT_WAIT_S,
        *,
        idempotency_key: str | None = None,
    ) -> AsyncPendingCall:
        """Begin a call and do not wait for it; see `Client.submit`."""
        terms = Terms(wait, idempotency_key)
        flow = exchange.submit(lambda_id, method, body, terms, self.pauses())
        return AsyncPendingCall(self, await self.run(flow))

    def stream(
        self,
        lambda_id: str,
        method: str,
        body: Any = None,
        wait: float = DEFAULT_WAIT_S,
        *,
        idempotency_key: str | None = None,
    ) -> AsyncStream:
        """Call a method and have what its host reports meanwhile; see `Client.stream`."""
        wanted = exchange.request(lambda_id, method, body, Terms(wait, idempotency_key))
        return AsyncStream(self._http, self.url, StreamState(wanted, self.pauses()))

    def pending(self, call_id: str) -> AsyncPendingCall:
        """Return a call that was submitted before, also by another program."""
        return AsyncPendingCall(self, call_id)

    async def list(self) -> list[Lambda]:
        """Return all lambdas that are open; see `Client.list`."""
        return await self.run(exchange.listing(self.pauses()))

    async def get(self, lambda_id: str) -> Lambda:
        """Return one lambda; see `Client.get`."""
        return await self.run(exchange.entry(lambda_id, self.pauses()))

    async def delete(self, lambda_id: str, token: str = "") -> None:
        """Close a lambda; see `Client.delete`."""
        await self.run(exchange.delete(lambda_id, token, self.pauses()))

    async def close(self) -> None:
        """Close the connections to the server."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    async def run(self, flow: Flow[T]) -> T:
        """Do what a flow of exchange.py wants, and return what it returns."""
        outcome: Reply | Failure | None = None
        while True:
            try:
                step = flow.send(outcome)
            except StopIteration as end:
                result: T = end.value
                return result
            outcome = None
            if isinstance(step, Pause):
                await asyncio.sleep(step.seconds)
            else:
                outcome = await self._request(step)

    async def _request(self, request: Request) -> Reply | Failure:
        try:
            return reply_of(await self._http.request(**options(self.url, request)))
        except httpx.HTTPError as error:
            return failure_of(error)
