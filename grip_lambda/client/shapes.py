"""What the body of a call is to a function: nothing, one value, or members by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from inspect import Parameter
from typing import Any

import msgspec

from .context import Context

_NAMED = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
#: What takes any value as it is.
_ANYTHING = (Parameter.empty, Any, object)
#: Kinds of annotations that take a whole body which is an object. Of classes that are not known
#: here (CustomType) it is only known that they are no scalars and no arrays.
_OBJECTS = (
    msgspec.inspect.AnyType,
    msgspec.inspect.CustomType,
    msgspec.inspect.DataclassType,
    msgspec.inspect.DictType,
    msgspec.inspect.StructType,
    msgspec.inspect.TypedDictType,
)


class Form(Enum):
    """How the parameters of a function and the body of a call belong together.

    Attributes:
        NOTHING: there are no parameters; the body is null or ``{}``.
        BODY: the first parameter takes the body itself.
        MEMBERS: the parameters are members of the body.
        EITHER: the same, and a bare value goes to the first one.
    """

    NOTHING = "nothing"
    BODY = "body"
    MEMBERS = "members"
    EITHER = "either"


@dataclass(frozen=True)
class Shape:
    """What a function takes.

    Attributes:
        named: the parameters that have names of their own; only the first one of a BODY.
        rest: the name of the parameter that takes all other members, or None.
        result: what it is annotated to return.
    """

    form: Form
    named: tuple[Parameter, ...] = ()
    rest: str | None = None
    result: Any = Parameter.empty


def signature_of(function: Callable[..., Any]) -> inspect.Signature | None:
    """Return the signature of a function; None for one written in C that does not tell."""
    try:
        plain = inspect.signature(function)
    except (TypeError, ValueError):
        return None
    try:
        return inspect.signature(function, eval_str=True)
    except Exception:  # an annotation names what is imported for type checkers only
        parameters = [one.replace(annotation=Parameter.empty) for one in plain.parameters.values()]
        return plain.replace(parameters=parameters, return_annotation=Parameter.empty)


def context_in(parameters: Iterable[Parameter]) -> str | None:
    """Return the parameter that the context of a call is for."""
    named = [one for one in parameters if one.kind in _NAMED]
    annotated = [one.name for one in named if one.annotation is Context]
    is_second = len(named) == 2 and takes_any(named[1])
    return annotated[0] if annotated else named[1].name if is_second else None


def shape_of(signature: inspect.Signature | None, *, has_context: bool = False) -> Shape:
    """Return what a function takes, given its signature.

    Args:
        has_context: whether its host asks for the context of each call.
    """
    if signature is None:
        return Shape(Form.BODY)
    parameters = list(signature.parameters.values())
    if has_context:
        told = context_in(parameters)
        parameters = [one for one in parameters if one.name != told]
    result = signature.return_annotation
    named = tuple(one for one in parameters if one.kind in _NAMED)
    if any(one.kind is Parameter.VAR_POSITIONAL for one in parameters):
        return Shape(Form.BODY, named[:1], None, result)
    rest = next((one.name for one in parameters if one.kind is Parameter.VAR_KEYWORD), None)
    if not named and rest is None:
        return Shape(Form.NOTHING, result=result)
    if rest is None and len(named) == 1 and takes_object(named[0].annotation):
        return Shape(Form.BODY, named, None, result)
    bare = named and not any(map(is_needed, named[1:]))
    return Shape(Form.EITHER if bare else Form.MEMBERS, named, rest, result)


def is_needed(parameter: Parameter) -> bool:
    """Tell whether a parameter has no default."""
    return parameter.default is Parameter.empty


def takes_any(parameter: Parameter) -> bool:
    """Tell whether a parameter is not annotated, or as anything."""
    return parameter.annotation in _ANYTHING


def takes_object(annotation: Any) -> bool:
    """Tell whether a value of an annotation may be an object."""
    if annotation in _ANYTHING:
        return True
    try:
        kind = msgspec.inspect.type_info(annotation)
    except Exception:
        return True  # not known to be of another kind
    kinds = kind.types if isinstance(kind, msgspec.inspect.UnionType) else (kind,)
    return any(isinstance(one, _OBJECTS) for one in kinds)
