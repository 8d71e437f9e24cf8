"""JSON Schemas of what functions are annotated with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from inspect import Parameter
from typing import Any

import msgspec

from .content import Content
from .writing import written

Schema = dict[str, Any]

#: Where an OpenRPC document has the schemas that others refer to.
REFERENCE = "#/components/schemas/"
#: What is not annotated, and what a schema of anything says.
_ANYTHING = (Parameter.empty, Any, object)


class _Unknown(Exception):
    """There is no schema of a class."""


class Schemas:
    """The schemas of some types.

    Attributes:
        components: those that others refer to, by name.
    """

    def __init__(self, types: Iterable[Any]) -> None:
        """Make the schemas of types; what there is none of may be anything."""
        self.components: dict[str, Schema] = {}
        self._types: list[Any] = []
        self._schemas: Sequence[Schema] = []
        known = [one for one in types if self._is_known(one)]
        self.components = {}
        try:
            made, components = self._of(known)
        except Exception:  # each has a schema, but not all of them together
            return
        self._types, self._schemas = known, made
        self.components |= components

    def of(self, annotation: Any) -> Schema:
        """Return the schema of one of the types: ``{}`` if it may be anything."""
        if annotation is datetime:  # which msgspec also reads without a time zone
            return {"type": "string", "format": "date-time"}
        for known, schema in zip(self._types, self._schemas, strict=True):
            if known is annotation:
                return dict(schema)
        return {}

    def _is_known(self, annotation: Any) -> bool:
        if any(annotation is one for one in _ANYTHING):
            return False
        try:
            self._of([annotation])
        except Exception:  # whatever a class of the user's raises
            return False
        return True

    def _of(self, types: list[Any]) -> tuple[Sequence[Schema], dict[str, Schema]]:
        return msgspec.json.schema_components(
            types, schema_hook=self._custom, ref_template=REFERENCE + "{name}"
        )

    def _custom(self, kind: Any) -> Schema:
        """Return the schema of a class that msgspec does not know: a model of pydantic."""
        tells = getattr(kind, "model_json_schema", None)
        if tells is None or issubclass(kind, Content):
            raise _Unknown(kind)
        schema: Schema = tells(ref_template=REFERENCE + "{model}")
        named = schema.pop("$defs", {})
        if any(self.components.get(name, named[name]) != named[name] for name in named):
            own = f"{kind.__module__}.{kind.__qualname__}.".replace("<locals>", "")
            schema = tells(ref_template=f"{REFERENCE}{own}{{model}}")
            named = {f"{own}{name}": one for name, one in schema.pop("$defs", {}).items()}
        self.components |= named
        return schema


def default_of(parameter: Parameter) -> Schema:
    """Return what a schema says of the default of a parameter, if that is JSON."""
    if parameter.default is Parameter.empty:
        return {}
    try:
        return {"default": msgspec.json.decode(written(parameter.default))}
    except (ValueError, msgspec.DecodeError):
        return {}


def note_of(annotation: Any) -> str:
    """Return the description in ``Annotated[…, "description"]``; also that of Field and Doc."""
    for one in getattr(annotation, "__metadata__", ()):
        for text in (one, *(getattr(one, name, None) for name in ("description", "documentation"))):
            if isinstance(text, str) and text:
                return text
    return ""
