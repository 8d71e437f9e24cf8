"""``/invoke/<id>/<method>``: calls as the invocations of mless."""

from __future__ import annotations

import time
from functools import partial

from flask import Blueprint, request
from werkzeug.wrappers import Response

from ..errors import BadRequest
from ..hub.callers import Caller
from ..hub.invocations import Details, Given, bounded_wait, with_id
from ..protocol import jsontext
from ..protocol.http import parse_wait
from ..protocol.mless import InvokeRequest, ProxyRequest
from ..settings import MAX_BODY
from ..store import Earlier
from .calls import check_path, read_body, repeated_call
from .context import authorized, current_hub, http_node
from .responses import hold

blueprint = Blueprint("invocations", __name__)


@blueprint.post("/invoke/<lambda_id>/<method>")
def invoke(lambda_id: str, method: str) -> Response:
    """Invoke a method of a lambda: a ProxyRequest in, an InvokeReply out."""
    hub = current_hub()
    node = http_node(hub, request)
    wait_s = parse_wait(request.headers.get("Prefer", ""), hub.settings.wait_s)
    text = read_body(request, MAX_BODY)
    if not jsontext.is_json(text):
        raise BadRequest(
            f"the body must be JSON in UTF-8, nested no deeper than {jsontext.MAX_DEPTH} levels"
        )
    proxied = ProxyRequest.decode(text)
    caller = _caller(node, proxied, InvokeRequest.decode(text).deadline, wait_s)
    repeated = repeated_call(hub, request, lambda_id, caller)
    if repeated is not None:
        return repeated
    check_path(request, method)
    caller = authorized(hub, request, caller)
    begun = hub.calls.begin(lambda_id, method, proxied.event, caller)
    assert not isinstance(begun, Earlier), "it has no Idempotency-Key"
    response = hold(request, begun.hold)
    response.call_on_close(partial(hub.calls.deliver, begun))
    return response


def _caller(node: str, proxied: ProxyRequest, deadline_ms: int, wait_s: float) -> Caller:
    now = time.time()
    context = with_id(proxied.context)
    return Caller(
        node,
        bounded_wait(wait_s, proxied.remaining, deadline_ms, now),
        kind="invoke",
        details=Details(context.aws_request_id).encode(),
        given=Given(context, proxied.env),
    )
