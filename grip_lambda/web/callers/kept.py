"""``/calls/<call>``: what has become of a call."""

from __future__ import annotations

import flask
from flask import Blueprint
from werkzeug.wrappers import Response

from ...hub.calls import SHOW, pending
from ...protocol.http import parse_wait
from ..front import arrived, hand_over, is_direct
from ..holds import answer, held_or_answered, piece_response
from ..incoming import current_hub, http_node, key_id, permit, tickets

blueprint = Blueprint("results", __name__)


@blueprint.get("/calls/<token>")
def show(token: str) -> Response:
    """Answer as the call would have, or that it has not ended; ``Prefer: wait=N`` waits for it."""
    hub, request = current_hub(), flask.request
    wait_s = parse_wait(request.headers.get("Prefer", ""), 0.0) or None
    if is_direct(request):
        call, shown = hub.kept.known(token, key_id(hub, request))
        if shown is not None or wait_s is None:
            return answer(request, shown or pending(call))
        until, known = arrived(request) + wait_s, tickets(request)
        return hand_over("same", call.lambda_id, token, until, kind=SHOW.name, **known)
    node = "" if wait_s is None else http_node(hub, request)
    last = request.headers.get("Grip-Last", "").partition(";")[0].strip()
    again = hub.kept.repeated(
        last, wait_s or 0.0, SHOW, lambda maker: permit(hub, request, accept_expired_for=maker).key
    )
    return held_or_answered(
        request, again or hub.kept.show(token, key_id(hub, request), node, wait_s)
    )


@blueprint.get("/call-streams/<link>")
def events(link: str) -> Response:
    """Tell Pushpin how a stream goes on that it holds."""
    hub, request = current_hub(), flask.request
    http_node(hub, request)
    return piece_response(hub.streamed.follow(link, request.headers.get("Grip-Last", "")))


@blueprint.delete("/calls/<token>")
def cancel(token: str) -> Response:
    """Cancel a call."""
    hub = current_hub()
    hub.kept.cancel(token, key_id(hub, flask.request))
    return Response(status=204)
