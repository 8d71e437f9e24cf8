"""A client of Monologue: listeners that others call, and calls to theirs."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import math
import secrets
from collections.abc import Coroutine
from typing import Any, Self
from urllib.parse import urlsplit

from websockets.exceptions import ConnectionClosed, WebSocketException

from . import addresses, routing, sockets
from .addresses import base_url, websocket_url, without_secrets
from .backoff import Backoff
from .errors import (
    DeadlineExceeded,
    Disconnected,
    LambdaError,
    TooLarge,
    Unavailable,
)
from .listeners import Listeners
from .liveness import WatchedConnection
from .loss import Loss, lasting_error, loss_reason
from .routing import Identity
from .server import Server

log = logging.getLogger("grip_lambda.client")


class Monologue(Listeners):
    """A connection to other clients of Monologue, and to lambdas.

    It comes back by itself, under the same id, whenever the connection is lost. It is used in one
    event loop.

    Args:
        endpoint: the address, like ``ws://localhost:7999/monologue``; None for that at the
            server of GRIP_LAMBDA_URL.
        api_key: an API key that may host and call; None for that of GRIP_LAMBDA_KEY.
        timeout: how long connecting may take, and a call, in seconds.
        listeners: how many listeners there may be.

    Attributes:
        endpoint, timeout, listeners: as given.

    Raises:
        ValueError: one of these makes no sense.

    Usage::

        machine = Monologue("ws://localhost:7999/monologue")

        @machine.on("greet")
        async def greet(first, second):
            return f"hello {first} and {second}"

        await machine.connect()
        print(machine.connection_id, await machine.call(other_id, "greet", "you", "them"))
        await machine.close()
    """

    def __init__(
        self,
        endpoint: str | None = None,
        api_key: str | None = None,
        timeout: float = 15.0,
        listeners: int = 100,
    ) -> None:
        super().__init__(listeners)
        if not 0 < timeout < math.inf:
            raise ValueError("timeout is a number of seconds")
        if endpoint is None:
            endpoint = base_url(None) + routing.PATH
        base_url(endpoint.partition("?")[0])  # which checks it
        self.endpoint = websocket_url(endpoint) if endpoint.startswith("http") else endpoint
        self.timeout = timeout
        self.api_key = addresses.api_key(api_key)
        shown = {"x-api-key": self.api_key} if self.api_key else {}
        parts = urlsplit(endpoint)
        self._server = Server(f"{parts.scheme}://{parts.netloc}", key="", headers=shown)
        self._me: Identity | None = None
        self._socket: WatchedConnection | None = None
        self._up = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closed = False
        self._error: LambdaError | None = None
        self._calls: dict[str, asyncio.Future[Any]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._numbers = itertools.count()
        self._prefix = secrets.token_urlsafe(9)

    @property
    def connection_id(self) -> str:
        """The id that others call; empty while it is not connected."""
        return self._me.id if self._me is not None and self._up.is_set() else ""

    async def connect(self) -> None:
        """Connect, and learn the id. Nothing is done where it is connected already.

        Raises:
            Unavailable: there is no connection within ``timeout`` seconds.
            Unauthorized, Forbidden: the API key is missing, or may not do this.
            LambdaError: the server does not want it.
        """
        if self._task is not None and not self._task.done():
            return
        self._error = None
        first: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._stay(first))
        try:
            async with asyncio.timeout(self.timeout):
                await asyncio.shield(first)
        except TimeoutError:
            await self._end()
            raise Unavailable(f"{without_secrets(self.endpoint)} did not answer in time") from None
        except BaseException:
            await self._end()
            raise
        self._closed = False

    async def close(self) -> None:
        """Close the connection; calls that wait fail. A second time nothing is done.

        Raises:
            RuntimeError: it has never been connected.
        """
        if self._task is None and not self._closed:
            raise RuntimeError("it is not connected")
        self._closed = True
        await self._end()

    async def call(self, to: str, name: str, *args: Any) -> Any:
        """Call a listener of another client, or a method of a lambda; return what it returns.

        While the connection is lost, it waits for the next one.

        Raises:
            RemoteError: the listener failed; so do the errors that its lambda answers with.
            NotFound: nobody is connected with this id.
            DeadlineExceeded: there was no answer within ``timeout`` seconds.
            Disconnected: one of the two connections was lost meanwhile.
            LambdaError: any other reason of the server.
            RuntimeError: it is not connected.
            TypeError, ValueError: the arguments can't be written as JSON.
        """
        token = f"{self._prefix}-{next(self._numbers)}"
        text = routing.request(to, token, name, args)
        try:
            async with asyncio.timeout(self.timeout):
                return await self._called(token, text)
        except TimeoutError:
            if token not in self._calls:
                raise Unavailable("the connection was lost, and is not back yet") from None
            raise DeadlineExceeded(f"no answer from {name!r} in {self.timeout:g} s") from None
        finally:
            self._calls.pop(token, None)

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    async def _called(self, token: str, text: str) -> Any:
        if self._task is None or self._task.done():
            if self._error is not None:
                raise self._error
            raise RuntimeError("it is not connected")
        await self._up.wait()
        assert self._socket is not None
        assert self._me is not None
        size = len(text.encode())
        if self._me.limit is not None and size > self._me.limit:
            raise TooLarge(f"the call makes a message of {size} bytes; {self._me.limit} may be")
        self._calls[token] = asyncio.get_running_loop().create_future()
        try:
            await self._socket.send(text)
        except ConnectionClosed:
            raise Disconnected("the connection was lost") from None
        return await self._calls[token]

    async def _stay(self, first: asyncio.Future[None]) -> None:
        """Have one connection after the other, until one ends for good."""
        backoff = Backoff()
        while self._error is None:
            loss = await self._connection(first)
            if self._up.is_set():
                backoff.reset()
            self._lost(Disconnected(f"the connection was lost: {loss_reason(loss)}"))
            self._error = lasting_error(loss, was_up=first.done())
            if not first.done():
                first.set_exception(self._error or Unavailable(loss_reason(loss)))
                return
            if self._error is None:
                log.warning("%s; connecting again", loss_reason(loss))
                await asyncio.sleep(backoff.next())
        log.error("the connection has ended: %s", self._error)
        self._lost(self._error)

    async def _connection(self, first: asyncio.Future[None]) -> Loss:
        """Have one connection; return how it ended."""
        parts = urlsplit(routing.connecting_url(self.endpoint, self.timeout, self._me))
        path, headers = self._server.credentials.present(f"{parts.path}?{parts.query}")
        try:
            async with sockets.connected(self._server, path, headers, self.timeout) as socket:
                assert isinstance(socket, WatchedConnection)
                return await self._listen(socket, first)
        except (OSError, TimeoutError, WebSocketException) as error:
            return sockets.loss_of(self._server, error)

    async def _listen(self, socket: WatchedConnection, first: asyncio.Future[None]) -> Loss:
        silence_s = self.timeout
        watch = asyncio.create_task(socket.end_after(lambda: silence_s))
        try:
            await socket.send(routing.WHOAMI)
            self._me = routing.identity(await socket.recv())
            # Each interval brings a ping; two that are missing are the end for the server, too.
            silence_s = math.inf if self._me.ping_s is None else 2 * self._me.ping_s + 5
            self._socket = socket
            self._up.set()
            if not first.done():
                first.set_result(None)
            while True:
                self._take(routing.parse(await socket.recv()))
        except ConnectionClosed as closed:
            frame = closed.rcvd
            return Loss(frame.code, text=frame.reason) if frame else Loss()
        finally:
            watch.cancel()

    def _take(self, message: routing.Request | routing.Answer | None) -> None:
        if isinstance(message, routing.Request):
            self._spawn(self._answer(message))
        elif isinstance(message, routing.Answer):
            waiting = self._calls.get(str(message.token))
            if waiting is None or waiting.done():
                return
            if message.error is None:
                waiting.set_result(message.value)
            else:
                waiting.set_exception(message.error)

    async def _answer(self, asked: routing.Request) -> None:
        socket, limit = self._socket, self._me.limit if self._me is not None else None
        text = routing.answer(asked, await self.outcome(asked), limit)
        if socket is not None:
            with contextlib.suppress(ConnectionClosed):
                await socket.send(text)

    def _lost(self, error: LambdaError) -> None:
        """Fail what waits for an answer on a connection that has ended."""
        self._up.clear()
        self._socket = None
        for waiting in self._calls.values():
            if not waiting.done():
                waiting.set_exception(error)

    async def _end(self) -> None:
        task, self._task = self._task, None
        for one in [*self._tasks, *([task] if task is not None else [])]:
            one.cancel()
            with contextlib.suppress(asyncio.CancelledError, LambdaError):
                await one
        self._lost(Disconnected("the connection was closed"))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
