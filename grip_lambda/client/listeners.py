"""The functions of a Monologue client, by name."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, TypeVar, overload

from .errors import RemoteError
from .messages import Failure, Outcome, Result, described
from .methods import failure, is_async
from .routing import Request
from .threads import in_thread

Listener = TypeVar("Listener", bound=Callable[..., Any])

log = logging.getLogger("grip_lambda.client")

#: How many plain listeners run at once.
_THREADS = 32


class Listeners:
    """What others may call.

    Args:
        listeners: how many there may be.

    Raises:
        ValueError: that is less than one.
    """

    def __init__(self, listeners: int) -> None:
        if listeners < 1:
            raise ValueError("listeners is at least 1")
        self.listeners = listeners
        self._functions: dict[str, Callable[..., Any]] = {}
        self._threads = asyncio.Semaphore(_THREADS)

    @overload
    def on(self, name: str) -> Callable[[Listener], Listener]: ...
    @overload
    def on(self, name: str, listener: Listener) -> Listener: ...
    def on(self, name: str, listener: Any = None) -> Any:
        """Have calls of ``name`` answered by a function: ``on(name, function)``, or a decorator.

        It gets the caller's arguments, and what it returns is the caller's. Plain functions run in
        threads, those defined with ``async def`` in the event loop.

        Raises:
            ValueError: there are as many listeners as there may be.
        """
        if listener is None:
            return lambda function: self.on(name, function)
        if name not in self._functions and len(self._functions) >= self.listeners:
            raise ValueError(
                f"there are {self.listeners} listeners already;"
                " Monologue(…, listeners=…) allows more"
            )
        if not callable(listener):
            raise TypeError(f"the listener {name!r} is not a function")
        self._functions[name] = listener
        return listener

    async def outcome(self, asked: Request) -> Outcome:
        """Run the listener that a call is for; what it raises is an error for its caller."""
        function = self._functions.get(asked.name)
        if function is None:
            return Failure(described("NoSuchMethod", f"there is no listener {asked.name!r}"))
        try:
            if is_async(function):
                return Result(await function(*asked.args))
            async with self._threads:
                return Result(await in_thread(function, asked.args))
        except RemoteError as error:
            return Failure(error.error)
        except Exception as error:
            log.warning("%s failed: %r", asked.name, error, exc_info=error)
            return failure(error)
