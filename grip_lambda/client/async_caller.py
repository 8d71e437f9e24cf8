"""Callers in an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Any, Self, TypeVar

import httpx

from . import answers, exchange, watching
from .answers import Answer, AnswersState
from .bound import AsyncService, Bound
from .caller_base import BaseCaller
from .entries import Lambda, ServiceEntry
from .exchange import DEFAULT_WAIT_S, Failure, Flow, Pause, Reply, Request, Terms
from .pending import AsyncPendingCall
from .stream_state import StreamState
from .streams import AsyncStream
from .transport import failure_of, options, reply_of
from .watching import watch_async

T = TypeVar("T")


class AsyncClient(BaseCaller):
    """A caller in an event loop; its methods raise what those of `Client` do.

    Args:
        url, headers, retries, key: as for `Client`.

    Usage::

        async with AsyncClient("http://localhost:7999") as client:
            print(await client.call("inRwcfvee17P85B8", "greet", {"name": "world"}, wait=10))
    """

    def _open(self, **options: Any) -> None:
        self._http = httpx.AsyncClient(**options)

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
        return AsyncStream(self._http, self._server, StreamState(wanted, self.pauses()))

    def pending(self, call_id: str) -> AsyncPendingCall:
        """Return a call that was submitted before, also by another program."""
        return AsyncPendingCall(self, call_id)

    async def list(self) -> list[Lambda]:
        """Return all lambdas that are open; see `Client.list`."""
        return await self.run(exchange.listing(self.pauses()))

    async def get(self, lambda_id: str) -> Lambda:
        """Return one lambda; see `Client.get`."""
        return await self.run(exchange.entry(lambda_id, self.pauses()))

    async def describe(self, address: str) -> dict[str, Any]:
        """Return what is known of the methods of a lambda; see `Client.describe`."""
        return await self.run(exchange.description(address, self.pauses()))

    def bind(self, lambda_id: str, wait: float = DEFAULT_WAIT_S) -> Bound:
        """Return a lambda whose methods are called like those of an object; see `Client.bind`."""
        return Bound(self, lambda_id, wait)

    def service(self, name: str, wait: float = DEFAULT_WAIT_S) -> AsyncService:
        """Return a service, to be called like an object; see `Client.service`."""
        return AsyncService(self, name, wait)

    async def services(self) -> Sequence[ServiceEntry]:
        """Return all services that have a host; see `Client.services`."""
        return await self.run(exchange.services(self.pauses()))

    async def hosts(self, name: str) -> Sequence[Lambda]:
        """Return the lambdas of a service's hosts; see `Client.hosts`."""
        return await self.run(exchange.hosts(name, self.pauses()))

    def ask_all(
        self, name: str, method: str, body: Any = None, wait: float = DEFAULT_WAIT_S
    ) -> AsyncGenerator[Answer, None]:
        """Ask each host of a service once, and iterate over the answers; see `Service.all`."""
        state = AnswersState(answers.request(name, method, body, wait), self.pauses())
        return answers.ask_async(self._http, self._server, state)

    async def status(self) -> dict[str, Any]:
        """Return the state of the deployment; see `Client.status`."""
        return await self.run(exchange.document("/status", self.pauses()))

    def events(self, lambda_id: str | None = None) -> AsyncIterator[dict[str, Any]]:
        """Iterate over what happens, as it happens; see `Client.events`."""
        return watch_async(self._http, self._server, watching.request(lambda_id))

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
            return reply_of(await self._http.request(**options(self._server, request)))
        except httpx.HTTPError as error:
            return failure_of(self._server, error)
