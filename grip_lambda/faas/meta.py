"""What a function keeps with a connection: headers ``Meta-*`` in, ``Set-Meta-*`` out.

Values that a header can't carry as they are (none, other than ASCII, line ends) are written the way
RFC 8187 writes them, ``UTF-8''J%C3%BCrgen``; every other value is as it is in the original library.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from urllib.parse import quote, unquote_to_bytes

from .errors import InvalidUse

_PREFIX = "UTF-8''"
#: A field name and a field value of RFC 9110 section 5.
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_PLAIN = re.compile(r"[!-~](?:[ -~]*[!-~])?", re.ASCII)


def decode(value: str) -> str:
    """Return what a header says."""
    if not value.startswith(_PREFIX):
        return value
    try:
        return unquote_to_bytes(value[len(_PREFIX) :]).decode()
    except UnicodeDecodeError:
        return value


def encode(value: str) -> str:
    """Return the header that says ``value``."""
    if _PLAIN.fullmatch(value) and not value.startswith(_PREFIX):
        return value
    return _PREFIX + quote(value, safe="")


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Return the headers that turn one into the other; an empty value removes.

    Args:
        before: by the name in small letters.

    Raises:
        InvalidUse: a name or a value is none.
    """
    now: dict[str, str] = {}
    for name, value in after.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise InvalidUse(f"the name {name!r} of meta can't be part of a header's name")
        if not isinstance(value, str):
            raise InvalidUse(f"meta[{name!r}] must be a str, not {type(value).__name__}")
        if name.lower() in now:
            raise InvalidUse(f"meta has {name!r} twice: names are the same in small and capitals")
        now[name.lower()] = value
    for name in sorted(before.keys() - now.keys()):
        yield f"Set-Meta-{name}", ""
    for name, value in now.items():
        if before.get(name) != value:
            yield f"Set-Meta-{name}", encode(value)
