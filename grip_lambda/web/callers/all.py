"""``/service/<name>/all/<method>``: all hosts of a service asked at once."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import flask
from flask import Blueprint
from werkzeug.exceptions import MethodNotAllowed
from werkzeug.wrappers import Request, Response

from ...errors import BadRequest
from ...hub import Hub
from ...hub.calls import Asked
from .. import bodies
from ..front import hand_over, is_direct
from ..holds import held_or_answered, piece_response
from ..incoming import authorized, current_hub, http_node
from .plain import METHODS, body_of, caller_of, check_path
from .tracing import traced

blueprint = Blueprint("all", __name__)


@blueprint.route("/service/<name>/all/<method>", methods=METHODS)
def ask_all(name: str, method: str) -> Response:
    """Ask each host of a service once, and answer with what they say."""
    hub, request = current_hub(), flask.request
    if request.method == "HEAD":
        raise MethodNotAllowed(METHODS, "a call has an answer; use GET or POST")
    caller = replace(caller_of(hub, request), service=name)
    if caller.idempotency_key:
        raise BadRequest("all hosts can't be asked with an Idempotency-Key")
    if not caller.kind.is_awaited:
        raise BadRequest(
            "all hosts can't be asked with Prefer: respond-async; stream their answers"
        )
    bodies.check_size(request, caller.max_body)
    is_streamed = caller.kind.is_streamed
    again = hub.all.repeated(request.headers.get("Grip-Last", ""), caller.wait_s)
    if again is not None:
        return answered(hub, request, again, caller.node, is_streamed=is_streamed)
    check_path(request, method)
    caller = traced(hub, request, authorized(hub, request, caller))
    asked = hub.all.begin(method, body_of(hub, request, "", method, caller), caller)
    if is_direct(request):
        what = "all-stream" if is_streamed else "all"
        response = hand_over(what, asked.place, asked.name, asked.until)
    else:
        response = answered(hub, request, asked, caller.node, is_streamed=is_streamed)
    response.call_on_close(partial(hub.all.deliver, asked))
    return response


def answered(hub: Hub, request: Request, asked: Asked, node: str, *, is_streamed: bool) -> Response:
    """Return what there is of the answers; the rest comes on hold."""
    if is_streamed:
        return piece_response(hub.all.stream(asked, node))
    last = request.headers.get("Grip-Last", "")
    return held_or_answered(request, hub.all.gather(asked, node, last))


@blueprint.get("/service-streams/<link>")
def following(link: str) -> Response:
    """Tell Pushpin how a stream goes on that it holds."""
    hub, request = current_hub(), flask.request
    http_node(hub, request)
    return piece_response(hub.all.follow(link, request.headers.get("Grip-Last", "")))
