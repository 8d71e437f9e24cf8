"""``/keys``: for whoever may ``admin``; and ``/keys/self`` for every key."""

from __future__ import annotations

from typing import Any

import orjson
from flask import Blueprint, request
from werkzeug.wrappers import Response

from ...errors import Unauthorized
from ...hub.access import self_shown
from .. import bodies
from ..incoming import address, authenticate, current_hub, require

blueprint = Blueprint("keys", __name__)

_BODY_MAX = 10_000


@blueprint.get("/keys/self")
def myself() -> Response:
    """Tell a key what it may."""
    hub = current_hub()
    if hub.access.ring is None:
        return _json({"keys": False})
    key = authenticate(hub, request)
    if key is None:
        raise Unauthorized("show an API key, as a bearer")
    return _json({"keys": True, **self_shown(key)})


@blueprint.get("/keys")
def listing() -> Response:
    """Show all keys, without their secrets."""
    hub = current_hub()
    require(hub, request, "admin")
    return _json({"keys": hub.key_admin.shown(hub.watching.used_keys())})


@blueprint.post("/keys")
def add() -> Response:
    """Make a key, and show it once."""
    hub = current_hub()
    key = require(hub, request, "admin")
    bodies.check_size(request, _BODY_MAX)
    by = "" if key is None else key.id
    made = hub.key_admin.add(bodies.read(request, _BODY_MAX), by, address(hub, request))
    hub.watching.keys_changed()
    return _json(made, 201)


@blueprint.delete("/keys/<key_id>")
def revoke(key_id: str) -> Response:
    """Revoke a key."""
    hub = current_hub()
    key = require(hub, request, "admin")
    hub.key_admin.revoke(key_id, "" if key is None else key.id, address(hub, request))
    hub.watching.keys_changed()
    return Response(status=204)


def _json(value: Any, status: int = 200) -> Response:
    response = Response(orjson.dumps(value), status, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response
