"""JSON Schemas that strangers have written, as schemas that others may be given.

What comes out is a valid schema of the 2020-12 dialect that refers to nothing outside of itself:
keywords that are not known here, references to other documents and texts that nobody can see are
left out. There is a bound to its depth and to its size.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

Schema = dict[str, Any]

#: How deep schemas may be nested, and how many there may be in one and in all of a document.
_DEPTH_MAX, _PARTS_MAX, _TOTAL_MAX = 32, 2_000, 50_000
#: So many characters of text in a schema count like another one.
_TEXT_PART = 100
#: The same of a pattern, which has to be read.
_PATTERN_PART = 5
#: How many parts a default, a constant or the values of an enumeration may have.
_VALUES_MAX = 1_000
#: How many characters the name of a member may have, and a text in a schema.
_NAME_MAX, _TEXT_MAX = 500, 2_000
_TYPES = frozenset({"null", "boolean", "object", "array", "number", "string", "integer"})
_POINTER = re.compile(r"#(/.*)?", re.DOTALL)
_ODD = re.compile(r"[^A-Za-z0-9._-]+")
#: What joins letters in some scripts, and emoji; and how emoji are drawn.
_JOINERS = "\u200c\u200d\ufe0e\ufe0f"
#: Categories of characters that nobody sees; and others that are drawn as nothing.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_BLANK = re.compile("[\u115f\u1160\u3164\uffa0\ufe00-\ufe0d\U000e0000-\U000e0fff]")


def clean_text(text: object, most: int) -> str:
    """Return a text without characters that can't be seen, such as those that turn its direction.

    An agent reads them nevertheless, so that they could tell it what no human sees.

    Args:
        most: how many characters it may have.
    """
    if not isinstance(text, str):
        return ""
    kept = _BLANK.sub("", text[: 2 * most])
    if not kept.replace("\n", "").replace("\t", "").isprintable():
        kept = "".join(filter(_is_seen, kept))
    return kept if len(kept) <= most else kept[: most - 1] + "…"


def _is_seen(character: str) -> bool:
    if character in "\n\t" or character in _JOINERS:
        return True
    return unicodedata.category(character) not in _UNSEEN


class TooMuch(Exception):
    """A schema is too deep, or has too many parts."""


class Schemas:
    """The schemas of one document."""

    def __init__(self, document: object) -> None:
        """Take the document, to which schemas may refer."""
        self._document = document
        self._left = _TOTAL_MAX

    def clean(self, raw: object) -> Schema:
        """Return a schema that stands by itself; ``{}``, anything, if it is too large or no schema.

        What it refers to is in its ``$defs``.
        """
        one = _Cleaning(raw, self._document, min(self._left, _PARTS_MAX))
        try:
            return one.schema()
        except TooMuch:
            return {}
        finally:
            self._left -= one.parts


class _Cleaning:
    """One schema while it is being cleaned."""

    def __init__(self, raw: object, document: object, most: int) -> None:
        self._raw = raw
        self._document = document
        self._most = most
        self._names: dict[str, str] = {}
        self._found: dict[str, object] = {}
        self.parts = 0

    def schema(self) -> Schema:
        made = self._part(self._raw, 0)
        schema = made if isinstance(made, dict) else ({} if made else {"not": {}})
        definitions: dict[str, Any] = {}
        while self._found:
            name, raw = self._found.popitem()
            definitions[name] = self._part(raw, 1)
        return schema | ({"$defs": definitions} if definitions else {})

    def _part(self, raw: object, depth: int) -> Schema | bool:
        self.parts += 1
        if depth > _DEPTH_MAX or self.parts > self._most:
            raise TooMuch
        if isinstance(raw, bool):
            return raw
        if not isinstance(raw, dict):
            return {}
        made: Schema = {}
        for keyword, value in raw.items():
            if keyword in VALUES:
                if self._is_small(keyword, value):
                    made[keyword] = value
                continue
            kept = self._kept(keyword, value, depth)
            if kept is not None:
                made[keyword] = kept
        if isinstance(raw.get("items"), list):  # as it was written before 2020
            made.setdefault("prefixItems", self._many(raw["items"], depth) or [{}])
            made.pop("items", None)
        return made

    def _kept(self, keyword: object, value: object, depth: int) -> Any:
        if isinstance(value, str):
            size = _PATTERN_PART if keyword == "pattern" else _TEXT_PART
            self.parts += min(len(value), _TEXT_MAX) // size
        if keyword == "$ref":
            return self._reference(value)
        if keyword in _PLAIN:
            return _PLAIN[keyword](value)
        if keyword in _SCHEMA:
            return self._part(value, depth + 1) if isinstance(value, dict | bool) else None
        if keyword in _SCHEMAS:
            return (self._many(value, depth) or None) if isinstance(value, list) else None
        if keyword in _NAMED and isinstance(value, dict):
            return {
                name: self._part(one, depth + 1)
                for name, one in value.items()
                if isinstance(one, dict | bool)
                and (len(name) <= _NAME_MAX if keyword == "properties" else self._matches(name))
            }
        return None

    def _matches(self, pattern: str) -> bool:
        self.parts += min(len(pattern), _TEXT_MAX) // _PATTERN_PART
        return _is_pattern(pattern)

    def _is_small(self, keyword: object, value: object) -> bool:
        """Tell whether a value, or values, may stay as they are."""
        if keyword in ("enum", "examples") and not (isinstance(value, list) and value):
            return False
        size = _size(value, _VALUES_MAX)
        self.parts += size
        return size <= _VALUES_MAX

    def _many(self, values: list[Any], depth: int) -> list[Any]:
        return [self._part(one, depth + 1) for one in values if isinstance(one, dict | bool)]

    def _reference(self, pointer: object) -> str | None:
        """Return a reference into the ``$defs``; None if there is nothing to refer to."""
        if not isinstance(pointer, str) or not _POINTER.fullmatch(pointer):
            return None
        if pointer not in self._names:
            target = _at(self._raw, pointer)
            if target is None:
                target = _at(self._document, pointer)
            if target is None:
                return None
            name = _ODD.sub("_", pointer.rpartition("/")[2])[:100].strip("_#") or "itself"
            taken = set(self._names.values())
            number = 1
            while name in taken:
                number += 1
                name = f"{name.rstrip('0123456789')}{number}"
            self._names[pointer] = name
            self._found[name] = target
        return f"#/$defs/{self._names[pointer]}"


def _at(root: object, pointer: str) -> object | None:
    """Return what a JSON pointer leads to (RFC 6901); None if that is no schema."""
    found = root
    for part in pointer[2:].split("/") if len(pointer) > 1 else ():
        if not isinstance(found, dict):
            return None
        found = found.get(part.replace("~1", "/").replace("~0", "~"))
    return found if isinstance(found, dict | bool) else None


def _type(value: object) -> Any:
    if isinstance(value, list):
        kept = list(dict.fromkeys(one for one in value if isinstance(one, str) and one in _TYPES))
        return kept or None
    return value if isinstance(value, str) and value in _TYPES else None


def _text(value: object) -> str | None:
    return clean_text(value, _TEXT_MAX) or None


def _word(value: object) -> str | None:
    return value if isinstance(value, str) and re.fullmatch(r"[\w.+/-]{1,100}", value) else None


def _number(value: object) -> float | int | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _above_zero(value: object) -> float | int | None:
    found = _number(value)
    return found if found is not None and found > 0 else None


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _strings(value: object) -> list[str] | None:
    if not isinstance(value, list):
        return None
    return list(dict.fromkeys(one for one in value if isinstance(one, str)))[:_VALUES_MAX]


def _size(value: object, most: int) -> int:
    """Return how many parts a value has; counting ends above ``most``."""
    count = 0
    rest = [value]
    while rest and count <= most:
        one = rest.pop()
        count += 1 + (len(one) // _TEXT_PART if isinstance(one, str) else 0)
        if isinstance(one, dict):
            rest += one.values()
            count += sum(map(len, one)) // _TEXT_PART if len(one) <= most else most
        elif isinstance(one, list):
            rest += one[: most + 1]
    return count


def _pattern(value: object) -> str | None:
    return value if isinstance(value, str) and _is_pattern(value) else None


def _is_pattern(text: object) -> bool:
    if not isinstance(text, str) or len(text) > _TEXT_MAX:
        return False
    try:
        re.compile(text)
    except (re.error, RecursionError, OverflowError):
        return False
    return True


#: Keywords that have a schema, an array of schemas, and schemas by name. What `$defs` have is taken
#: along if there is a reference to it.
_SCHEMA = frozenset(
    {"items", "contains", "additionalProperties", "unevaluatedProperties", "unevaluatedItems"}
    | {"propertyNames", "not", "if", "then", "else"}
)
_SCHEMAS = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})
_NAMED = frozenset({"properties", "patternProperties"})
VALUES = frozenset({"enum", "examples", "const", "default"})
#: What becomes of the values of other keywords; None leaves one out.
_PLAIN: Mapping[object, Callable[[object], Any]] = {
    "type": _type,
    "title": _text,
    "description": _text,
    "format": _word,
    "contentEncoding": _word,
    "contentMediaType": _word,
    "pattern": _pattern,
    "required": _strings,
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), _number),
    "multipleOf": _above_zero,
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems"), _count),
    **dict.fromkeys(("minProperties", "maxProperties", "minContains", "maxContains"), _count),
    **dict.fromkeys(("uniqueItems", "deprecated", "readOnly", "writeOnly"), _flag),
}


def is_anything(schema: Schema) -> bool:
    """Tell whether a schema says nothing of a value; what it says in words does not count."""
    return not schema.keys() - {"title", "description", "default", "examples", "$defs"}


def as_object(schema: Schema) -> Schema | None:
    """Return a schema whose root says that it is an object's; None if it is another value's."""
    definitions = schema.get("$defs", {})
    kept = {"$defs": definitions} if definitions else {}
    found: Schema = {name: value for name, value in schema.items() if name != "$defs"}
    for _ in range(_DEPTH_MAX):
        target = definitions.get(str(found.get("$ref", "")).removeprefix("#/$defs/"))
        one = _only(found)
        if isinstance(target, dict):
            found = target | {name: one for name, one in found.items() if name != "$ref"}
        elif one is not None:
            found = one
        else:
            break
    if found.get("type") == "object" or ("type" not in found and "properties" in found):
        return {"type": "object"} | found | kept
    for keyword in ("anyOf", "oneOf"):
        parts = found.get(keyword, [])
        if parts and all(_is_object(one, definitions) for one in parts):
            return {"type": "object"} | found | kept
    return None


def _is_object(schema: object, definitions: Mapping[str, Any]) -> bool:
    if not isinstance(schema, dict) or any(word in schema for word in ("anyOf", "oneOf")):
        return False
    return as_object(schema | {"$defs": definitions}) is not None


def _only(schema: Schema) -> Schema | None:
    """Return the one alternative to null that a schema has."""
    for keyword in ("anyOf", "oneOf"):
        parts = schema.get(keyword)
        if parts is None:
            continue
        others = [one for one in parts if one != {"type": "null"}]
        if len(others) == 1 and len(parts) == 2 and isinstance(others[0], dict):
            rest = {name: one for name, one in schema.items() if name not in (keyword, "default")}
            return others[0] | rest
    return None
