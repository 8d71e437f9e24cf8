"""``/mcp/…``: what can be called as tools of the Model Context Protocol, over Streamable HTTP.

Nothing is kept between two requests. ``tools/call`` is a call; the other requests ask for what is
known of a lambda. Closing a request whose response is a stream cancels its call.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeAlias

from flask import Blueprint, request
from werkzeug.exceptions import MethodNotAllowed
from werkzeug.wrappers import Request, Response

from ... import __version__
from ...errors import RequestError
from ...hub import Hub
from ...hub.calls import MCP, MCP_STREAM, Caller, ToolCall
from ...protocol import mcp, mcp_tools, sse
from ...protocol.http import parse_wait
from ...protocol.mcp import INTERNAL_ERROR, INVALID_PARAMS, METHOD_NOT_FOUND, Message
from ...protocol.openrpc import Description
from ...store.facts import OUTCOME_KEPT_S, RESULT_KEPT_S
from .. import bodies
from ..front import arrived
from ..incoming import address, current_hub, http_node, permit
from .asking import Ask, answered, repeated_call
from .describing import callee
from .plain import most_of

blueprint = Blueprint("mcp", __name__)

_METHODS = ["POST", "GET", "DELETE", "PUT", "PATCH"]
Tools: TypeAlias = Mapping[str, mcp_tools.Tool]


@blueprint.route("/mcp/lambda/<lambda_id>", methods=_METHODS)
def of_lambda(lambda_id: str) -> Response:
    """Take a message for a lambda."""
    return _taken(lambda_id)


@blueprint.route("/mcp/service/<name>", methods=_METHODS)
def of_service(name: str) -> Response:
    """Take a message for a service."""
    return _taken("", name)


def _taken(lambda_id: str, service: str = "") -> Response:
    if request.method != "POST":
        raise MethodNotAllowed(["POST"], "the messages of MCP are posted; there are no sessions")
    hub = current_hub()
    try:
        return _answer(hub, request, lambda_id, service)
    except mcp.Refused as refused:
        return _json(refused.body, refused.status)


def _answer(hub: Hub, request: Request, lambda_id: str, service: str) -> Response:
    node = http_node(hub, request)
    wait_s = parse_wait(request.headers.get("Prefer", ""), hub.settings.wait_s)
    bodies.check_size(request, most_of(request))
    repeated = repeated_call(hub, request, lambda_id, Caller(node, wait_s, MCP, service=service))
    if repeated is not None:
        return repeated
    may = permit(hub, request)
    if bodies.is_large(request):  # which is not read for whom may not call
        callee(hub, may, lambda_id, service)
    message = mcp.parse(bodies.read(request, most_of(request)), _headers(request))
    if message is None or not message.is_request:
        callee(hub, may, lambda_id, service)
        return Response(status=202)
    try:
        description = hub.descriptions.of(callee(hub, may, lambda_id, service))
        if message.method == "tools/call":
            tools = mcp_tools.tools_of(description)
            nothing = Ask(lambda_id, "", b"", Caller(node, wait_s, permit=may, service=service))
            return answered(hub, request, _ask(hub, request, message, tools, nothing))
        return _json(_told(message, description))
    except RequestError as error:
        if error.status in (401, 403):
            raise
        data = {"code": error.code, "status": error.status}
        raise message.refusal(INTERNAL_ERROR, str(error), data=data) from None


def _told(message: Message, description: Description) -> bytes:
    """Return the answer to a request that is no call."""
    match message.method:
        case "initialize" if not message.modern:
            return mcp.introduced(message, __version__, description.title, description.text)
        case "server/discover" if message.modern:
            return mcp.introduced(message, __version__, description.title, description.text)
        case "ping":
            return mcp.result(message, __version__, {})
        case "tools/list":
            tools = mcp_tools.tools_of(description)
            return mcp.listed(message, __version__, [tool.shown for tool in tools.values()])
    status = 404 if message.modern else 200
    text = f"there is no method {message.method[:100]!r} here"
    raise message.refusal(METHOD_NOT_FOUND, text, status=status)


def _ask(hub: Hub, request: Request, message: Message, tools: Tools, ask: Ask) -> Ask:
    """Return the call that a request makes.

    Args:
        ask: whom it calls, and who does.
    """
    name = message.text("name")
    tool = tools.get(name)
    if tool is None:
        raise message.refusal(INVALID_PARAMS, f"unknown tool: {name[:100]!r}")
    body = mcp_tools.body_of(tool, message.params.get("arguments", b"{}"))
    if body is None:
        raise message.refusal(INVALID_PARAMS, "params.arguments must be an object")
    accepts_stream = sse.CONTENT_TYPE in request.headers.get("Accept", "").lower()
    token = message.progress_token if accepts_stream else b""
    asked = ToolCall(message.id.decode(), message.modern, tool.structure, token.decode())
    caller = replace(
        ask.caller,
        kind=MCP_STREAM if accepts_stream else MCP,
        details=asked.encode(),
        kept_s=RESULT_KEPT_S if accepts_stream else OUTCOME_KEPT_S,
        max_body=most_of(request),
        address=address(hub, request),
        arrived=arrived(request),
    )
    hurries = accepts_stream and not token
    return replace(ask, method=tool.method, body=body, caller=caller, may_hurry=hurries)


def _headers(request: Request) -> mcp.Headers:
    get = request.headers.get
    return mcp.Headers(get("MCP-Protocol-Version"), get("Mcp-Method"), get("Mcp-Name"))


def _json(body: bytes, status: int = 200) -> Response:
    response = Response(body, status, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response
