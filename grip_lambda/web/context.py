"""What every view needs: the hub, and who sent the request."""

from __future__ import annotations

import time
from typing import cast

from flask import current_app, request

from ..errors import Forbidden, Unavailable
from ..grip.signature import Sender
from ..hub import Hub


def hub() -> Hub:
    """Return the hub of the current application."""
    return cast(Hub, current_app.extensions["grip_lambda"])


def sender() -> Sender | None:
    """Return the Pushpin that signed this request, or None."""
    return hub().verifier.sender(request.headers.get("Grip-Sig", ""), time.time())


def http_node() -> str:
    """Return the Pushpin that holds this plain HTTP request.

    Raises:
        Unavailable: it did not come through a Pushpin of ours, so it can't be held.
        Forbidden: it stands for a WebSocket.
    """
    known = sender()
    if known is None:
        raise Unavailable("calls go through the proxy: ask its port, not the backend's")
    if known.protocol != "http":
        raise Forbidden("this address takes no WebSocket; hosts connect to /lambda/new")
    return known.node
