"""Hosts, for programs with an event loop and for those without."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import Coroutine
from typing import Any, Self

from .base import BaseHost


class AsyncHost(BaseHost):
    """A host in an event loop.

    It connects again by itself, under the same id, whenever the connection is lost. It stops
    for ``close``, and when it has been taken over, deleted or refused. A host runs once.

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
            closing_s: how many seconds the calls that run then have to end; a second Ctrl-C
                ends them at once, with KeyboardInterrupt.

        Raises:
            TakenOver, Deleted, Forbidden: somebody else has ended it.
            LambdaError: the server does not want it.
        """
        asyncio.run(self._run(closing_s))

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

    async def _run(self, closing_s: float) -> None:
        self._loop = asyncio.get_running_loop()
        running = asyncio.create_task(self._runner.run())
        told = asyncio.current_task()
        assert told is not None
        # Signals are for the main thread, and SIGTERM for some systems only.
        with contextlib.suppress(NotImplementedError, ValueError, RuntimeError):
            self._loop.add_signal_handler(signal.SIGTERM, told.cancel)
        try:
            await asyncio.shield(running)
        except asyncio.CancelledError:  # by Ctrl-C, too
            await self._runner.close(closing_s)

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
