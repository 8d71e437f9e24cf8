"""WebSockets to a server, and why there is none."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from .addresses import USER_AGENT, websocket_url
from .liveness import WatchedConnection
from .loss import Loss
from .server import Server, untrusted_certificate

#: What a message of the server may have, in bytes; a call's body has less.
_MAX_RECEIVED = 16 * 1024 * 1024
_CLOSE_S = 3.0

# At DEBUG, websockets logs headers and messages, and both hold tokens.
_quiet = logging.getLogger("grip_lambda.client.websockets")
_quiet.setLevel(logging.INFO)
_quiet.addFilter(lambda record: record.levelno >= logging.INFO)


class _Unredirected(connect):
    """A connection to no other server than was meant: another one would be shown the token."""

    def process_redirect(self, exc: Exception) -> Exception:
        return exc


def connected(server: Server, path: str, headers: Mapping[str, str], open_s: float) -> connect:
    """Return what opens a WebSocket.

    Args:
        path: where, with its query.
        headers: for the handshake.
        open_s: how long that may take, in seconds.
    """
    ways: dict[str, Any] = {"ssl": server.tls} if server.tls else {}
    if server.proxy_tls:
        ways["proxy_ssl"] = server.proxy_tls
    return _Unredirected(
        websocket_url(server.url) + path,
        additional_headers=headers,
        user_agent_header=USER_AGENT,
        compression=None,
        proxy=server.proxy_url,
        open_timeout=open_s,
        close_timeout=_CLOSE_S,
        ping_interval=None,  # the server pings
        max_size=_MAX_RECEIVED,
        logger=_quiet,
        create_connection=WatchedConnection,
        **ways,
    )


def loss_of(server: Server, error: Exception) -> Loss:
    """Return why a WebSocket was not opened."""
    if not isinstance(error, InvalidStatus):
        lasting = untrusted_certificate(error) is not None
        return Loss(text=server.why(error), lasting=lasting)
    status, body = error.response.status_code, error.response.body or b""
    location = error.response.headers.get("Location", "") if 300 <= status < 400 else ""
    return Loss(status=status, text=body.decode(errors="replace"), location=location)
