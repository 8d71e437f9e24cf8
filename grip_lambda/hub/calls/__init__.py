"""A call and its caller: begun, delivered, ended, answered; and calls that are asked for apart.

It sends to hosts through ``delivery``, and asks ``access`` whom a caller may call. It does not know
how hosts come and go.
"""

from __future__ import annotations

from . import outcomes
from .asked_all import MEMBER, Asked, CallsOfAll
from .caller import BegunCall, Caller
from .descriptions import Descriptions
from .kept import SAME, SHOW, KeptCalls, pending
from .kinds import (
    MCP,
    MCP_STREAM,
    WAIT_S,
    InvocationDetails,
    ToolCall,
    aws_error,
    aws_headers,
    bounded_wait,
)
from .lifecycle import Calls
from .prompt import HandedOver, PromptCalls
from .replies import SAME_STREAM, Replies
from .responses import HOST_HEADER, Hold, Response
from .streamed import STREAM, STREAMS, Piece, StreamedCalls
from .waiting import Waiters

__all__ = [
    "HOST_HEADER",
    "MCP",
    "MCP_STREAM",
    "MEMBER",
    "SAME",
    "SAME_STREAM",
    "SHOW",
    "STREAM",
    "STREAMS",
    "WAIT_S",
    "Asked",
    "BegunCall",
    "Caller",
    "Calls",
    "CallsOfAll",
    "Descriptions",
    "HandedOver",
    "Hold",
    "InvocationDetails",
    "KeptCalls",
    "Piece",
    "PromptCalls",
    "Replies",
    "Response",
    "StreamedCalls",
    "ToolCall",
    "Waiters",
    "aws_error",
    "aws_headers",
    "bounded_wait",
    "outcomes",
    "pending",
]
