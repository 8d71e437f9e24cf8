"""What views need: the hub, and who sent the request.

The two requests of every call do without Flask's contexts (see direct.py), so the functions that
answer them are given the hub and the request.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from flask import current_app
from werkzeug.wrappers import Request

from ..errors import BadRequest, Forbidden, Unavailable
from ..grip import events
from ..grip.signature import Sender
from ..hub import Hub
from ..hub.access import Credentials
from ..hub.calls import Caller
from ..hub.hosts import Opening
from ..protocol.ids import has_token_form
from ..protocol.keys import Key, Right
from ..protocol.names import service_names
from ..store import ANYBODY, WEBSOCKET, Permit
from .clients import client_of
from .front import is_direct

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

#: The name of the ticket in a query; and of what stands there for ``Last-Event-ID``, where a page
#: would need a preflight for the header.
TICKET, LAST_EVENT_ID = "ticket", "lastEventId"
_NO_SOCKET = "this address takes no WebSocket; hosts connect to /lambda/new"


def check_query(environ: WSGIEnvironment) -> None:
    """Refuse a query that is not UTF-8, which Werkzeug does not read.

    Raises:
        BadRequest: it has other bytes that are not percent-encoded.
    """
    query: str = environ.get("QUERY_STRING", "")
    if query.isascii():
        return
    try:
        query.encode("latin-1").decode()
    except UnicodeError:
        raise BadRequest("a query must be UTF-8; percent-encode what is not ASCII") from None


def current_hub() -> Hub:
    """Return the hub of the current application."""
    return cast(Hub, current_app.extensions["grip_lambda"])


def sender(hub: Hub, request: Request) -> Sender | None:
    """Return the Pushpin that signed a request, or None.

    Where it does not tell what stands behind the request, that is what the request itself says;
    see sealing.py for what is done about it.
    """
    known = hub.verifier.sender(request.environ.get("HTTP_GRIP_SIG", ""), time.time())
    if known is None or known.protocol:
        return known
    return Sender(known.node, "ws" if is_batch(request) else "http")


def is_batch(request: Request) -> bool:
    """Tell whether a request says that it is a batch of a WebSocket."""
    kind: str = request.environ.get("CONTENT_TYPE", "")
    return kind.partition(";")[0].strip().lower() == events.CONTENT_TYPE


def http_node(hub: Hub, request: Request) -> str:
    """Return the Pushpin that holds a plain HTTP request; this process, if the front asks for it.

    Raises:
        Unavailable: it did not come through a Pushpin of ours, so it can't be held.
        Forbidden: it stands for a WebSocket.
    """
    if is_direct(request):
        if request.environ.get("HTTP_UPGRADE", "").lower() == "websocket":
            raise Forbidden(_NO_SOCKET)
        return hub.waiters.address
    known = sender(hub, request)
    if known is None:
        raise Unavailable("calls go through the proxy: ask its port, not the backend's")
    if known.protocol != "http":
        raise Forbidden(_NO_SOCKET)
    return known.node


def reopen_token(request: Request) -> str:
    """Return the reopen token that a request presents: in its query, or as a bearer; or empty."""
    token = request.args.get("token", "")
    if token:
        return token
    bearer = _bearer(request)
    return bearer if bearer is not None and has_token_form(bearer) else ""


def _bearer(request: Request) -> str | None:
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    return text.strip() if scheme.lower() == "bearer" else None


def credentials(request: Request, *, takes_token: bool = False) -> Credentials:
    """Return the API keys and tickets that a request presents.

    Args:
        takes_token: whether a bearer may be a reopen token, which is no key then.
    """
    presented = []
    bearer = _bearer(request)
    if bearer is not None and not (takes_token and has_token_form(bearer)):
        presented.append(bearer)
    api_key = request.headers.get("X-Api-Key")
    if api_key is not None:
        presented.append(api_key.strip())
    return Credentials(presented, request.args.getlist(TICKET))


def tickets(request: Request) -> dict[str, list[str]]:
    """Return the tickets in the query of a request, as the query of another one."""
    return {TICKET: request.args.getlist(TICKET)}


def authenticate(hub: Hub, request: Request, *, takes_token: bool = False) -> Key | None:
    """Return the API key that a request presents; None if it presents none, or none are needed.

    Args:
        takes_token: as for ``credentials``.

    Raises:
        Unauthorized: what it presents is none.
    """
    if hub.access.ring is None:
        return None
    return hub.access.authenticate(credentials(request, takes_token=takes_token))


def key_id(hub: Hub, request: Request) -> str:
    """Return the id of the API key that a request presents; empty where there is none.

    Raises:
        Unauthorized: what it presents is none.
    """
    key = authenticate(hub, request)
    return "" if key is None else key.id


def require(hub: Hub, request: Request, right: Right) -> Key | None:
    """Return the API key of a request that takes one; None only where none are configured.

    Raises:
        Unauthorized, Forbidden: there is none, or it may not do this.
    """
    return None if hub.access.ring is None else hub.access.require(credentials(request), right)


def last_event_id(request: Request) -> str:
    """Return the event after which a client goes on with a stream; empty for none."""
    header: str | None = request.environ.get("HTTP_LAST_EVENT_ID")
    return request.args.get(LAST_EVENT_ID, "") if header is None else header


def permit(hub: Hub, request: Request, *, accept_expired_for: str = "") -> Permit:
    """Return whom a request may call; it belongs into the Caller.

    Args:
        accept_expired_for: the id of the API key that made the call with which the request goes
            on: a ticket of that key counts however old it is. Empty for none.

    Raises:
        Unauthorized: it presents what is no API key.
        Forbidden: it presents one that may not call.
    """
    if hub.access.ring is None:
        return ANYBODY
    presented = credentials(request)
    if accept_expired_for:
        found = hub.access.caller(presented, accept_expired=True)
        if found.key == accept_expired_for:
            return found
    return hub.access.caller(presented)


def authorized(
    hub: Hub, request: Request, caller: Caller, *, accept_expired_for: str = ""
) -> Caller:
    """Return a caller with whom it may call. What Pushpin repeats has been asked for this before.

    Args:
        accept_expired_for: see ``permit``.

    Raises:
        Unauthorized, Forbidden: as ``permit``.
    """
    if hub.access.ring is None:
        return caller
    if caller.service:
        may = permit(hub, request, accept_expired_for=accept_expired_for)
        hub.access.check_services(may.key, (caller.service,))
        return replace(caller, permit=may)
    return replace(caller, permit=permit(hub, request, accept_expired_for=accept_expired_for))


def address(hub: Hub, request: Request) -> str:
    """Return the address of a client, or the network; empty where it is not known."""
    trusted = hub.settings.trusted_proxies
    if hub.settings.front_key and not is_direct(request):
        trusted += 1  # the front stands before Pushpin
    return client_of(request.environ, trusted)


def opening(
    hub: Hub,
    request: Request,
    lambda_id: str | None,
    code: str,
    transport: str = WEBSOCKET,
    *,
    accept_expired_for: str = "",
) -> Opening:
    """Return what a request asks for that opens a lambda, on whatever transport.

    Args:
        lambda_id: the id in the address, or None.
        code: the codec that the host speaks.
        transport: as in store.Lambda.
        accept_expired_for: the id of the API key that opened the lambda with which the request
            goes on; see ``permit``.

    Raises:
        BadRequest: it asks for a private lambda, and no API keys are configured; or it names
            services that none may have.
        Unauthorized, Forbidden: its API key is none, or may not host.
    """
    private = "private" in request.args
    presented = credentials(request, takes_token=True)
    owner = hub.access.opener(presented, private=private, accept_expired=accept_expired_for != "")
    if accept_expired_for and owner != accept_expired_for:
        owner = hub.access.opener(presented, private=private)
    services = request.args.getlist("service")
    return Opening(
        lambda_id,
        reopen_token(request),
        code,
        owner=owner,
        private=private,
        client=address(hub, request),
        transport=transport,
        services=service_names(services) if services else (),
    )
