"""``/invoke/<id>/<method>``: calls as the invocations of mless."""

from __future__ import annotations

import time
from dataclasses import replace

from flask import Blueprint, request
from werkzeug.wrappers import Response

from ...errors import BadRequest, TooLarge
from ...hub.calls import INVOKE, Caller, InvocationDetails, bounded_wait
from ...hub.delivery import CallerContext, with_id
from ...protocol import jsontext
from ...protocol.http import parse_wait
from ...protocol.mless import InvokeRequest, ProxyRequest
from .. import bodies
from ..front import arrived
from ..incoming import address, authorized, current_hub, http_node
from .asking import Ask, answered, repeated_call
from .plain import check_path, most_of, read_body

blueprint = Blueprint("invocations", __name__)


@blueprint.post("/invoke/<lambda_id>/<method>")
def invoke(lambda_id: str, method: str) -> Response:
    """Invoke a method of a lambda: a ProxyRequest in, an InvokeReply out."""
    return _invoked(lambda_id, method)


@blueprint.post("/invoke/service/<name>/<method>")
def invoke_service(name: str, method: str) -> Response:
    """Invoke a method of one of the hosts of a service."""
    return _invoked("", method, name)


def _invoked(lambda_id: str, method: str, service: str = "") -> Response:
    hub = current_hub()
    node = http_node(hub, request)
    wait_s = parse_wait(request.headers.get("Prefer", ""), hub.settings.wait_s)
    plain = Caller(
        node,
        wait_s,
        max_body=most_of(request),
        address=address(hub, request),
        arrived=arrived(request),
        service=service,
    )
    bodies.check_size(request, plain.max_body)
    check_path(request, method)
    # What Pushpin repeats has been asked before, and its lambda may be gone by now.
    if "Grip-Last" in request.headers:
        text = bodies.read(request, plain.max_body + 1)
    else:
        plain = authorized(hub, request, plain)
        text = read_body(hub, request, lambda_id, method, plain)
    if len(text) > plain.max_body:
        raise TooLarge(f"the body may have {plain.max_body} bytes at most")
    text = jsontext.without_bom(text)
    if not jsontext.is_json(text):
        raise BadRequest(
            f"the body must be JSON in UTF-8, nested no deeper than {jsontext.MAX_DEPTH} levels"
        )
    proxied = ProxyRequest.decode(text)
    caller = _caller(plain, proxied, InvokeRequest.decode(text).deadline)
    repeated = repeated_call(hub, request, lambda_id, caller)
    if repeated is not None:
        return repeated
    caller = authorized(hub, request, caller)
    return answered(hub, request, Ask(lambda_id, method, proxied.event, caller))


def _caller(plain: Caller, proxied: ProxyRequest, deadline_ms: int) -> Caller:
    now = time.time()
    context = with_id(proxied.context)
    return replace(
        plain,
        wait_s=bounded_wait(plain.wait_s, proxied.remaining, deadline_ms, now),
        kind=INVOKE,
        details=InvocationDetails(context.aws_request_id).encode(),
        given=CallerContext(context, proxied.env),
    )
