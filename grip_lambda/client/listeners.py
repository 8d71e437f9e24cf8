"""The functions of a Monologue client, by name."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar, overload

from .messages import Failure, Outcome, described
from .routing import Request
from .running import run

Listener = TypeVar("Listener", bound=Callable[..., Any])

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
        return await run(asked.name, function, asked.args, self._threads)
