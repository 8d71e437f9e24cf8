"""``/events``, ``/metrics``, ``/status`` and ``/calls``: for whoever watches."""

from __future__ import annotations

from typing import Any

import orjson
from flask import Blueprint, request
from werkzeug.exceptions import MethodNotAllowed
from werkzeug.wrappers import Response

from ... import metrics
from ...errors import BadRequest, Forbidden, NotFound, Unavailable
from ...hub import Hub
from ...hub.watching import View, shown_bodies
from ...protocol import sse
from ...protocol.keys import Key
from ...protocol.names import check_lambda_id
from ..holds import end_stream
from ..incoming import current_hub, http_node, require
from ..origins import is_own

blueprint = Blueprint("watching", __name__)

#: After so many seconds without events a comment is sent.
_COMMENT_S = 20
#: So many calls are shown at most, and as a rule.
_CALLS_MAX, _CALLS = 500, 100


@blueprint.get("/events")
def events() -> Response:
    """Tell of what happens, as it happens: server-sent events."""
    hub = current_hub()
    if request.method == "HEAD":
        raise MethodNotAllowed(["GET"], "events are read with GET")
    key = require(hub, request, "list")
    node = http_node(hub, request)
    if hub.nodes[node].is_held("") is None:
        raise Unavailable("the proxy does not tell who is there; events take one with ZeroMQ")
    view = View("" if key is None else key.id, _lambda_id(hub, key))
    response = end_stream(sse.COMMENT)
    response.headers["Grip-Hold"] = "stream"
    response.headers["Grip-Channel"] = hub.watching.watch(node, view)
    response.headers["Grip-Keep-Alive"] = f":\\n\\n; format=cstring; timeout={_COMMENT_S}"
    return response


@blueprint.get("/metrics")
def figures() -> Response:
    """Show what was counted: OpenMetrics, or Prometheus's text format."""
    hub = current_hub()
    require(hub, request, "list")
    accept = request.headers.get("Accept", "")
    body, content_type = metrics.exposition(accept, hub.status.gauges())
    response = Response(body, content_type=content_type)
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.get("/status")
def status() -> Response:
    """Show the state of the deployment."""
    hub = current_hub()
    require(hub, request, "list")
    return _json(hub.status.shown())


@blueprint.get("/calls")
def calls() -> Response:
    """Show the last calls, newest first."""
    hub = current_hub()
    key = require(hub, request, "list")
    limit = request.args.get("limit", str(_CALLS))
    if not (limit.isascii() and limit.isdigit() and len(limit) < 5):
        raise BadRequest(f"limit is a number up to {_CALLS_MAX}")
    lambda_id = _lambda_id(hub, key)
    found = hub.watching.calls(_CALLS_MAX, lambda_id)
    if key is not None and key.owners is not None:
        found = [one for one in found if key.reaches(hub.watching.owner(one["lambda"]))]
    inspection = hub.watching.bodies
    kept = set() if inspection is None else inspection.names()
    told = [{**one, "inspect": one["call"] in kept} for one in found[: int(limit)]]
    return _json({"calls": told, "inspect": inspection is not None})


@blueprint.get("/calls/<name>/bodies")
def bodies(name: str) -> Response:
    """Show what a call was asked with and answered."""
    hub = current_hub()
    key = require(hub, request, "list")
    if key is None and not is_own(hub.settings, request.environ):
        # Without keys any page may read what is public; what calls say is not.
        raise Forbidden("the bodies of calls are for programs, and for the server's own pages")
    if hub.watching.bodies is None:
        raise NotFound("no bodies are kept here; GRIP_LAMBDA_INSPECT=1 has them kept")
    hub.watching.in_flight()
    found = hub.watching.bodies.get(name)
    if key is not None and not key.reaches(hub.watching.owner(found.lambda_id)):
        raise NotFound("the bodies of this call are not kept, or not any more")
    return _json(shown_bodies(found))


def _lambda_id(hub: Hub, key: Key | None) -> str:
    """Return the only lambda that is asked for; empty for all.

    Raises:
        BadRequest: it is none.
        NotFound: the key may not see it.
    """
    lambda_id = request.args.get("lambda", "")
    if lambda_id:
        check_lambda_id(lambda_id)
        if key is not None and not key.reaches(hub.watching.owner(lambda_id)):
            raise NotFound("lambda not found")
    return lambda_id


def _json(value: Any) -> Response:
    response = Response(orjson.dumps(value), content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response
