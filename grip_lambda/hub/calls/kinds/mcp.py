"""Responses to ``tools/call`` of the Model Context Protocol, and the events before them.

What the host failed with, and that it was asked and did not answer, is a result with ``isError``:
models are shown that. What never reached the host is an error of JSON-RPC.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from .... import __version__
from ....protocol import mcp
from ....protocol.mcp_tools import Structure, call_error, call_result, error_text
from ....store import Call, Outcome
from ..responses import Response

#: The kinds of these calls: answered with JSON, and with events.
MCP, MCP_STREAM = "mcp", "mcp stream"


class ToolCall(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """What is kept of a request for its response.

    Attributes:
        id: that of the request, a JSON text.
        modern: whether it is of a revision without sessions.
        structure: what of the result is structured.
        progress_token: a JSON text; empty for none.
    """

    id: str
    modern: bool = False
    structure: int = 0
    progress_token: str = ""

    def encode(self) -> str:
        """Return the details of a call."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def of(cls, call: Call) -> ToolCall:
        """Read the details of a call."""
        return _decoder.decode(call.details)


_decoder = msgspec.json.Decoder(ToolCall)
_SERVER = mcp.server_info(__version__)


def mcp_reply(call: Call, outcome: Outcome) -> Response:
    """Return the response to the request, which is the last event of those that have events."""
    asked = ToolCall.of(call)
    id = asked.id.encode()
    failure, error = outcome.failure(), outcome.host_error()
    if failure is not None and not outcome.may_have_been_asked:
        data = {"code": failure.code, "status": outcome.status}
        return Response(200, mcp.error(id, mcp.INTERNAL_ERROR, failure.error, data))
    if failure is not None:
        members = call_error(f"{failure.error}; what was asked for may have been done")
    elif error is not None:
        members = call_error(error_text(error))
    else:
        members = call_result(outcome.body, Structure(asked.structure))
    if asked.modern:
        members = {"resultType": b'"complete"', **members, "_meta": _SERVER}
    text = b",".join(b'"%b":%b' % (name.encode(), value) for name, value in members.items())
    return Response(200, b'{"jsonrpc":"2.0","id":%b,"result":{%b}}' % (id, text))


def mcp_progress(call: Call, value: bytes, previous: Callable[[], bytes]) -> bytes | None:
    """Return what is sent of progress that a host reports; None if it is not asked for.

    Args:
        previous: gives what was sent before; empty for nothing.
    """
    token = ToolCall.of(call).progress_token.encode()
    return mcp.notification(token, value, previous) if token else None
