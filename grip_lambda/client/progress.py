"""Progress that a function of a host reports of its call."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import ContextVar
from typing import Any

_reporter: ContextVar[Reporter] = ContextVar("grip_lambda_reporter")


def progress(value: Any) -> Awaitable[None]:
    """Report the progress of the call that the function runs for; of streamed calls only.

    In a plain function it returns when the value was sent. In one defined with ``async def`` it
    may be awaited, and should be where values come fast. A function that is a generator reports
    what it yields.

    Args:
        value: anything that can be written as JSON.

    Raises:
        RuntimeError: it is not called by a function of a host.
        ValueError: the value is no JSON, or makes too large a message.
    """
    try:
        reporter = _reporter.get()
    except LookupError:
        raise RuntimeError("progress is for the functions of a host") from None
    return reporter.report(value)


class Reporter:
    """Sends the progress of one call, in order."""

    def __init__(self, send: Callable[[Any], Coroutine[Any, Any, None]]) -> None:
        """Take what sends a value; it may raise ValueError at once, before it is awaited."""
        self._send = send
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        _reporter.set(self)

    def report(self, value: Any) -> Awaitable[None]:
        try:
            asyncio.get_running_loop()
        except RuntimeError:  # in a thread
            asyncio.run_coroutine_threadsafe(self._send(value), self._loop).result()
            return _nothing()
        task = asyncio.create_task(self._send(value))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def all_sent(self) -> None:
        """Wait until all that was reported is sent."""
        if self._tasks:
            await asyncio.wait(self._tasks)


class _Nothing:
    def __await__(self) -> Any:
        return iter(())


def _nothing() -> Awaitable[None]:
    return _Nothing()


def is_generator(function: Callable[..., Any]) -> bool:
    """Tell whether a plain function is a generator."""
    return inspect.isgeneratorfunction(function)


def is_async_generator(function: Callable[..., Any]) -> bool:
    """Tell whether a function is an asynchronous generator."""
    return inspect.isasyncgenfunction(function)


def run_generator(function: Callable[..., Any], params: list[Any]) -> Any:
    """Report what a generator yields, and return what it returns."""
    steps = function(*params)
    while True:
        try:
            value = next(steps)
        except StopIteration as end:
            return end.value
        progress(value)


async def run_async_generator(function: Callable[..., Any], params: list[Any]) -> None:
    """Report what an asynchronous generator yields."""
    async for value in function(*params):
        await progress(value)
