"""How callers of other protocols are answered: one module for each protocol.

A kind makes a response of a call and its outcome, and touches neither the store nor Pushpin.
"""

from __future__ import annotations

from .aws import WAIT_S, aws_error, aws_headers, aws_late, aws_reply
from .mcp import MCP, MCP_STREAM, ToolCall, mcp_progress, mcp_reply
from .mless import InvocationDetails, bounded_wait, invoke_reply

__all__ = [
    "MCP",
    "MCP_STREAM",
    "WAIT_S",
    "InvocationDetails",
    "ToolCall",
    "aws_error",
    "aws_headers",
    "aws_late",
    "aws_reply",
    "bounded_wait",
    "invoke_reply",
    "mcp_progress",
    "mcp_reply",
]
