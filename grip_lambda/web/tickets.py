"""``/tickets``: for browsers, which can't send an API key with a WebSocket."""

from __future__ import annotations

import orjson
from flask import Blueprint, Response, request

from ..hub.access import TICKET_S
from .incoming import credentials, current_hub

blueprint = Blueprint("tickets", __name__)


@blueprint.post("/tickets")
def new() -> Response:
    """Give a ticket for an API key."""
    ticket = current_hub().access.ticket(credentials(request))
    body = orjson.dumps({"ticket": ticket, "expires_in": TICKET_S})
    response = Response(body, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response
