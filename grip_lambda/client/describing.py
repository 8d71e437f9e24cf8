"""What functions say of themselves, as an OpenRPC document: the answer to ``rpc.discover``."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from inspect import Parameter
from typing import Any, get_args, get_origin

import docstring_parser

from .progress import is_async_generator, is_generator
from .schemas import Schemas, default_of, note_of
from .shapes import Form, Shape, is_needed

#: The version of OpenRPC that is written.
_OPENRPC = "1.3.2"

#: How OpenRPC calls the forms: by position is what a host finds in ``params``.
_STRUCTURES = {
    Form.NOTHING: "by-name",
    Form.BODY: "by-position",
    Form.MEMBERS: "by-name",
    Form.EITHER: "either",
}


@dataclass(frozen=True)
class Words:
    """What a docstring says.

    Attributes:
        summary: its first paragraph, in one line.
        text: all but what it says of parameters, results and errors.
        parameters: of each parameter, by name.
        result: of what is returned.
    """

    summary: str = ""
    text: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    result: str = ""


def words_of(documented: object) -> Words:
    """Read the docstring of a function; those of Google, NumPy and Sphinx are understood."""
    while isinstance(documented, partial):
        documented = documented.func
    if not inspect.isroutine(documented) and not inspect.isclass(documented):
        documented = getattr(type(documented), "__call__", None)  # noqa: B004
    try:
        text = inspect.getdoc(documented) or ""
    except Exception:
        return Words()
    try:
        read = docstring_parser.parse(text)
    except Exception:  # it is in a form of its own
        return Words(" ".join(text.split("\n\n")[0].split()), text)
    return Words(
        " ".join((read.short_description or "").split()),
        (read.description or "").strip(),
        {one.arg_name: " ".join((one.description or "").split()) for one in read.params},
        " ".join(((read.returns and read.returns.description) or "").split()),
    )


def document(
    functions: Mapping[str, tuple[Callable[..., Any], Shape]], title: str, text: str = ""
) -> dict[str, Any]:
    """Return the OpenRPC document of some functions.

    Args:
        functions: each with what it takes, by the names that they are called with.
        title: what they are together.
        text: more about them.
    """
    results = {name: _result(*known) for name, known in functions.items()}
    parameters = [one for _, shape in functions.values() for one in shape.named]
    schemas = Schemas([*(one.annotation for one in parameters), *results.values()])
    made: dict[str, Any] = {
        "openrpc": _OPENRPC,
        "info": {"title": title, "version": "1.0.0"} | _if_any(description=text),
        "methods": [
            _method(name, *known, results[name], schemas) for name, known in functions.items()
        ],
    }
    return made | ({"components": {"schemas": schemas.components}} if schemas.components else {})


def _method(
    name: str, function: Callable[..., Any], shape: Shape, result: Any, schemas: Schemas
) -> dict[str, Any]:
    words = words_of(function)
    more = {"deprecated": True} if hasattr(function, "__deprecated__") else {}
    unnamed = shape.form is Form.BODY and not shape.named
    params = (
        [{"name": "body", "schema": {}}]
        if unnamed
        else [_parameter(one, words, schemas) for one in shape.named]
    )
    return {
        "name": name,
        **_if_any(summary=words.summary, description=words.text),
        **more,
        "paramStructure": _STRUCTURES[shape.form],
        "params": params,
        "result": {
            "name": "result",
            **_if_any(description=words.result),
            "schema": schemas.of(result),
        },
    }


def _parameter(parameter: Parameter, words: Words, schemas: Schemas) -> dict[str, Any]:
    text = words.parameters.get(parameter.name) or note_of(parameter.annotation)
    return {
        "name": parameter.name,
        **_if_any(description=text),
        "required": is_needed(parameter),
        "schema": schemas.of(parameter.annotation) | default_of(parameter),
    }


def _result(function: Callable[..., Any], shape: Shape) -> Any:
    """Return what a function is annotated to give to its caller."""
    result = shape.result
    if is_async_generator(function):
        return None  # what it yields is progress
    if is_generator(function):
        return get_args(result)[2] if len(get_args(result)) == 3 else Parameter.empty
    origin = get_origin(result)
    if inspect.isclass(origin) and issubclass(origin, Awaitable) and get_args(result):
        return get_args(result)[-1]
    return result


def _if_any(**said: str) -> dict[str, str]:
    return {name: text for name, text in said.items() if text}
