"""What carries a session out, on asyncio."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import inspect
import logging
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from .addresses import USER_AGENT, websocket_url
from .context import Context
from .errors import LambdaError, RemoteError, Unavailable
from .liveness import WatchedConnection
from .loss import Loss
from .messages import Failure, Outcome, Result, described
from .methods import Methods, failure, is_async
from .progress import Reporter, is_async_generator, is_generator, run_async_generator, run_generator
from .session import Action, Cancel, Close, Down, End, Invoke, Post, Retry, Send, Session, Up
from .threads import in_thread

T = TypeVar("T")

log = logging.getLogger("grip_lambda.client")

#: How many plain functions run at once where ``max_calls`` does not say.
DEFAULT_THREADS = 32
#: What a message of the server may have, in bytes; a call's body has less.
MAX_RECEIVED = 16 * 1024 * 1024
_OPEN_S = 10.0
#: How long a post may take, and the pauses after those that failed, in seconds.
_POST_S = 30.0
_POST_AGAIN_S = (0.1, 0.5, 2.0)
_CLOSE_S = 3.0
_LET_GO_S = 1.0


class Runner:
    """Does what a session says, with a WebSocket, tasks and threads.

    Args:
        url: the server, ``http://…``.
        methods: what can be called.
        session: the lambda, which knows how many calls run at once.
        headers: more headers for the handshake.
    """

    def __init__(
        self, url: str, methods: Methods, session: Session, headers: dict[str, str]
    ) -> None:
        self.on_up: list[Callable[[str], Any]] = []
        self.on_down: list[Callable[[str], Any]] = []
        #: Why it has ended, if that was not `close`.
        self._error: LambdaError | None = None
        self._why = "it did not answer"
        self._url, self._methods, self._session, self._headers = url, methods, session, headers
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
            raise Unavailable(f"no lambda could be opened at {self._url}: {self._why}")
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
        try:
            async with connect(
                websocket_url(self._url) + session.path,
                additional_headers=self._headers,
                user_agent_header=USER_AGENT,
                compression=None,
                open_timeout=_OPEN_S,
                close_timeout=_CLOSE_S,
                ping_interval=None,  # the server pings
                max_size=MAX_RECEIVED,
                create_connection=WatchedConnection,
            ) as socket:
                return await self._listen(session, socket)
        except InvalidStatus as error:
            body = error.response.body or b""
            return Loss(status=error.response.status_code, text=body.decode(errors="replace"))
        except (OSError, TimeoutError, WebSocketException) as error:
            return Loss(text=_why(error))

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
                case Post(text):
                    await self._post(text)
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

    async def _post(self, text: str) -> None:
        """Post an answer; again where that may help, as the first one to a call counts."""
        path, why = self._session.path, ""
        for pause_s in _POST_AGAIN_S:
            try:
                async with httpx.AsyncClient(headers=self._headers, timeout=_POST_S) as http:
                    reply = await http.post(self._url + path, content=text.encode())
            except httpx.HTTPError as error:
                why = str(error) or type(error).__name__
            else:
                why = f"{reply.status_code} {reply.text[:200]}"
                if reply.status_code < 500:
                    break
            await asyncio.sleep(pause_s)
        else:
            log.error("a result was not sent: %s", why)
            return
        if reply.is_error:
            log.error("a result was refused: %s", why)

    async def _invoke(self, call: Invoke) -> None:
        async def report(value: Any) -> None:
            await self._perform(self._session.progressed(call.key, value))

        reporter = Reporter(report)
        try:
            outcome = await self._outcome(call)
            await reporter.all_sent()
        except asyncio.CancelledError:
            outcome = Failure(described("Cancelled", "the call was cancelled"))
        del self._calls[call.key]
        await self._perform(self._session.finished(call.key, outcome))

    async def _outcome(self, call: Invoke) -> Outcome:
        if not self._session.context or len(call.params) != 2:  # of a server that knows none
            return await self._end(call.method, call.params)
        body, told = call.params
        context = Context(told)
        return context.reply(await self._end(call.method, [body], context))

    async def _end(self, method: str, params: list[Any], context: Context | None = None) -> Outcome:
        found = self._methods.find(method, params, context)
        if isinstance(found, Failure):
            return found
        function, params = found
        try:
            value = await self._value(function, params)
        except RemoteError as error:
            return Failure(error.error)
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            log.warning("%s failed: %r", method, error, exc_info=error)
            return failure(error)
        return Result(value)

    async def _value(self, function: Callable[..., Any], params: list[Any]) -> Any:
        if is_async(function):
            return await function(*params)
        if is_async_generator(function):
            return await run_async_generator(function, params)
        async with self._threads:
            if is_generator(function):
                return await in_thread(run_generator, [function, params])
            value = await in_thread(function, params)
        return await value if inspect.isawaitable(value) else value

    def _tell(self, listeners: list[Callable[[str], Any]], what: str) -> None:
        for listener in listeners:
            try:
                told = listener(what)
            except Exception as error:
                log.error("a listener failed: %r", error, exc_info=error)
            else:
                if inspect.iscoroutine(told):
                    self._spawn(told)

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


def _why(error: Exception) -> str:
    """Return in words why there is no connection."""
    if f"[Errno {errno.ECONNREFUSED}]" in str(error):  # of several addresses, too
        return "connection refused"
    return str(error) or type(error).__name__
