"""``/lambda``: the listing, and hosts."""

from __future__ import annotations

from typing import Any

import orjson
from flask import Blueprint, Response, request
from werkzeug.exceptions import MethodNotAllowed
from werkzeug.wrappers import Response as BaseResponse

from ...errors import BadRequest, NotFound, UpgradeRequired
from ...protocol.names import check_lambda_id
from ..incoming import address, authenticate, current_hub, is_batch, permit, reopen_token, require
from .details import detailed, entry
from .http import NEXT, following, get, post
from .websocket import batch

blueprint = Blueprint("lambdas", __name__)


@blueprint.get("/lambda")
def listing() -> Response:
    """List all open lambdas of the deployment that the API key may see."""
    hub = current_hub()
    key = require(hub, request, "list")
    if "detail" in request.args:
        return json_response(
            {
                one.lambda_.id: detailed(one, in_flight)
                for one, in_flight in hub.watching.lambdas()
                if key is None or key.reaches(one.lambda_.owner)
            }
        )
    found = (known for known in hub.hosts.list() if key is None or key.reaches(known.owner))
    return json_response({known.id: entry(known) for known in found})


@blueprint.get("/lambda/<lambda_id>")
def one(lambda_id: str) -> Response:
    """Show one open lambda."""
    hub = current_hub()
    key = require(hub, request, "list")
    check_lambda_id(lambda_id)
    for known, in_flight in hub.watching.lambdas(lambda_id):
        if key is None or key.reaches(known.lambda_.owner):
            return json_response(detailed(known, in_flight))
    raise NotFound("lambda not found")


@blueprint.route("/lambda/<lambda_id>", methods=["POST", "PUT", "PATCH"])
def unnamed(lambda_id: str) -> BaseResponse:
    """Tell who calls a lambda itself what there is to call."""
    hub = current_hub()
    if is_batch(request):
        raise NotFound("hosts open /lambda/new, or /lambda/new/<id>?token=… to open it again")
    told = "name a method: POST /lambda/<id>/<method>"
    may = permit(hub, request)
    known = hub.hosts.get(lambda_id)
    if known.methods and may.allows(known):
        told += f"; it has {', '.join(known.methods)}"
    raise MethodNotAllowed(["GET", "DELETE"], told)


@blueprint.delete("/lambda/<lambda_id>")
def delete(lambda_id: str) -> Response:
    """Close a lambda."""
    hub = current_hub()
    key = authenticate(hub, request, takes_token=True)
    hub.hosts.delete(lambda_id, reopen_token(request), key, address(hub, request))
    return Response(status=204)


@blueprint.route("/lambda/new", methods=["GET", "POST"], strict_slashes=False)
@blueprint.route("/lambda/new/<lambda_id>", methods=["GET", "POST"])
def new(lambda_id: str | None = None) -> BaseResponse:
    """Open a lambda, or go on with one: the batches of its WebSocket come here, too."""
    hub = current_hub()
    if request.method == "GET":
        return get(hub, request, lambda_id)
    if request.method == "HEAD":
        raise MethodNotAllowed(["GET", "POST"], "a lambda is opened with GET")
    if is_batch(request):
        return batch(hub, request, "lambda/new", lambda_id)
    if lambda_id is None:
        raise BadRequest("hosts post to /lambda/new/<id>?token=…, with the id that they were given")
    return post(hub, request, lambda_id)


@blueprint.get(f"{NEXT}/<link>")
def _next(link: str) -> BaseResponse:
    return following(current_hub(), request, link)


@blueprint.get("/monologue")
@blueprint.get("/monologue/")
@blueprint.get("/monologue/<lambda_id>")
def monologue(lambda_id: str = "") -> BaseResponse:
    """Say what is spoken here to who opens no WebSocket."""
    raise UpgradeRequired(
        "open a WebSocket here; a handshake needs the header `Upgrade: websocket`, in lower case"
    )


def json_response(value: Any) -> Response:
    """Return what is listed, as JSON."""
    pretty = "pretty" in request.args
    text = orjson.dumps(value, option=orjson.OPT_INDENT_2 if pretty else None)
    response = Response(text + b"\n" if pretty else text, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response
