"""The two requests of every call, answered without Flask's contexts.

They are a call that is posted, and a batch of a WebSocket. Flask's routing, contexts and
hooks cost more than all that is done for them here, and nothing of these is used.
"""

from __future__ import annotations

import re

from werkzeug.wrappers import Request, Response

from ..grip import events
from ..hub import Hub
from . import errors
from .calls import call
from .cors import allow_origins
from .websocket import batch

_CALL = re.compile(r"/lambda/(?!new/)([^/]+)/([^/]+)", re.DOTALL)
_SOCKET = re.compile(r"/(lambda/new(?=/[^/]|$)|monologue)(?:/([^/]*))?", re.DOTALL)


def answer(hub: Hub, request: Request) -> Response | None:
    """Answer a request if it is one of the two; else return None."""
    if request.method != "POST":
        return None
    socket = request.environ.get("CONTENT_TYPE") == events.CONTENT_TYPE
    found = (_SOCKET if socket else _CALL).fullmatch(request.path)
    if found is None:
        return None
    try:
        response = (batch if socket else call)(hub, request, *found.groups())
    except Exception as error:
        response = errors.respond(error)
    allow_origins(response, request.environ, hub.settings.origins)
    return response
