"""``/openrpc/…`` and ``/openapi/…``: what can be called, for whoever may call it."""

from __future__ import annotations

from flask import Blueprint, request
from werkzeug.wrappers import Response

from ...errors import NotFound
from ...hub import Hub
from ...hub.access import check_call
from ...protocol import openapi, openrpc
from ...protocol.names import check_service
from ...protocol.openrpc import Description
from ...store import Lambda, Permit
from ..incoming import current_hub, permit

blueprint = Blueprint("describing", __name__)


@blueprint.get("/openrpc/<lambda_id>")
def document(lambda_id: str) -> Response:
    """Describe a lambda as its host does, in OpenRPC."""
    return _openrpc(f"Lambda {lambda_id}", lambda_id)


@blueprint.get("/openrpc/service/<name>")
def document_of_service(name: str) -> Response:
    """Describe a service, in OpenRPC."""
    return _openrpc(f"Service {name}", "", name)


@blueprint.get("/openapi/<lambda_id>")
def addresses(lambda_id: str) -> Response:
    """Describe the addresses of a lambda in OpenAPI."""
    return _openapi(f"/lambda/{lambda_id}", f"Lambda {lambda_id}", "..", lambda_id)


@blueprint.get("/openapi/service/<name>")
def addresses_of_service(name: str) -> Response:
    """Describe the addresses of a service in OpenAPI."""
    return _openapi(f"/service/{name}", f"Service {name}", "../..", "", name)


def _openrpc(title: str, lambda_id: str, service: str = "") -> Response:
    return _json(openrpc.write(_described(lambda_id, service), title))


def _openapi(address: str, title: str, server: str, lambda_id: str, service: str = "") -> Response:
    return _json(openapi.write(_described(lambda_id, service), address, title, server))


def _described(lambda_id: str, service: str) -> Description:
    hub = current_hub()
    return hub.descriptions.of(callee(hub, permit(hub, request), lambda_id, service))


def callee(hub: Hub, may: Permit, lambda_id: str, service: str = "") -> Lambda:
    """Return an open lambda that a caller may call.

    Args:
        service: if not empty, the host of this service is meant that opened last.

    Raises:
        BadRequest, NotFound: there is none.
        Unauthorized, Forbidden: the caller may not call it.
    """
    if not service:
        known = hub.hosts.get(lambda_id)
        check_call(may, known)
        return known
    hub.access.check_services(may.key, (service,))
    check_service(service)
    hosts = hub.hosts.of_service(service)
    if not hosts:
        raise NotFound("no host of this service is open")
    known = next(filter(may.allows, reversed(hosts)), hosts[-1])
    check_call(may, known)
    return known


def _json(document: bytes) -> Response:
    response = Response(document, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response
