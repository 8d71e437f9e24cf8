"""WebSockets of hosts, as Pushpin passes them on: one request for each batch of events."""

from __future__ import annotations

from functools import partial
from typing import Any

from werkzeug.wrappers import Request, Response

from ..errors import BadRequest, Forbidden, NotAcceptable
from ..grip import events
from ..hub import Hub
from ..hub.session import Connection, Session
from ..protocol import jsonrpc
from ..protocol.http import listed_headers
from .context import opening, sender

#: Pushpin keeps the session in this header, and sends it along with each batch.
_META = "Meta-Lambda"


def batch(hub: Hub, request: Request, lambda_id: str | None) -> Response:
    """Open a lambda, or go on with one.

    Args:
        lambda_id: the id in the address, which is to be opened again; or None.
    """
    connection = _connection(hub, request)
    received = events.decode(request.get_data(cache=False))
    websocket = hub.websocket
    session = Session.decode(request.headers.get(_META, ""))
    if session is not None:
        now, out = websocket.batch(connection, session, received)
        response = _batch(hub, out, now)
        if now != session:
            response.headers[f"Set-{_META}"] = now.encode()
        return response
    if not received or received[0][0] != "OPEN":
        raise BadRequest("the first event of a connection is OPEN")
    code = _subprotocol(request)
    session, out = websocket.handshake(connection, opening(hub, request, lambda_id, code))
    response = _batch(hub, out, session)
    response.headers[f"Set-{_META}"] = session.encode()
    response.headers.add(*events.GRIP_EXTENSION)
    if code is not None:
        response.headers["Sec-WebSocket-Protocol"] = code
    return response


def _connection(hub: Hub, request: Request) -> Connection:
    """Return the WebSocket behind a batch.

    Raises:
        Forbidden: no Pushpin of ours vouches for one; anybody can post a batch.
    """
    known = sender(hub, request)
    connection_id = request.headers.get("Connection-Id", "")
    if known is None or known.protocol != "ws" or not connection_id:
        raise Forbidden("batches are taken from the proxy only; open a WebSocket instead")
    return Connection(connection_id, known.node, partial(listed_headers, request.headers.items()))


def _subprotocol(request: Request) -> str | None:
    """Choose among the offered codecs; None where none was offered."""
    offered = [
        name.strip() for name in request.headers.get("Sec-WebSocket-Protocol", "").split(",")
    ]
    if offered == [""]:
        return None
    if jsonrpc.CODE not in offered:
        raise NotAcceptable(f"the codecs spoken here are: {jsonrpc.CODE}")
    return jsonrpc.CODE


def _batch(hub: Hub, out: list[Any], session: Session) -> Response:
    response = Response(events.encode(out), content_type=events.CONTENT_TYPE)
    if not session.is_open:
        # Who neither acknowledges nor answers pings makes no events: have Pushpin ask by itself.
        response.headers["Keep-Alive-Interval"] = str(max(20, hub.settings.ping_s))
    return response
