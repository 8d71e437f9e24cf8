"""The few things of HTTP that the contract rules: names of headers, how long a client waits."""

from __future__ import annotations

import math
import re

from ..errors import BadRequest
from .fields import preferences

WAIT_MIN_S = 0.05
WAIT_MAX_S = 3600.0

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?", re.IGNORECASE | re.ASCII)


def canonical_name(name: str) -> str:
    """Return a header name the way Go's net/http writes it: ``Sec-Websocket-Key``."""
    return "-".join(part.capitalize() for part in name.split("-"))


def prefers(prefer: str, wanted: str) -> bool:
    """Tell whether a ``Prefer`` header has a preference, like ``respond-async`` (RFC 7240)."""
    return wanted in preferences(prefer)


def parse_wait(prefer: str, default_s: float) -> float:
    """Return the seconds that a ``Prefer`` header asks to wait (RFC 7240 section 4.3).

    Fractions are allowed, and the nearer end is taken outside 0.05 to 3600.

    Raises:
        BadRequest: the value is not a finite number.
    """
    if not prefer:
        return default_s
    return parse_seconds(preferences(prefer).get("wait"), "Prefer: wait", default_s)


def parse_seconds(text: str | None, name: str, default_s: float) -> float:
    """Return how long somebody is ready to wait, in seconds.

    Args:
        text: a number; None for ``default_s``. The nearer end is taken outside 0.05 to 3600.
        name: how the client knows it.

    Raises:
        BadRequest: it is not a finite number.
    """
    if text is None:
        return default_s
    seconds = float(text) if _NUMBER.fullmatch(text) else math.nan
    if not math.isfinite(seconds):
        raise BadRequest(f"{name} must be a number of seconds, like {name.rpartition(' ')[2]}=10")
    return min(max(seconds, WAIT_MIN_S), WAIT_MAX_S)
