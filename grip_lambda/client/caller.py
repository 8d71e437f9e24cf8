"""Callers that block; async_caller.py has the same flows, awaited."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from typing import Any, Self, TypeVar

import httpx

from . import answers, exchange, watching
from .answers import Answer, AnswersState
from .bound import Bound, Service
from .caller_base import BaseCaller
from .entries import Lambda, ServiceEntry
from .exchange import DEFAULT_WAIT_S, Failure, Flow, Pause, Reply, Request, Terms
from .pending import PendingCall
from .stream_state import StreamState
from .streams import Stream
from .transport import failure_of, options, reply_of
from .watching import watch

T = TypeVar("T")


class Client(BaseCaller):
    """A caller. It may be shared by threads.

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
        ConfigError: the environment names a proxy that can't work.

    Usage::

        with Client("http://localhost:7999") as client:
            print(client.call("inRwcfvee17P85B8", "greet", {"name": "world"}, wait=10))
    """

    def _open(self, **options: Any) -> None:
        self._http = httpx.Client(**options)

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
            lambda_id: its id; or ``service/<name>`` for one of the hosts of a service.
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
        return Stream(self._http, self._server, StreamState(wanted, self.pauses()))

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

    def describe(self, address: str) -> dict[str, Any]:
        """Return what is known of the methods of a lambda: an OpenRPC document.

        Args:
            address: its id, or ``service/<name>`` for a service.

        Raises:
            NotFound: it is not open.
            LambdaError: the server is out of reach, or does not allow it.
        """
        return self.run(exchange.description(address, self.pauses()))

    def bind(self, lambda_id: str, wait: float = DEFAULT_WAIT_S) -> Bound:
        """Return a lambda whose methods are called like those of an object.

        Args:
            lambda_id: its id, or ``service/<name>``.
            wait: the deadline of each call, in seconds.

        Usage::

            weather = client.bind("inRwcfvee17P85B8")
            print(weather.temperature(city="Oslo"))
        """
        return Bound(self, lambda_id, wait)

    def service(self, name: str, wait: float = DEFAULT_WAIT_S) -> Service:
        """Return a service whose methods are called like those of an object.

        Args:
            wait: the deadline of each call, in seconds.
        """
        return Service(self, name, wait)

    def services(self) -> Sequence[ServiceEntry]:
        """Return all services that have a host.

        Raises:
            LambdaError: the server is out of reach, or does not allow it.
        """
        return self.run(exchange.services(self.pauses()))

    def hosts(self, name: str) -> Sequence[Lambda]:
        """Return the lambdas of a service's hosts.

        Raises:
            NotFound: none is open.
            LambdaError: the server is out of reach, or does not allow it.
        """
        return self.run(exchange.hosts(name, self.pauses()))

    def ask_all(
        self, name: str, method: str, body: Any = None, wait: float = DEFAULT_WAIT_S
    ) -> Generator[Answer, None, None]:
        """Ask each host of a service once, and iterate over the answers; see `Service.all`."""
        state = AnswersState(answers.request(name, method, body, wait), self.pauses())
        return answers.ask(self._http, self._server, state)

    def status(self) -> dict[str, Any]:
        """Return the state of the deployment: Pushpins, backends, store, versions.

        Raises:
            LambdaError: the server is out of reach, or does not allow it.
        """
        return self.run(exchange.document("/status", self.pauses()))

    def events(self, lambda_id: str | None = None) -> Iterator[dict[str, Any]]:
        """Iterate over what happens, as it happens: ``opened``, ``closed``, ``call`` and ``ended``.

        Each is an object, with its name as ``event``; the first one is called ``watching``, and
        says that what happens from now on is told. It ends with an error, as the connection does.

        Args:
            lambda_id: only those of this lambda.

        Raises:
            LambdaError: the server does not allow it, or the connection was lost.
        """
        return watch(self._http, self._server, watching.request(lambda_id))

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
            return reply_of(self._http.request(**options(self._server, request)))
        except httpx.HTTPError as error:
            return failure_of(self._server, error)
