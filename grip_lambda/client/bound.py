"""A lambda, or a service, whose methods are called like those of an object."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from typing import Any, Protocol

from .addresses import service_address
from .answers import Answer
from .entries import Lambda
from .exchange import DEFAULT_WAIT_S


class _Client(Protocol):
    """What `Client` and `AsyncClient` have in common; the latter returns awaitables."""

    def call(self, lambda_id: str, method: str, body: Any = ..., wait: float = ...) -> Any: ...

    def submit(self, lambda_id: str, method: str, body: Any = ..., wait: float = ...) -> Any: ...

    def stream(self, lambda_id: str, method: str, body: Any = ..., wait: float = ...) -> Any: ...

    def describe(self, address: str) -> Any: ...

    def ask_all(self, name: str, method: str, body: Any = ..., wait: float = ...) -> Any: ...

    def hosts(self, name: str) -> Any: ...


class Bound:
    """A lambda. Each attribute that is no method of this class is one of the lambda.

    Of an `AsyncClient`, everything but `stream` returns an awaitable.

    Attributes:
        address: the id of the lambda, or ``service/<name>``.
        wait: the deadline of each call, in seconds.

    Usage::

        weather = client.bind("inRwcfvee17P85B8")
        print(weather.temperature(city="Oslo"))  # the body is {"city": "Oslo"}
        print(weather.temperature("Oslo"))  # the body is "Oslo"
        print(weather.call("call", "Oslo"))  # a method with the name of one that is here
    """

    def __init__(self, client: _Client, address: str, wait: float = DEFAULT_WAIT_S) -> None:
        self._client = client
        self.address = address
        self.wait = wait

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.address}>"

    def __getattr__(self, method: str) -> Callable[..., Any]:
        if method.startswith("_"):
            raise AttributeError(f"{method}: use call, if a method begins with an underscore")

        def calling(*body: Any, **members: Any) -> Any:
            return self.call(method, body_of(method, body, members))

        calling.__name__ = method
        return calling

    def call(self, method: str, body: Any = None, **options: Any) -> Any:
        """Call a method and return its result; see `Client.call` for options and errors."""
        return self._client.call(self.address, method, body, **self._options(options))

    def submit(self, method: str, body: Any = None, **options: Any) -> Any:
        """Begin a call and do not wait for it; see `Client.submit`."""
        return self._client.submit(self.address, method, body, **self._options(options))

    def stream(self, method: str, body: Any = None, **options: Any) -> Any:
        """Call a method and have what its host reports meanwhile; see `Client.stream`."""
        return self._client.stream(self.address, method, body, **self._options(options))

    def describe(self) -> Any:
        """Return what is known of the methods; see `Client.describe`."""
        return self._client.describe(self.address)

    def _options(self, options: dict[str, Any]) -> dict[str, Any]:
        return {"wait": self.wait, **options}


class _Named(Bound):
    """A service, whoever calls it."""

    def __init__(self, client: _Client, name: str, wait: float = DEFAULT_WAIT_S) -> None:
        super().__init__(client, service_address(name), wait)
        self.name = name


class Service(_Named):
    """A service: each call goes to one of its hosts.

    Attributes:
        name: that of the service.
        wait: the deadline of each call, in seconds.

    Usage::

        thumbnailer = client.service("thumbnailer")
        print(thumbnailer.resize(width=120))
        for answer in thumbnailer.all("version"):
            print(answer.id, answer.result)
    """

    def all(self, method: str, body: Any = None, **options: Any) -> Generator[Answer, None, None]:
        """Ask every host once, and iterate over their answers as they come.

        If the iterator is closed before the end, the calls of the other hosts are cancelled.

        Args:
            method, body, wait: as for `Client.call`.

        Raises:
            NotFound: no host is open.
            TooLarge: more than 1,000 are.
            LambdaError: as `Client.call`; that a host fails is told in its `Answer`.
        """
        answers: Generator[Answer, None, None] = self._client.ask_all(
            self.name, method, body, **self._options(options)
        )
        return answers

    def hosts(self) -> Sequence[Lambda]:
        """Return the lambdas of its hosts.

        Raises:
            NotFound: none is open.
            LambdaError: the server is out of reach, or does not allow it.
        """
        hosts: Sequence[Lambda] = self._client.hosts(self.name)
        return hosts


class AsyncService(_Named):
    """A service for callers in an event loop; as `Service`, with ``async for`` and ``await``."""

    def all(self, method: str, body: Any = None, **options: Any) -> AsyncGenerator[Answer, None]:
        """Ask every host once, and iterate over their answers; see `Service.all`."""
        answers: AsyncGenerator[Answer, None] = self._client.ask_all(
            self.name, method, body, **self._options(options)
        )
        return answers

    async def hosts(self) -> Sequence[Lambda]:
        """Return the lambdas of its hosts; see `Service.hosts`."""
        hosts: Sequence[Lambda] = await self._client.hosts(self.name)
        return hosts


def body_of(method: str, body: tuple[Any, ...], members: dict[str, Any]) -> Any:
    """Return the body of a call, from the arguments that it was made with.

    Raises:
        TypeError: there is more than one without a name, or also some with names.
    """
    if len(body) > 1 or (body and members):
        raise TypeError(f"{method} takes one value, or members of an object by their names")
    return body[0] if body else members or None
