"""The functions of a host, by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, TypeVar, overload

from .context import Context
from .messages import Failure, Outcome, Result, described

Function = TypeVar("Function", bound=Callable[..., Any])


class Methods:
    """What a host can be asked for.

    Args:
        functions: an object whose public methods are the functions, a module with its public
            functions, or a mapping of names to functions.
    """

    def __init__(self, functions: object = None) -> None:
        self._functions: dict[str, Callable[..., Any]] = {}
        self._fallback: Callable[[str, Any], Any] | None = None
        for name, function in _public(functions):
            self._add(name, function)

    @overload
    def method(self, name: str) -> Callable[[Function], Function]: ...
    @overload
    def method(self, name: Function) -> Function: ...
    def method(self, name: Any) -> Any:
        """Register a function: ``@host.method`` under its own name, or ``@host.method("name")``.

        It is called with the body of the call, decoded, and what it returns is the result. One
        that takes no argument gets none if the body is empty; one that takes two gets the
        `Context` of the call, if the host asks for that. Plain functions run in threads of
        their own, those defined with ``async def`` in the event loop. What it raises is an
        error for its caller, with the type and the message of the exception; a ``RemoteError``
        is an error of any form.

        Raises:
            ValueError: there can be no method with that name.
        """
        if isinstance(name, str):
            return lambda function: self._add(name, function)
        return self._add(name.__name__, name)

    def fallback(self, function: Function) -> Function:
        """Register what is called, with the name and the body, for all other methods."""
        self._fallback = function
        return function

    def names(self) -> tuple[str, ...] | None:
        """Return the names of all methods; None if there is a fallback, which takes any."""
        return None if self._fallback else tuple(self._functions)

    def find(
        self, name: str, params: list[Any], context: Context | None = None
    ) -> tuple[Callable[..., Any], list[Any]] | Failure:
        """Return the function for a call with its arguments, or why there is none.

        Args:
            context: goes to functions that take one more argument.
        """
        function = self._functions.get(name)
        if function is None:
            if self._fallback is None:
                return Failure(described("NoSuchMethod", f"the host has no method {name!r}"))
            function, params = self._fallback, [name, *(params or [None])]
        ways = [params, []] if params == [None] else [params]
        if context is not None:
            ways.insert(0, [*params, context])
        try:
            signature = inspect.signature(function)
        except (TypeError, ValueError):
            return function, params  # one written in C may not tell
        for arguments in ways:
            if _fits(signature, arguments):
                return function, arguments
        if name not in self._functions:
            return function, params
        return Failure(described("BadArguments", f"{name!r} does not take this body"))

    def _add(self, name: str, function: Function) -> Function:
        if not name or name == "open" or name.startswith("rpc.") or {"/", "\0"} & set(name):
            raise ValueError(f"{name!r} can't be the name of a method")
        if not callable(function):
            raise TypeError(f"the method {name!r} is not a function")
        self._functions[name] = function
        return function


def is_async(function: Callable[..., Any]) -> bool:
    """Tell whether a function, or an object that is called, is defined with ``async def``."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004
    )


def failure(error: BaseException) -> Failure:
    """Return what a caller is told of an exception: its type and its message, no traceback."""
    return Failure(described(type(error).__name__, str(error)))


def outcome_of(function: Callable[..., Any], params: list[Any]) -> Outcome | BaseException:
    """Run a plain function; what it raises is returned."""
    try:
        return Result(function(*params))
    except BaseException as error:
        return error


def _fits(signature: inspect.Signature, params: list[Any]) -> bool:
    try:
        signature.bind(*params)
    except TypeError:
        return False
    return True


def _public(functions: object) -> list[tuple[str, Callable[..., Any]]]:
    if functions is None:
        return []
    if isinstance(functions, Mapping):
        return list(functions.items())
    if isinstance(functions, ModuleType):
        exported = getattr(functions, "__all__", None)
        return [
            (name, value)
            for name, value in vars(functions).items()
            if (name in exported if exported is not None else not name.startswith("_"))
            and inspect.isroutine(value)
            and (exported is not None or value.__module__ == functions.__name__)
        ]
    names = (name for name in dir(type(functions)) if not name.startswith("_"))
    return [
        (name, getattr(functions, name))
        for name in names
        if inspect.isroutine(inspect.getattr_static(functions, name))
        or isinstance(inspect.getattr_static(functions, name), staticmethod | classmethod)
    ]
