"""The few things of HTTP that the contract rules: header names, redaction, ``Prefer``."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from ..errors import BadRequest

REDACTED = "[redacted]"
WAIT_MIN_S = 0.05
WAIT_MAX_S = 3600.0

# Names that carry credentials, whatever stands before or behind.
_SECRET = re.compile(
    r"auth|cookie|token|secret|passw|credential|api-?key|signature|grip-sig|last-event-id",
    re.IGNORECASE,
)
# What Pushpin adds to a batch, or puts in the place of the client's; none of it came from there.
_INTERNAL = re.compile(
    r"content-(type|length)|connection-id|accept|sec-websocket-extensions|grip-(feature|last)|meta-.*",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE | re.ASCII)


def canonical_name(name: str) -> str:
    """Return a header name the way Go's net/http writes it: ``Sec-Websocket-Key``."""
    return "-".join(part.capitalize() for part in name.split("-"))


def listed_headers(headers: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Return a registration's headers as the listing shows them, credentials redacted."""
    listed: dict[str, list[str]] = {}
    for name, value in headers:
        if _INTERNAL.fullmatch(name):
            continue
        shown = REDACTED if _SECRET.search(name) else value
        listed.setdefault(canonical_name(name), []).append(shown)
    return listed


def prefers(prefer: str, wanted: str) -> bool:
    """Tell whether a ``Prefer`` header has a preference, like ``respond-async`` (RFC 7240)."""
    names = (one.partition(";")[0].partition("=")[0] for one in prefer.split(","))
    return any(name.strip().lower() == wanted for name in names)


def parse_wait(prefer: str, default_s: float) -> float:
    """Return the seconds that a ``Prefer`` header asks to wait (RFC 7240 section 4.3).

    Fractions are allowed, and the nearer end is taken outside 0.05 to 3600.

    Raises:
        BadRequest: the value is not a finite number.
    """
    for preference in prefer.split(","):
        name, _, value = preference.partition(";")[0].partition("=")
        if name.strip().lower() != "wait":
            continue
        return parse_seconds(value.strip().strip('"'), "Prefer: wait", default_s)
    return default_s


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
