"""``/healthz`` and ``/readyz``: for load balancers and supervisors; and ``/version``."""

from __future__ import annotations

from collections.abc import Mapping

import orjson
from flask import Blueprint, Response

from .. import __version__
from .incoming import current_hub

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def health() -> Response:
    """Tell that this process answers."""
    return _json(200, {"status": "ok"})


@blueprint.get("/version")
def version() -> Response:
    """Tell the version of this process; while an upgrade goes on others may have another one."""
    return _json(200, {"version": __version__})


@blueprint.get("/readyz")
def readiness() -> Response:
    """Tell whether this process can serve: its store and a Pushpin are reachable."""
    hub = current_hub()
    store = hub.store.is_reachable()
    proxies = hub.nodes.reachable()
    ready = store and any(proxies.values())
    words = {True: "ok", False: "out of reach"}
    parts = {
        "status": "ready" if ready else "not ready",
        "store": words[store],
        "proxies": {name: words[reached] for name, reached in proxies.items()},
    }
    return _json(200 if ready else 503, parts)


def _json(status: int, value: Mapping[str, object]) -> Response:
    response = Response(orjson.dumps(value), status, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response
