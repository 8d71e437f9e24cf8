"""What views need: the hub, and who sent the request.

The two requests of every call do without Flask's contexts (see direct.py), so the functions that
answer them are given the hub and the request.
"""

from __future__ import annotations

import time
from typing import cast

from flask import current_app
from werkzeug.wrappers import Request

from ..errors import Forbidden, Unavailable
from ..grip.signature import Sender
from ..hub import Hub


def current_hub() -> Hub:
    """Return the hub of the current application."""
    return cast(Hub, current_app.extensions["grip_lambda"])


def sender(hub: Hub, request: Request) -> Sender | None:
    """Return the Pushpin that signed a request, or None."""
    return hub.verifier.sender(request.environ.get("HTTP_GRIP_SIG", ""), time.time())


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
