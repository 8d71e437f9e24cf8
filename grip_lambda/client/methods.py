"""The functions of a host, by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, TypeVar, overload

from .context import Context
from .describing import document, words_of
from .messages import Failure, Outcome, Result, described
from .parameters import Bound, Parameters
from .telling import text_of, type_of

Function = TypeVar("Function", bound=Callable[..., Any])


class Methods:
    """What a host can be asked for.

    Args:
        functions: an object whose public methods are the functions, a module with its public
            functions, or a mapping of names to functions.
    """

    def __init__(self, functions: object = None) -> None:
        self._functions: dict[str, Callable[..., Any]] = {}
        self._parameters: dict[str, Parameters] = {}
        self._fallback: Callable[[str, Any], Any] | None = None
        self._title, self._text = _about(functions)
        for name, function in _public(functions):
            self._add(name, function)

    @overload
    def method(self, name: str) -> Callable[[Function], Function]: ...
    @overload
    def method(self, name: Function) -> Function: ...
    def method(self, name: Any) -> Any:
        """Register a function: ``@host.method`` under its own name, or ``@host.method("name")``.

        A single parameter gets the body of the call, decoded, if it has no annotation or that of an
        object: a dict, a dataclass, a TypedDict, a model of pydantic. Otherwise the parameters
        get the members of the body by their names, and a single one may get a bare value: what is
        annotated is converted and checked. A function without parameters takes an empty body, or
        ``{}``. One that takes two gets the `Context` of the call, if the host asks for that. What
        it returns is the result. Plain functions run in threads of
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

    def describe(self, *, has_context: bool = False) -> dict[str, Any]:
        """Return an OpenRPC document of the functions: the answer to ``rpc.discover``.

        It says what can be known of a function: its signature, type hints, docstring and defaults.

        Args:
            has_context: whether functions that take one argument more get the `Context`.
        """
        known = {
            name: (function, self._parameters_of(name).shape(has_context=has_context))
            for name, function in list(self._functions.items())
        }
        return document(known, self._title, self._text)

    def _parameters_of(self, name: str) -> Parameters:
        if name not in self._parameters:  # now its annotations name what there is
            self._parameters[name] = Parameters(name, self._functions[name])
        return self._parameters[name]

    def find(self, name: str, params: list[Any], context: Context | None = None) -> Bound | Failure:
        """Return the function for a call with its arguments, or why there is none.

        Args:
            context: goes to functions that take one more argument.
        """
        function = self._functions.get(name)
        if function is not None:
            return self._parameters_of(name).bind(params, context)
        if self._fallback is None:
            return Failure(described("NoSuchMethod", f"the host has no method {name!r}"))
        arguments = [name, *(params or [None])]
        more = [] if context is None else [context]
        return self._fallback, arguments + (more if _fits(self._fallback, arguments + more) else [])

    def _add(self, name: str, function: Function) -> Function:
        if not name or name == "open" or name.startswith("rpc.") or {"/", "\0"} & set(name):
            raise ValueError(f"{name!r} can't be the name of a method")
        if not callable(function):
            raise TypeError(f"the method {name!r} is not a function")
        self._functions[name] = function
        self._parameters.pop(name, None)
        return function


def is_async(function: Callable[..., Any]) -> bool:
    """Tell whether a function, or an object that is called, is defined with ``async def``."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004
    )


def failure(error: BaseException) -> Failure:
    """Return what a caller is told of an exception: its type and its message, no traceback."""
    return Failure(described(type_of(error), text_of(error)))


def outcome_of(function: Callable[..., Any], params: list[Any]) -> Outcome | BaseException:
    """Run a plain function; what it raises is returned."""
    try:
        return Result(function(*params))
    except BaseException as error:
        return error


def _fits(function: Callable[..., Any], arguments: list[Any]) -> bool:
    try:
        inspect.signature(function).bind(*arguments)
    except (TypeError, ValueError):
        return False
    return True


def _about(functions: object) -> tuple[str, str]:
    """Return what some functions are called together, and what is said of them."""
    if functions is None or isinstance(functions, Mapping):
        return "Functions", ""
    if isinstance(functions, ModuleType):
        return functions.__name__, inspect.getdoc(functions) or ""
    return type_of(functions), words_of(type(functions)).text


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
