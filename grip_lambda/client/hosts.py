"""Hosts, for programs with an event loop and for those without."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import Coroutine, Iterator
from typing import Any, Self

from .base import BaseHost


class AsyncHost(BaseHost):
    """A host in an event loop.

    It connects again by itself, under the same id, whenever the connection is lost. It stops
    for ``close``, and when it has been taken over, deleted or refused. A host runs once.

    Args:
        url, functions, id, token, max_calls, headers, key, private, service, context,
            default: as for `Host`.

    Usage::

        host = AsyncHost("http://localhost:7999")

        @host.method
        async def greet(body):
            return {"hello": body}

        asyncio.run(host.run())
    """

    async def run(self) -> None:
        """Be a host until ``close`` is called.

        Raises:
            TakenOver, Deleted, Forbidden: somebody else has ended it.
            LambdaError: the server does not want it.
        """
        await self._runner.run()

    async def start(self, timeout_s: float = 30.0) -> None:
        """Be a host in the background; return when it can be called.

        Raises:
            Unavailable: it could not be opened within ``timeout_s`` seconds.
            LambdaError: as ``run``.
        """
        await self._runner.start(timeout_s)

    async def wait(self) -> None:
        """Wait until a started host has ended; raises what ``run`` does."""
        await self._runner.wait()

    async def close(self, timeout_s: float = 10.0) -> None:
        """Finish the calls that run, and close; new calls get an error meanwhile.

        Args:
            timeout_s: what has not ended after so many seconds is given up. Functions defined
                with ``async def`` are cancelled; threads can't be, and run on.
        """
        await self._runner.close(timeout_s)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()


class Host(BaseHost):
    """A host in a few lines, for programs without an event loop.

    It connects again by itself, under the same id, whenever the connection is lost. It stops
    for ``close``, and when it has been taken over, deleted or refused. A host runs once.

    Args:
        url: the server; None for that of GRIP_LAMBDA_URL, or ``http://localhost:7999``.
        functions: an object, a module or a mapping whose functions can be called, in addition
            to those that are registered with ``method``.
        id: the id to open, 16 characters; None for a new one.
        token: what reopens ``id`` while it may be open.
        max_calls: how many calls run at once. The server refuses more with 429, and what it
            no longer counts because its caller gave up waits here. None: any number, of which
            plain functions take 32 threads at most.
        headers: more headers for the handshake.
        key: an API key that may host; None for that of GRIP_LAMBDA_KEY, if there is one.
        private: whether it is to be callable with an API key only.
        service: a name, or several, that it shares with other hosts: who calls the service
            reaches one of them.
        context: whether functions get a `Context` as their second argument, if they take two.
        default: writes what a function returned where nothing else does: returns something that
            is JSON, or that has a known way of becoming it (dataclasses, datetime and the like).

    Raises:
        ValueError: the address, a name, ``max_calls`` or the key makes no sense.
        ConfigError: the environment names a proxy that can't work.

    Usage::

        host = Host("http://localhost:7999")

        @host.method
        def greet(body):
            return {"hello": body}

        host.run()
    """

    _loop: asyncio.AbstractEventLoop | None = None
    _thread: threading.Thread | None = None

    def run(self, closing_s: float = 10.0) -> None:
        """Be a host until Ctrl-C, SIGTERM, or ``close`` in another thread.

        Args:
            closing_s: how many seconds the calls that run then have to end; a second signal
                ends them at once.

        Raises:
            KeyboardInterrupt: the second signal was Ctrl-C (SIGINT).
            SystemExit: it was SIGTERM; the status is 143, as shells count it.
            TakenOver, Deleted, Forbidden: somebody else has ended it.
            LambdaError: the server does not want it.
        """
        ended_by = asyncio.run(self._run(closing_s))
        if ended_by == signal.SIGINT:
            raise KeyboardInterrupt
        if ended_by is not None:
            raise SystemExit(128 + ended_by)

    def start(self, timeout_s: float = 30.0) -> None:
        """Be a host in the background; return when it can be called.

        Raises:
            Unavailable: it could not be opened within ``timeout_s`` seconds.
            LambdaError: as ``run``.
        """
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="host", daemon=True)
        self._thread.start()
        try:
            self._await(self._runner.start(timeout_s))
        except BaseException:
            self._end()
            raise

    def wait(self) -> None:
        """Wait until a started host has ended; raises what ``run`` does."""
        self._await(self._runner.wait())

    def close(self, timeout_s: float = 10.0) -> None:
        """Finish the calls that run, and close; new calls get an error meanwhile.

        Args:
            timeout_s: what has not ended after so many seconds is given up.
        """
        if self._loop is not None and self._loop.is_running():
            self._await(self._runner.close(timeout_s))
            self._end()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    async def _run(self, closing_s: float) -> int | None:
        """Be a host; return the signal that has cut short what ran, None if there was none."""
        self._loop = asyncio.get_running_loop()
        running = asyncio.create_task(self._runner.run())
        with _signals(self._loop) as signals:
            try:
                if await _first(running, signals) is None:
                    await running  # which raises what has ended it
                    return None
            except asyncio.CancelledError:  # by Ctrl-C, if no signals come
                await self._runner.close(closing_s)
                return None
            closing = asyncio.create_task(self._runner.close(closing_s))
            cut_by = await _first(closing, signals)
            if cut_by is not None:
                closing.cancel()
                await self._runner.give_up()
            await asyncio.wait({running, closing})
            return cut_by

    def _await(self, work: Coroutine[Any, Any, None]) -> None:
        if self._loop is None or not self._loop.is_running():
            work.close()
            raise RuntimeError("the host does not run")
        asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _end(self) -> None:
        """End the loop of a started host."""
        if self._loop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()
            self._thread = None


async def _first(work: asyncio.Task[None], signals: asyncio.Queue[int]) -> int | None:
    """Wait until work is done, or a signal comes; return that, or None."""
    signal_came = asyncio.create_task(signals.get())
    try:
        await asyncio.wait({work, signal_came}, return_when="FIRST_COMPLETED")
        return None if work.done() else signal_came.result()
    finally:
        signal_came.cancel()


@contextlib.contextmanager
def _signals(loop: asyncio.AbstractEventLoop) -> Iterator[asyncio.Queue[int]]:
    """Have SIGINT and SIGTERM put into a queue, where no handler can interrupt what runs."""
    signals: asyncio.Queue[int] = asyncio.Queue()
    taken: list[int] = []
    number: int
    # Signals are for the main thread, and handlers in a loop for some systems only.
    with contextlib.suppress(NotImplementedError, ValueError, RuntimeError):
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, signals.put_nowait, number)
            taken.append(number)
    try:
        yield signals
    finally:
        for number in taken:
            loop.remove_signal_handler(number)
