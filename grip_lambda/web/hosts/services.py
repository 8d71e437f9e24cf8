"""``/service``: the listing of services, and of the hosts of one."""

from __future__ import annotations

from collections import defaultdict

from flask import Blueprint, Response, request
from werkzeug.exceptions import MethodNotAllowed

from ...errors import NotFound
from ...protocol.keys import Key
from ...protocol.names import check_service
from ...store import Lambda
from ..incoming import current_hub, require
from .details import entry
from .lambdas import json_response

blueprint = Blueprint("services", __name__)


@blueprint.get("/service")
@blueprint.get("/service/")
def listing() -> Response:
    """List all services that have hosts which the API key may see."""
    hub = current_hub()
    key = require(hub, request, "list")
    hosts: defaultdict[str, list[Lambda]] = defaultdict(list)
    for known in hub.hosts.list():
        for name in known.services:
            if _may_see(key, name, known):
                hosts[name].append(known)
    return json_response(
        {
            name: {"name": name, "hosts": len(some), "methods": _methods(some)}
            for name, some in sorted(hosts.items())
        }
    )


@blueprint.get("/service/<name>")
def one(name: str) -> Response:
    """List the hosts of a service that the API key may see."""
    hub = current_hub()
    key = require(hub, request, "list")
    check_service(name)
    found = [known for known in hub.hosts.of_service(name) if _may_see(key, name, known)]
    if not found:
        raise NotFound("no host of this service is open")
    return json_response({known.id: entry(known) for known in found})


@blueprint.route("/service/<name>", methods=["POST", "PUT", "PATCH", "DELETE"])
def unnamed(name: str) -> Response:
    """Tell who calls a service itself what to call."""
    check_service(name)
    raise MethodNotAllowed(["GET"], "name a method: POST /service/<name>/<method>")


def _may_see(key: Key | None, name: str, known: Lambda) -> bool:
    return key is None or (key.reaches(known.owner) and key.is_for(name))


def _methods(hosts: list[Lambda]) -> list[str]:
    """Return what any of the hosts has named, in the order of their opening."""
    return list(dict.fromkeys(method for one in hosts for method in one.methods or ()))
