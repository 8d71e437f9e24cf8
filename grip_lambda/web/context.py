"""What views need: the hub, and who sent the request.

The two requests of every call do without Flask's contexts (see direct.py), so the functions that
answer them are given the hub and the request.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import cast

from flask import current_app
from werkzeug.wrappers import Request

from ..errors import Forbidden, Unavailable
from ..grip import events
from ..grip.signature import Sender
from ..hub import Hub
from ..hub.access import Credentials
from ..hub.callers import Caller
from ..hub.session import Opening
from ..protocol.keys import Key, Right
from ..store import ANYBODY, Permit

#: The name of the ticket in a query.
TICKET = "ticket"


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
    return Sender(known.node, "ws" if request.mimetype == events.CONTENT_TYPE else "http")


def http_node(hub: Hub, request: Request) -> str:
    """Return the Pushpin that holds a plain HTTP request.

    Raises:
        Unavailable: it did not come through a Pushpin of ours, so it can't be held.
        Forbidden: it stands for a WebSocket.
    """
    known = sender(hub, request)
    if known is None:
        raise Unavailable("calls go through the proxy: ask its port, not the backend's")
    if known.protocol != "http":
        raise Forbidden("this address takes no WebSocket; hosts connect to /lambda/new")
    return known.node


def credentials(request: Request) -> Credentials:
    """Return the API keys and tickets that a request presents."""
    presented = []
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        presented.append(token.strip())
    api_key = request.headers.get("X-Api-Key")
    if api_key is not None:
        presented.append(api_key.strip())
    return Credentials(presented, request.args.getlist(TICKET))


def authenticate(hub: Hub, request: Request) -> Key | None:
    """Return the API key that a request presents; None if it presents none, or none are needed.

    Raises:
        Unauthorized: what it presents is none.
    """
    return None if hub.access.ring is None else hub.access.authenticate(credentials(request))


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


def permit(hub: Hub, request: Request, *, late: bool = False) -> Permit:
    """Return whom a request may call; it belongs into the Caller.

    Args:
        late: see Access.caller.

    Raises:
        Unauthorized: it presents what is no API key.
        Forbidden: it presents one that may not call.
    """
    return (
        ANYBODY if hub.access.ring is None else hub.access.caller(credentials(request), late=late)
    )


def authorized(hub: Hub, request: Request, caller: Caller, *, late: bool = False) -> Caller:
    """Return a caller with whom it may call. What Pushpin repeats has been asked for this before.

    Args:
        late: see Access.caller.

    Raises:
        Unauthorized, Forbidden: as ``permit``.
    """
    if hub.access.ring is None:
        return caller
    return replace(caller, permit=permit(hub, request, late=late))


def opening(
    hub: Hub, request: Request, lambda_id: str | None, code: str, *, late: bool = False
) -> Opening:
    """Return what a request asks for that opens a lambda, on whatever transport.

    Args:
        lambda_id: the id in the address, or None.
        code: the codec that the host speaks.
        late: see Access.opener.

    Raises:
        BadRequest: it asks for a private lambda, and no API keys are configured.
        Unauthorized, Forbidden: its API key is none, or may not host.
        Forbidden: it comes from a page that may not.
    """
    check_origin(hub, request)
    private = "private" in request.args
    owner = hub.access.opener(credentials(request), private=private, late=late)
    token = request.args.get("token", "")
    return Opening(lambda_id, token, code, owner=owner, private=private)


def check_origin(hub: Hub, request: Request) -> None:
    """Refuse a WebSocket from a page whose origin is not allowed; programs have none.

    Raises:
        Forbidden: with the setting that allows it.
    """
    origin = request.headers.get("Origin")
    allowed = hub.settings.origins
    if not allowed or origin is None or origin in allowed:
        return
    if not request.host or origin.partition("://")[2] != request.host:  # its own pages may
        raise Forbidden("pages of this origin may not connect; GRIP_LAMBDA_ORIGINS names those")
