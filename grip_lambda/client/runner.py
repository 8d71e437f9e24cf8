"""What carries a session out, on asyncio."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, WebSocketException

from . import sockets
from .context import Context
from .errors import LambdaError, Unavailable
from .liveness import WatchedConnection
from .loss import Loss
from .messages import DISCOVER, Failure, Outcome, Result, described
from .methods import Methods, failure
from .posting import post
from .progress import Reporter
from .running import run
from .server import Server
from .session import Action, Cancel, Close, Down, End, Invoke, Post, Retry, Send, Session, Up
from .telling import log_failure, text_of

T = TypeVar("T")

log = logging.getLogger("grip_lambda.client")
#: Has a line for each call; off unless somebody sets its level.
calls_log = logging.getLogger("grip_lambda.client.calls")
calls_log.setLevel(logging.WARNING)

#: How many plain functions run at once where ``max_calls`` does not say.
DEFAULT_THREADS = 32
_OPEN_S = 10.0
_LET_GO_S = 1.0
#: So many characters of a method are in a line of the log.
_METHOD_MAX = 200


class Runner:
    """Does what a session says, with a WebSocket, tasks and threads.

    Args:
        server: where the lambda is opened.
        methods: what can be called.
        session: the lambda, which knows how many calls run at once.
    """

    def __init__(self, server: Server, methods: Methods, session: Session) -> None:
        self.on_up: list[Callable[[str], Any]] = []
        self.on_down: list[Callable[[str], Any]] = []
        #: Why it has ended, if that was not `close`.
        self._error: LambdaError | None = None
        self._why = "it did not answer"
        self._server, self._methods, self._session = server, methods, session
        self._first_up, self._ended, self._over = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._threads = asyncio.Semaphore(session.max_calls or DEFAULT_THREADS)
        self._socket: WatchedConnection | None = None
        self._task: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._calls: dict[int, asyncio.Task[None]] = {}
        self._begun = False
        self._retry_s = 0.0

    async def run(self) -> None:
        """Be a host until ``close`` is called; raise the error that ended it otherwise."""
        if self._begun:
            raise RuntimeError("a host runs once; make another one")
        self._begun = True
        self._session.methods = self._methods.names()
        try:
            await self._connections(self._session)
        finally:
            await self._let_go()
            self._over.set()
        if self._error is not None:
            raise self._error

    async def start(self, timeout_s: float) -> None:
        """Be a host in the background; return when it can be called."""
        self._task = asyncio.create_task(self.run())
        self._task.add_done_callback(lambda task: task.cancelled() or task.exception())
        up = asyncio.create_task(self._first_up.wait())
        await asyncio.wait({up, self._task}, timeout=timeout_s, return_when="FIRST_COMPLETED")
        up.cancel()
        if self._first_up.is_set():
            return
        if not self._task.done():
            await self.close(0)
            raise Unavailable(f"no lambda could be opened at {self._server.url}: {self._why}")
        await self._task

    async def wait(self) -> None:
        """Wait until a started host has ended; raise what ``run`` does."""
        if self._task is None:
            raise RuntimeError("the host was not started")
        await asyncio.shield(self._task)

    async def close(self, timeout_s: float) -> None:
        """Finish the calls that run, within so many seconds, and close."""
        if not self._begun:
            return
        await self._perform(self._session.stop())
        if timeout_s > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._over.wait(), timeout_s)
        await self.give_up()

    async def give_up(self) -> None:
        """End at once, whatever runs."""
        self._ended.set()
        await self._over.wait()

    async def _connections(self, session: Session) -> None:
        """Have one connection after the other."""
        while not self._ended.is_set():
            attempt = self._spawn(self._connection(session))
            ended = self._spawn(self._ended.wait())
            await asyncio.wait({attempt, ended}, return_when="FIRST_COMPLETED")
            ended.cancel()
            attempt.cancel()  # which is without effect if it is done
            try:
                loss = await attempt
            except asyncio.CancelledError:
                loss = Loss(text="closed")
            await self._perform(session.lost(loss))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), self._retry_s)

    async def _connection(self, session: Session) -> Loss:
        """Have one connection; return how it ended."""
        path, headers = self._server.credentials.present(session.path)
        try:
            async with sockets.connected(self._server, path, headers, _OPEN_S) as socket:
                return await self._listen(session, socket)
        except (OSError, TimeoutError, WebSocketException) as error:
            return sockets.loss_of(self._server, error)

    async def _listen(self, session: Session, socket: ClientConnection) -> Loss:
        assert isinstance(socket, WatchedConnection)
        self._socket = socket
        watch = asyncio.create_task(socket.end_after(lambda: session.silence_s))
        try:
            while True:
                await self._perform(session.received(await socket.recv()))
        except ConnectionClosed as closed:
            frame = closed.rcvd
            return Loss(frame.code, text=frame.reason) if frame else Loss()
        finally:
            self._socket = None
            watch.cancel()

    async def _perform(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case Send(text):
                    await self._send(text)
                case Post():
                    await self._post(action)
                case Invoke(key):
                    self._calls[key] = self._spawn(self._invoke(action))
                case Cancel(key):
                    if key in self._calls:
                        self._calls[key].cancel()
                case Up():
                    self._first_up.set()
                    log.info("up: %s", self._session.id)
                    self._tell(self.on_up, self._session.id)
                case Down(reason):
                    self._tell(self.on_down, reason)
                case Close():
                    if self._socket is not None:
                        self._spawn(self._socket.close())
                case Retry(after_s, reason):
                    self._retry_s, self._why = after_s, reason
                    log.warning("%s; connecting again in %.1f s", reason, after_s)
                case End(error):
                    self._error = error
                    self._ended.set()

    async def _send(self, text: str) -> None:
        if self._socket is not None:
            with contextlib.suppress(ConnectionClosed):
                await self._socket.send(text)

    async def _post(self, posted: Post) -> None:
        try:
            why = await post(self._server, self._session.path, posted.text)
        except Exception as error:
            why = text_of(error)
        if why is not None:
            log.error("a result was not sent: %s", why)
        await self._perform(self._session.posted(posted.key, why))

    async def _invoke(self, call: Invoke) -> None:
        async def report(value: Any) -> None:
            await self._perform(self._session.progressed(call.key, value))

        reporter = Reporter(report)
        began = time.monotonic()
        try:
            outcome = await self._outcome(call)
            await reporter.all_sent()
        except asyncio.CancelledError:
            outcome = Failure(described("Cancelled", "the call was cancelled"))
        except BaseException as error:  # whatever it is, the caller is told
            log_failure(log, call.method, error)
            outcome = failure(error)
        del self._calls[call.key]
        if calls_log.isEnabledFor(logging.INFO) and call.method != DISCOVER:
            how = "ok" if isinstance(outcome, Result) else "error"
            ms = round((time.monotonic() - began) * 1000, 1)
            told = {"method": call.method[:_METHOD_MAX], "outcome": how, "ms": ms}
            calls_log.info("call", extra={"call": told})
        await self._perform(self._session.finished(call.key, outcome))

    async def _outcome(self, call: Invoke) -> Outcome:
        if call.method == DISCOVER:
            return Result(self._methods.describe(has_context=self._session.context))
        if not self._session.context or len(call.params) != 2:  # of a server that knows none
            return await self._end(call.method, call.params)
        body, told = call.params
        context = Context(told)
        return context.reply(await self._end(call.method, [body], context))

    async def _end(self, method: str, params: list[Any], context: Context | None = None) -> Outcome:
        found = self._methods.find(method, params, context)
        if isinstance(found, Failure):
            return found
        return await run(method, *found, self._threads)

    def _tell(self, listeners: list[Callable[[str], Any]], what: str) -> None:
        for listener in listeners:
            try:
                told = listener(what)
            except (KeyboardInterrupt, SystemExit):  # it wants the program to end
                raise
            except BaseException as error:
                log_failure(log, "a listener", error)
            else:
                if inspect.iscoroutine(told):
                    self._spawn(_heard(told))

    def _spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _let_go(self) -> None:
        """Cancel what still runs, and give it a moment to end."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_LET_GO_S)


async def _heard(told: Coroutine[Any, Any, Any]) -> None:
    try:
        await told
    except (KeyboardInterrupt, SystemExit, asyncio.CancelledError):
        raise
    except BaseException as error:
        log_failure(log, "a listener", error)
