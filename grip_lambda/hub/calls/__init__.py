"""A call and its caller: begun, delivered, ended, answered; and calls that are asked for apart.

It sends to hosts through ``delivery``, and asks ``access`` whom a caller may call. It does not know
how hosts come and go.
"""

from __future__ import annotations

from . import outcomes
from .answers import Answers
from .asked_all import Asked, CallsOfAll
from .caller import BegunCall, Caller
from .descriptions import Descriptions
from .events import CallEvents
from .kept import KeptCalls
from .kinds import (
    ASYNC,
    AWS,
    EVENT,
    INVOKE,
    MCP,
    MCP_STREAM,
    MEMBER,
    MONOLOGUE,
    PLAIN,
    STREAM,
    WAIT_S,
    InvocationDetails,
    Kind,
    ToolCall,
    aws_error,
    aws_headers,
    bounded_wait,
)
from .lifecycle import Calls
from .prompt import HandedOver, PromptCalls
from .replies import Replies
from .responses import HOST_HEADER, Hold, Response
from .streamed import Piece, StreamedCalls
from .waiting import Waiters
from .waits import SAME, SAME_STREAM, SHOW, WAITS, WaitKind, pending

__all__ = [
    "ASYNC",
    "AWS",
    "EVENT",
    "HOST_HEADER",
    "INVOKE",
    "MCP",
    "MCP_STREAM",
    "MEMBER",
    "MONOLOGUE",
    "PLAIN",
    "SAME",
    "SAME_STREAM",
    "SHOW",
    "STREAM",
    "WAITS",
    "WAIT_S",
    "Answers",
    "Asked",
    "BegunCall",
    "CallEvents",
    "Caller",
    "Calls",
    "CallsOfAll",
    "Descriptions",
    "HandedOver",
    "Hold",
    "InvocationDetails",
    "KeptCalls",
    "Kind",
    "Piece",
    "PromptCalls",
    "Replies",
    "Response",
    "StreamedCalls",
    "ToolCall",
    "WaitKind",
    "Waiters",
    "aws_error",
    "aws_headers",
    "bounded_wait",
    "outcomes",
    "pending",
]
