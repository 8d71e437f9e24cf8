"""``/calls/<call>``: what has become of a call."""

from __future__ import annotations

import flask
from flask import Blueprint
from werkzeug.wrappers import Response

from ..hub.results import SHOW
from ..protocol.http import parse_wait
from .context import current_hub, http_node, key_id, permit
from .responses import held_or_answered
from .streams import piece_response

blueprint = Blueprint("results", __name__)


@blueprint.get("/calls/<token>")
def show(token: str) -> Response:
    """Answer as the call would have, or that it has not ended; ``Prefer: wait=N`` waits for it."""
    hub, request = current_hub(), flask.request
    wait_s = parse_wait(request.headers.get("Prefer", ""), 0.0) or None
    node = "" if wait_s is None else http_node(hub, request)
    last = request.headers.get("Grip-Last", "").partition(";")[0].strip()
    again = hub.results.resume(
        last, wait_s or 0.0, SHOW, lambda: permit(hub, request, late=True).key
    )
    return held_or_answered(
        request, again or hub.results.show(token, key_id(hub, request), node, wait_s)
    )


@blueprint.get("/calls/<token>/events/<link>")
def events(token: str, link: str) -> Response:
    """Tell Pushpin how a stream goes on that it holds."""
    hub, request = current_hub(), flask.request
    http_node(hub, request)
    return piece_response(hub.streams.follow(link, request.headers.get("Grip-Last", "")))


@blueprint.delete("/calls/<token>")
def cancel(token: str) -> Response:
    """Cancel a call."""
    hub = current_hub()
    hub.results.cancel(token, key_id(hub, flask.request))
    return Response(status=204)
