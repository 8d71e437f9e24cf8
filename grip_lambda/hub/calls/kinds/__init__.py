"""How callers of each protocol are answered: one class for each kind of call.

A kind makes a response of a call and its outcome, and touches neither the store nor Pushpin.
"""

from __future__ import annotations

from collections.abc import Mapping

from ....store import Call
from .aws import AWS, EVENT, WAIT_S, aws_error, aws_headers
from .base import ASYNC, MEMBER, MONOLOGUE, PLAIN, STREAM, Kind, Streamed
from .mcp import MCP, MCP_STREAM, ToolCall
from .mless import INVOKE, InvocationDetails, bounded_wait, error_of

#: All kinds, by the name that is stored with a call.
KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        *(PLAIN, ASYNC, STREAM, MEMBER, MONOLOGUE),
        *(INVOKE, AWS, EVENT, MCP, MCP_STREAM),
    )
}


def kind_of(call: Call) -> Kind:
    """Return the kind of a call."""
    return KINDS[call.kind]


__all__ = [
    "ASYNC",
    "AWS",
    "EVENT",
    "INVOKE",
    "KINDS",
    "MCP",
    "MCP_STREAM",
    "MEMBER",
    "MONOLOGUE",
    "PLAIN",
    "STREAM",
    "WAIT_S",
    "InvocationDetails",
    "Kind",
    "Streamed",
    "ToolCall",
    "aws_error",
    "aws_headers",
    "bounded_wait",
    "error_of",
    "kind_of",
]
