"""``/lambda``: the listing, and hosts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
from flask import Blueprint, Response, request
from werkzeug.exceptions import MethodNotAllowed
from werkzeug.wrappers import Response as BaseResponse

from ..errors import BadRequest, NotFound, UpgradeRequired
from ..grip import events
from ..store import Lambda
from .context import authenticate, current_hub, require
from .http_hosts import NEXT, following, get, post
from .websocket import batch

blueprint = Blueprint("lambdas", __name__)


@blueprint.get("/lambda")
def listing() -> Response:
    """List all open lambdas of the deployment that the API key may see."""
    hub = current_hub()
    key = require(hub, request, "list")
    found = (known for known in hub.hosts.list() if key is None or key.reaches(known.owner))
    return _json({known.id: _entry(known) for known in found})


@blueprint.get("/lambda/<lambda_id>")
def one(lambda_id: str) -> Response:
    """Show one open lambda."""
    hub = current_hub()
    key = require(hub, request, "list")
    known = hub.hosts.get(lambda_id)
    if key is not None and not key.reaches(known.owner):
        raise NotFound("lambda not found")
    entry = _entry(known)
    if known.methods is not None:
        entry["methods"] = known.methods
    return _json(entry)


@blueprint.delete("/lambda/<lambda_id>")
def delete(lambda_id: str) -> Response:
    """Close a lambda."""
    hub = current_hub()
    key = authenticate(hub, request)
    hub.hosts.delete(lambda_id, request.args.get("token", ""), key)
    return Response(status=204)


@blueprint.route("/lambda/new", defaults={"lambda_id": None}, methods=["GET", "POST"])
@blueprint.route("/lambda/new/<lambda_id>", methods=["GET", "POST"])
def new(lambda_id: str | None) -> BaseResponse:
    """Open a lambda, or go on with one: the batches of its WebSocket come here, too."""
    hub = current_hub()
    if request.method == "GET":
        return get(hub, request, lambda_id)
    if request.method == "HEAD":
        raise MethodNotAllowed(["GET", "POST"], "a lambda is opened with GET")
    if request.mimetype == events.CONTENT_TYPE:
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


def _entry(known: Lambda) -> dict[str, Any]:
    opened = datetime.fromtimestamp(known.opened, UTC)
    return {
        "id": known.id,
        "timestamp": opened.isoformat(timespec="milliseconds"),
        "code": known.code,
        "headers": known.headers,
    }


def _json(value: Any) -> Response:
    pretty = "pretty" in request.args
    text = orjson.dumps(value, option=orjson.OPT_INDENT_2 if pretty else None)
    response = Response(text + b"\n" if pretty else text, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response
