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
from .callers import call
from .cors import finish
from .hosts import batch

_CALL = re.compile(r"/(?:lambda/(?!new/)([^/]+)|service/([^/]+))/([^/]+)", re.DOTALL)
_SOCKET = re.compile(r"/(lambda/new|monologue)(?:/([^/]*))?", re.DOTALL)


def answer(hub: Hub, request: Request) -> Response | None:
    """Answer a request if it is one of the two; else return None."""
    if request.method != "POST":
        return None
    socket = request.environ.get("CONTENT_TYPE") == events.CONTENT_TYPE
    found = (_SOCKET if socket else _CALL).fullmatch(request.path)
    if found is None:
        return None
    try:
        if socket:
            response = batch(hub, request, *found.groups())
        else:
            lambda_id, service, method = found.groups()
            response = call(hub, request, lambda_id or "", method, service or "")
    except Exception as error:
        response = errors.respond(error, request.environ, hub)
    finish(response, request.environ, hub.settings)
    return response
