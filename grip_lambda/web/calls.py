"""``/lambda/<id>/<method>``: calls."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import flask
import orjson
from flask import Blueprint
from werkzeug.exceptions import MethodNotAllowed
from werkzeug.wrappers import Request, Response

from ..errors import BadRequest, TooLarge
from ..grip.node import HOLD_ID
from ..hub import Hub, replies
from ..hub.calls import TOO_LATE, Caller, Hold
from ..hub.channels import parse_call_channel
from ..protocol.http import parse_wait
from ..settings import MAX_BODY
from .context import TICKET, current_hub, http_node, permit

blueprint = Blueprint("calls", __name__)

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


@blueprint.route("/lambda/<lambda_id>/<method>", methods=_METHODS)
def _call(lambda_id: str, method: str) -> Response:
    if flask.request.method == "HEAD":
        raise MethodNotAllowed(_METHODS, "a call has an answer; use GET or POST")
    return call(current_hub(), flask.request, lambda_id, method)


def call(hub: Hub, request: Request, lambda_id: str, method: str) -> Response:
    """Call a method of a lambda, and have its answer as the response."""
    node = http_node(hub, request)
    wait_s = parse_wait(request.headers.get("Prefer", ""), hub.settings.wait_s)
    repeated = _repeated_call(hub, request, lambda_id, node, wait_s)
    if repeated is not None:
        return repeated
    if "\ufffd" in method:
        _check_path(request)
    caller = Caller(node, wait_s, permit=permit(hub, request))
    invocation = hub.calls.begin(lambda_id, method, _body(hub, request), caller)
    response = _hold(request, invocation.hold)
    response.call_on_close(partial(hub.calls.deliver, invocation))
    return response


def _body(hub: Hub, request: Request) -> bytes:
    if request.method == "GET":
        query = {
            name: values[0] if len(values) == 1 else values
            for name, values in request.args.to_dict(flat=False).items()
            if name != TICKET or hub.access.ring is None  # which is not for the host
        }
        return orjson.dumps(query)
    if (request.content_length or 0) > MAX_BODY:
        raise TooLarge(f"the body may have {MAX_BODY} bytes at most")
    return request.stream.read(MAX_BODY + 1)


def _check_path(request: Request) -> None:
    """Refuse a path that is not UTF-8, which Werkzeug reads with replacement characters."""
    try:
        request.environ["PATH_INFO"].encode("latin-1").decode()
    except UnicodeError:
        raise BadRequest("a method name must be UTF-8") from None


def _repeated_call(
    hub: Hub, request: Request, lambda_id: str, node: str, wait_s: float
) -> Response | None:
    """Answer a request that Pushpin repeats, which ``Grip-Last`` tells (clients can't send it)."""
    last = request.headers.get("Grip-Last")
    known = parse_call_channel(last.partition(";")[0].strip()) if last else None
    if known is None or known[0] != lambda_id:
        return None
    found = hub.calls.resume(*known, node, wait_s)
    return _hold(request, found) if isinstance(found, Hold) else _answer(request, found)


def _answer(
    request: Request, shown: replies.Response, headers: Mapping[str, str] | None = None
) -> Response:
    response = Response(
        shown.body, shown.status, headers or shown.headers, content_type="application/json"
    )
    if request.method == "GET":
        response.headers["Cache-Control"] = "no-store"
    return response


def _hold(request: Request, hold: Hold) -> Response:
    """Return what Pushpin sends if nobody publishes an answer in time; its headers stay."""
    return _answer(
        request,
        TOO_LATE,
        {
            "Grip-Hold": "response",
            "Grip-Channel": f"{hold.channel}; prev-id={HOLD_ID}",
            "Grip-Timeout": str(hold.timeout_s),
        },
    )
