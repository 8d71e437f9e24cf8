"""Responses to ``tools/call`` of the Model Context Protocol, and the events before them.

What the host failed with, and that it was asked and did not answer, is a result with ``isError``:
models are shown that. What never reached the host is an error of JSON-RPC.
"""

from __future__ import annotations

import msgspec

from .... import __version__
from ....protocol import mcp, sse
from ....protocol.mcp_tools import Structure, call_error, call_result, error_text
from ....store import Call, Outcome
from ..responses import Response
from .base import Kind, Previous, Streamed


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


#: What an entry begins with in the log of a stream.
_MCP = b"mcp "
_decoder = msgspec.json.Decoder(ToolCall)
_SERVER = mcp.server_info(__version__)


class McpKind(Kind):
    """A request that is answered with JSON."""

    def response(self, call: Call, outcome: Outcome) -> Response:
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


class McpStreamKind(McpKind, Streamed):
    """A request that is answered with events, of which the response is the last."""

    can_return = False
    away_s = 0.5  # its proxy may be about to come back

    def progress(self, call: Call, value: bytes, previous: Previous) -> bytes | None:
        token = ToolCall.of(call).progress_token.encode()
        told = mcp.notification(token, value, previous) if token else None
        return None if told is None else _MCP + told

    def last(self, call: Call, outcome: Outcome) -> bytes:
        return _MCP + self.response(call, outcome).body

    def event(self, entry: bytes, event_id: str) -> bytes:
        return sse.encode(entry.removeprefix(_MCP), name="message")  # without an id

    def opening(self, event_id: str) -> bytes:
        return sse.COMMENT


MCP = McpKind("mcp")
MCP_STREAM = McpStreamKind("mcp stream")
