"""Values as JSON: what callers send, and what functions return."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from .content import Content
from .telling import text_of, type_of

#: What writes the values that nothing else does: returns what can be written.
Default = Callable[[Any], Any]


def to_json(value: Any) -> str:
    """Return a value as JSON (RFC 8259), which has no NaN.

    Raises:
        TypeError: something in it is of a type that JSON does not have.
        ValueError: it can't be written so: NaN, a circle, too deep, or itself raises.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError):
        raise
    except BaseException as error:
        raise ValueError(text_of(error) or type_of(error)) from None
    try:
        text.encode()
    except UnicodeEncodeError:  # half a surrogate pair, which only an escape can write
        text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return text


def written(value: Any, default: Default | None = None) -> str:
    """Return a value as JSON (RFC 8259), which has no NaN.

    Beside JSON's own types these can be written: dataclasses, named tuples, attrs classes and
    msgspec structs as objects or arrays; datetime, date, time, timedelta (ISO 8601) and UUID as
    strings; Decimal as a string, which loses no digit; Enum as its value; sets as arrays; bytes in
    base64; scalars and arrays of numpy, models of pydantic, other mappings; `Image`, `Audio` and
    `Resource`.

    Args:
        default: is called for all other values.

    Raises:
        ValueError: it can't be written so.
    """
    try:
        return to_json(value)
    except TypeError:
        pass
    try:
        plain = msgspec.to_builtins(value, str_keys=True, enc_hook=lambda one: _plain(one, default))
        return to_json(plain)
    except ValueError:
        raise
    except BaseException as error:  # `default` is the user's, and so are the values
        raise ValueError(text_of(error) or type_of(error)) from None


def _plain(value: Any, default: Default | None) -> Any:
    if isinstance(value, Content):
        return value.block()
    kinds = {base.__module__.partition(".")[0] for base in type(value).__mro__}
    if "numpy" in kinds and hasattr(value, "tolist"):
        return value.tolist()
    if "pydantic" in kinds and hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return dict(value)
    if default is not None:
        return default(value)
    raise TypeError(f"a {type_of(value)} is not JSON; Host(default=…) may write it")
