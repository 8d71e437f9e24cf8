"""How the body of a call becomes the arguments of a function."""

from __future__ import annotations

import dataclasses
import inspect
import sys
from collections.abc import Callable
from functools import partial
from inspect import Parameter
from typing import Any

import msgspec

from .context import Context
from .messages import Failure, described
from .shapes import Form, Shape, context_in, is_needed, shape_of, signature_of, takes_any
from .telling import text_of

#: A function with its positional arguments.
Bound = tuple[Callable[..., Any], list[Any]]


class _Refused(Exception):
    """The function does not take this body; the text says why, after its name."""


class _Unconvertible(Exception):
    """Nothing is known of how a value becomes one of an annotated class."""


class Parameters:
    """The parameters of a function.

    A single one that is not annotated, or as an object, takes the body itself. Otherwise the
    parameters are members of the body, by name; for a single one the bare value will do, too.
    What is annotated is converted and checked.
    """

    def __init__(self, name: str, function: Callable[..., Any]) -> None:
        self._name = name
        self._function = function
        self._signature = signature_of(function)

    def shape(self, *, has_context: bool = False) -> Shape:
        """Return what the function takes.

        Args:
            has_context: whether its host asks for the context of each call.
        """
        return shape_of(self._signature, has_context=has_context)

    def bind(self, params: list[Any], context: Context | None = None) -> Bound | Failure:
        """Return the function with its arguments, or why it does not take them.

        Args:
            params: those of the call: its body, or as many as a Monologue client has given.
            context: goes to a function that takes one more argument, or one annotated so.
        """
        if self._signature is None:
            return self._function, params
        found = dict(self._signature.parameters)
        given: dict[str, Any] = {}
        if context is not None and (name := context_in(found.values())) is not None:
            given[name] = context
            del found[name]
        by_name = all(one.kind is not Parameter.VAR_POSITIONAL for one in found.values())
        try:
            if by_name and len(params) == 1:
                given |= _arguments(self.shape(has_context=context is not None), params[0])
            else:
                return self._in_order(params, [*given.values()])
        except _Refused as why:
            return Failure(described("BadArguments", f"{self._name!r} {why}"))
        return self._called_with(given)

    def _called_with(self, given: dict[str, Any]) -> Bound:
        assert self._signature is not None
        ordered = {name: given[name] for name in self._signature.parameters if name in given}
        bound = inspect.BoundArguments(self._signature, ordered)
        bound.apply_defaults()
        function = partial(self._function, **bound.kwargs) if bound.kwargs else self._function
        return function, list(bound.args)

    def _in_order(self, params: list[Any], more: list[Any]) -> Bound:
        assert self._signature is not None
        for arguments in ([*params, *more], params, *([[]] if params == [None] else [])):
            try:
                self._signature.bind(*arguments)
            except TypeError:
                continue
            return self._function, arguments
        raise _Refused("does not take this body")


def _arguments(shape: Shape, body: Any) -> dict[str, Any]:
    if shape.form is Form.NOTHING:
        if body in (None, {}):
            return {}
        raise _Refused("takes no body")
    named = shape.named
    if named and _takes_bare(shape, body):
        first = named[0]
        takes_default = body is None and not (is_needed(first) or takes_any(first))
        return {} if takes_default else {first.name: _converted(first, body)}
    if not isinstance(body, dict | None):
        names = ", ".join(repr(one.name) for one in named)
        raise _Refused(f"takes an object with the members {names}")
    members = dict(body or {})
    found = {
        one.name: _member(one, members) for one in named if one.name in members or is_needed(one)
    }
    if shape.rest is not None:
        return {**found, shape.rest: members}
    if members:
        raise _Refused(f"takes no {next(iter(members))!r}")
    return found


def _takes_bare(shape: Shape, body: Any) -> bool:
    """Tell whether the body itself is for the first parameter."""
    if isinstance(body, dict):
        return shape.form is Form.BODY
    return len(shape.named) == 1 if body is None else shape.form is not Form.MEMBERS


def _member(parameter: Parameter, members: dict[str, Any]) -> Any:
    if parameter.name not in members:
        raise _Refused(f"needs {parameter.name!r}")
    return _converted(parameter, members.pop(parameter.name))


def _converted(parameter: Parameter, value: Any) -> Any:
    """Return a value as its parameter is annotated.

    A number or a truth value may be written as a string: those of a query are.
    """
    if takes_any(parameter):
        return value
    try:
        found = msgspec.convert(value, parameter.annotation, strict=False, dec_hook=_decoded)
        _fill(found)
        return found
    except msgspec.ValidationError as error:
        raise _Refused(f"can't use {parameter.name!r}: {error}") from None
    except _Unconvertible:
        return value
    except TypeError:  # it takes pydantic to tell the classes of a union apart
        return _validated(parameter, value)
    except BaseException as error:  # of a validator
        raise _Refused(f"can't use {parameter.name!r}: {text_of(error)}") from None


def _fill(value: Any) -> None:
    """Give the dataclasses in a value all their attributes.

    Of those that a body does not have, msgspec leaves the default to the class. It would not write
    them then.
    """
    rest = [value]
    while rest:
        one = rest.pop()
        if isinstance(one, list | tuple | set | frozenset):
            rest += one
        elif isinstance(one, dict):
            rest += one.values()
        elif isinstance(one, msgspec.Struct):
            rest += (getattr(one, name) for name in one.__struct_fields__)
        elif dataclasses.is_dataclass(one) and hasattr(one, "__dict__"):
            attributes = vars(one)
            for field in dataclasses.fields(one):
                if field.name not in attributes and hasattr(type(one), field.name):
                    object.__setattr__(one, field.name, getattr(type(one), field.name))
            rest += attributes.values()


def _validated(parameter: Parameter, value: Any) -> Any:
    """Return a value as pydantic reads it, if that is in use and knows the annotation."""
    pydantic = sys.modules.get("pydantic")
    if pydantic is None:
        return value
    try:
        adapter = pydantic.TypeAdapter(parameter.annotation)
    except Exception:
        return value
    try:
        return adapter.validate_python(value)
    except ValueError as error:
        raise _Refused(f"can't use {parameter.name!r}: {text_of(error)}") from None


def _decoded(kind: Any, value: Any) -> Any:
    """Make a value one of a class that msgspec does not know."""
    validate = getattr(kind, "model_validate", None)  # of pydantic
    if validate is None:
        raise _Unconvertible
    return validate(value)
