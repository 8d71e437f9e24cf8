"""OpenRPC documents: what hosts say of their methods, and what is made of names alone.

Documents are written by hosts, so nothing in them is trusted. What the forms of parameters mean
for the body of a call:

- no parameters: null or ``{}``;
- one parameter by position: the body itself;
- others: members of the body, by name; if they may be given either way, a bare value is the first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from . import jsontext
from .names import is_method
from .schemas import VALUES, Schema, Schemas, as_object, clean_text, is_anything

#: How large a document may be, in bytes, and how many methods it may have.
DOCUMENT_MAX, METHODS_MAX = 1_000_000, 1_000
#: How many characters descriptions of methods, their summaries and titles may have.
TEXT_MAX, SUMMARY_MAX = 8_000, 300
_VERSION = "1.3.2"
_PARAMS_MAX = 200


@dataclass(frozen=True)
class Method:
    """What is known of a method.

    Attributes:
        name: what it is called by.
        summary: what it does, in a line.
        text: what it does.
        body: the schema of the body, which stands by itself.
        members: the same of an object in its place; None if the body can be none.
        needs_body: whether there has to be a body.
        first: what the body is called if it is one value.
        result: the schema of the result; None if nothing is known of it.
        deprecated: whether it had better not be called any more.
    """

    name: str
    summary: str = ""
    text: str = ""
    body: Schema = field(default_factory=dict)
    members: Schema | None = None
    needs_body: bool = False
    first: str = "body"
    result: Schema | None = None
    deprecated: bool = False


@dataclass(frozen=True, eq=False)
class Description:
    """What is known of the methods of a host; each is equal to itself only.

    Attributes:
        title: what they are together; empty if it is not said.
        text: more of that.
        methods: in the order of the host.
        document: the document as it came; empty if it was made here.
    """

    title: str = ""
    text: str = ""
    methods: Sequence[Method] = ()
    document: bytes = b""

    def find(self, name: str) -> Method | None:
        """Return a method by its name."""
        return next((one for one in self.methods if one.name == name), None)


def parse(document: bytes) -> Description | None:
    """Read a document; None if it is none, too large or too deep."""
    if len(document) > DOCUMENT_MAX or not jsontext.is_json(document):
        return None
    try:
        said = orjson.loads(document)
    except orjson.JSONDecodeError:
        return None
    info = said.get("info") if isinstance(said, dict) else None
    if not isinstance(info, dict) or not isinstance(said.get("openrpc"), str):
        return None
    title, raw = info.get("title"), said.get("methods")
    if not isinstance(title, str) or not isinstance(raw, list) or len(raw) > METHODS_MAX:
        return None
    schemas = Schemas(said)
    methods: dict[str, Method] = {}
    for one in raw:
        method = _method(_target(said, one), said, schemas)
        if method is None:
            return None
        if is_method(method.name):
            methods.setdefault(method.name, method)
    return Description(
        clean_text(title, SUMMARY_MAX),
        clean_text(info.get("description"), TEXT_MAX),
        list(methods.values()),
        document,
    )


def of_names(methods: Sequence[str | Mapping[str, Any]] | None) -> Description:
    """Return what a host's ``methods`` say that it named at opening: names, or objects."""
    found: dict[str, Method] = {}
    for one in methods or ():
        said = {"name": one} if isinstance(one, str) else one
        name = said.get("name")
        if not isinstance(name, str) or not is_method(name) or len(found) >= METHODS_MAX:
            continue
        schemas = Schemas(said)
        body, text = (
            schemas.clean(said.get("params")),
            clean_text(said.get("description"), TEXT_MAX),
        )
        result = schemas.clean(said.get("result"))
        found[name] = Method(
            name,
            clean_text(text.partition("\n")[0], SUMMARY_MAX),
            text,
            body,
            _members(body),
            not is_anything(body) and body.get("type") != "null",
            result=None if is_anything(result) else result,
        )
    return Description(methods=list(found.values()))


def write(description: Description, title: str) -> bytes:
    """Return a document: that of the host, or one that says what is known.

    Args:
        title: what is described, if the host does not say.
    """
    if description.document:
        return description.document
    info = {"title": description.title or title, "version": "1.0.0"}
    components: dict[str, Schema] = {}
    methods = [_written(one, components) for one in description.methods]
    made = {"openrpc": _VERSION, "info": info, "methods": methods}
    return orjson.dumps(made | ({"components": {"schemas": components}} if components else {}))


def _written(method: Method, components: dict[str, Schema]) -> dict[str, Any]:
    said: dict[str, Any] = {"name": method.name}
    if method.summary:
        said["summary"] = method.summary
    if method.text:
        said["description"] = method.text
    body = hoisted(method.body, method.name, components)
    result = hoisted(method.result or {}, method.name, components)
    return said | {
        "paramStructure": "by-position",
        "params": [{"name": "body", "required": method.needs_body, "schema": body}],
        "result": {"name": "result", "schema": result},
    }


def hoisted(schema: Schema, owner: str, components: dict[str, Schema]) -> Schema:
    """Return a schema whose ``$defs`` are in the components of a document.

    Args:
        owner: what names are made of that are taken.
        components: those of the document; what is missing is added.
    """
    definitions = schema.get("$defs", {})
    rest = {name: value for name, value in schema.items() if name != "$defs"}
    if not definitions:
        return rest
    names: dict[str, str] = {}
    for name, one in definitions.items():
        plain = _renamed(one, {known: known for known in definitions})
        new = name if components.get(name, plain) == plain else f"{_safe(owner)}.{name}"
        names[name] = new
    for name, one in definitions.items():
        components[names[name]] = _renamed(one, names)
    return _renamed(rest, names)  # type: ignore[no-any-return]


def _safe(name: str) -> str:
    return "".join(
        one if one.isascii() and (one.isalnum() or one in "._-") else "_" for one in name
    )


def _renamed(schema: Any, names: Mapping[str, str]) -> Any:
    """Return a schema that refers to components by their new names."""
    if not isinstance(schema, dict):
        return schema
    made: dict[str, Any] = {}
    for keyword, value in schema.items():
        if keyword == "$ref":
            made[keyword] = f"#/components/schemas/{names[value.removeprefix('#/$defs/')]}"
        elif keyword in ("properties", "patternProperties"):
            made[keyword] = {name: _renamed(one, names) for name, one in value.items()}
        elif keyword in ("anyOf", "oneOf", "allOf", "prefixItems"):
            made[keyword] = [_renamed(one, names) for one in value]
        else:  # values are no objects with a reference: those of enumerations stay as they are
            made[keyword] = value if keyword in VALUES else _renamed(value, names)
    return made


def _target(document: Mapping[str, Any], raw: object) -> object:
    """Return what a reference to a component of the document leads to; others as they are."""
    pointer = raw.get("$ref") if isinstance(raw, dict) else None
    if not isinstance(pointer, str) or not pointer.startswith("#/components/"):
        return raw
    found: object = document
    for part in pointer[2:].split("/"):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def _method(raw: object, document: Mapping[str, Any], schemas: Schemas) -> Method | None:
    if not isinstance(raw, dict) or not isinstance(raw.get("name"), str):
        return None
    params = raw.get("params", [])
    if not isinstance(params, list) or len(params) > _PARAMS_MAX:
        return None
    read = [_parameter(_target(document, one), schemas) for one in params]
    known = [one for one in read if one is not None]
    if len(known) < len(params):
        return None
    result = _parameter(_target(document, raw.get("result")), schemas)
    given = result[1] if result is not None else {}
    text = clean_text(raw.get("description"), TEXT_MAX)
    summary = clean_text(raw.get("summary"), SUMMARY_MAX)
    body, members, needs_body = _body(known, raw.get("paramStructure"))
    return Method(
        raw["name"],
        summary or clean_text(text.partition("\n")[0], SUMMARY_MAX),
        text or summary,
        body,
        members,
        needs_body,
        known[0][0] if known else "body",
        None if is_anything(given) else given,
        raw.get("deprecated") is True,
    )


def _parameter(raw: object, schemas: Schemas) -> tuple[str, Schema, bool] | None:
    """Return the name of a content descriptor, its schema, and whether it is needed."""
    if not isinstance(raw, dict) or not isinstance(raw.get("name"), str):
        return None
    schema = schemas.clean(raw.get("schema"))
    text = clean_text(raw.get("description"), TEXT_MAX)
    said = {"description": text} if text and "description" not in schema else {}
    return raw["name"], schema | said, raw.get("required") is True


def _body(
    params: Sequence[tuple[str, Schema, bool]], structure: object
) -> tuple[Schema, Schema | None, bool]:
    """Return the schema of a body, that of an object in its place, and whether it is needed."""
    if not params:
        nothing = {"type": "object", "additionalProperties": False}
        return {"type": ["object", "null"], "additionalProperties": False}, nothing, False
    (_, first, needed), *others = params
    if not others and structure != "by-name":
        members = _members(first)
        if structure == "by-position" or (members is not None and not is_anything(first)):
            return first, members, needed
    definitions: dict[str, Any] = {}
    properties = {name: _joined(schema, definitions) for name, schema, _ in params}
    required = [name for name, _, is_needed in params if is_needed]
    members = {"type": "object", "properties": properties}
    members |= {"required": required} if required else {}
    kept = {"$defs": definitions} if definitions else {}
    may_be_bare = structure != "by-name" and not any(is_needed for *_, is_needed in others)
    if may_be_bare and not is_anything(first):
        bare = properties[params[0][0]]
        return {"anyOf": [members, bare]} | kept, members | kept, bool(required)
    return members | kept, members | kept, bool(required)


def _joined(schema: Schema, definitions: dict[str, Any]) -> Schema:
    """Return a schema whose ``$defs`` are among those of the whole."""
    own = schema.get("$defs", {})
    rest = {name: value for name, value in schema.items() if name != "$defs"}
    if any(definitions.get(name, one) != one for name, one in own.items()):
        return {}  # two of one name, which schemas of one document do not have
    definitions |= own
    return rest


def _members(body: Schema) -> Schema | None:
    """Return the schema of an object that is the body; None if it can be none."""
    return {"type": "object"} if is_anything(body) else as_object(body)
