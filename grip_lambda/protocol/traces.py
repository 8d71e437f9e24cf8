"""The context of a trace that comes with a call.

Source: W3C Trace Context, sections 3.2 (traceparent) and 3.3 (tracestate).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

_PARENT = re.compile(
    r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?",
    re.ASCII,
)
_KEY = r"(?:[a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})"
_VALUE = r"[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
_MEMBER = re.compile(rf"{_KEY}={_VALUE}", re.ASCII)
_MEMBERS_MAX = 32
#: More than anybody has to pass on.
_STATE_MAX = 512


@dataclass(frozen=True)
class Trace:
    """Where a call stands in a trace.

    Attributes:
        trace_id: the trace, 32 hexadecimal digits.
        span_id: the span that the host's is to be below, 16 hexadecimal digits.
        flags: two hexadecimal digits.
        state: what vendors add; may be empty.
        parent_id: the caller's span if ``span_id`` is the call's own; else empty.
    """

    trace_id: str
    span_id: str
    flags: str = "01"
    state: str = ""
    parent_id: str = ""

    @property
    def parent(self) -> str:
        """The value of ``traceparent``."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"

    @property
    def env(self) -> dict[str, str]:
        """What a host finds in the environment of its context."""
        state = {"TRACESTATE": self.state} if self.state else {}
        return {"TRACEPARENT": self.parent, **state}

    def below(self, span_id: str) -> Trace:
        """Return the trace with a span of the call's own between the caller's and the host's."""
        return replace(self, span_id=span_id, parent_id=self.span_id)


def parse(parent: str, state: str = "") -> Trace | None:
    """Read the two headers.

    Returns:
        None if ``traceparent`` is none; a ``tracestate`` that is none is left out.
    """
    found = _PARENT.fullmatch(parent.strip(" \t"))
    if found is None or (found[1] == "00" and found[5] is not None):
        return None
    return Trace(found[2], found[3], found[4], _state(state))


def _state(text: str) -> str:
    members = [one for member in text.split(",") if (one := member.strip(" \t"))]
    keys = {one.partition("=")[0] for one in members}
    fits = len(text) <= _STATE_MAX and len(members) <= _MEMBERS_MAX
    if not fits or len(keys) < len(members) or not all(map(_MEMBER.fullmatch, members)):
        return ""
    return ",".join(members)
