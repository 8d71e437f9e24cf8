"""Header fields that are lists: ``Prefer`` and ``Accept``. Each is read in one pass.

Source: RFC 9110 sections 5.6 and 12.5.1, RFC 7240 section 2.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

#: So many elements of a list are looked at; nobody who means something sends more.
_ELEMENTS_MAX = 100
#: A separator; or what stands between two, with quoted strings, of which the last may not end.
_PIECE = re.compile(r'[,;]|(?:"(?:[^"\\]++|\\.)*+"?+|[^",;]++)++', re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_QUALITY = re.compile(r"0(?:\.\d*)?|1(?:\.0*)?", re.ASCII)


def split(text: str, separator: str) -> Sequence[str]:
    """Split a text at a comma or a semicolon that is not within a quoted string."""
    if '"' not in text:
        return text.split(separator, _ELEMENTS_MAX)[:_ELEMENTS_MAX]
    parts: list[list[str]] = [[]]
    for found in _PIECE.finditer(text):
        if found[0] != separator:
            parts[-1].append(found[0])
        elif len(parts) == _ELEMENTS_MAX:
            break
        else:
            parts.append([])
    return ["".join(part) for part in parts]


def preferences(prefer: str) -> dict[str, str]:
    """Return what a ``Prefer`` header says: values by name; of the same name the first counts."""
    found: dict[str, str] = {}
    for preference in split(prefer, ","):
        name, _, value = split(preference, ";")[0].partition("=")
        found.setdefault(name.strip().lower(), _unquoted(value.strip()))
    return found


def accepted(accept: str) -> Sequence[tuple[str, float]]:
    """Return what an ``Accept`` header names: media ranges and their qualities, the best first.

    Parameters beside ``q`` say nothing here; a range whose ``q`` makes no sense is left out.
    """
    ranges = []
    for element in split(accept, ","):
        kind, *parameters = split(element, ";")
        quality = _quality(parameters)
        if quality is not None and kind.strip():
            ranges.append((kind.strip().lower(), quality))
    return sorted(ranges, key=lambda one: -one[1])


def best(accept: str, kinds: Sequence[str]) -> str | None:
    """Return the media type that a client would rather have; None if it accepts none of them.

    Of two alike that which is named, not meant by a wildcard; then that which is named first.
    """
    ranges = accepted(accept)

    def rank(kind: str) -> tuple[float, int, int]:
        wider = (kind, f"{kind.partition('/')[0]}/*", "*/*")
        for width, wanted in enumerate(wider):
            for place, (one, quality) in enumerate(ranges):
                if one == wanted:
                    return quality, -width, -place
        return 0.0, 0, 0

    chosen = max(kinds, key=rank)
    return chosen if rank(chosen)[0] > 0 else None


def _quality(parameters: Sequence[str]) -> float | None:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            value = value.strip()
            return float(value) if _QUALITY.fullmatch(value) else None
    return 1.0


def _unquoted(value: str) -> str:
    if not value.startswith('"'):
        return value
    return _ESCAPE.sub(r"\1", value[1:].removesuffix('"')).strip()
