"""``/lambda``: the listing, and the WebSockets of hosts."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Any

import orjson
from flask import Blueprint, Response, request

from ..errors import BadRequest, Forbidden, NotAcceptable, UpgradeRequired
from ..grip import events
from ..hub.session import Connection, Session
from ..protocol import jsonrpc
from ..protocol.http import listed_headers
from ..store import Lambda
from .context import hub, sender

blueprint = Blueprint("lambdas", __name__)

_META = "Lambda"


@blueprint.get("/lambda")
def listing() -> Response:
    """List all open lambdas of the deployment."""
    return _json({known.id: _entry(known) for known in hub().hosts.list()})


@blueprint.get("/lambda/<lambda_id>")
def one(lambda_id: str) -> Response:
    """Show one open lambda."""
    known = hub().hosts.get(lambda_id)
    entry = _entry(known)
    if known.methods is not None:
        entry["methods"] = known.methods
    return _json(entry)


@blueprint.delete("/lambda/<lambda_id>")
def delete(lambda_id: str) -> Response:
    """Close a lambda."""
    hub().hosts.delete(lambda_id, request.args.get("token", ""))
    return Response(status=204)


@blueprint.route("/lambda/new", defaults={"lambda_id": None}, methods=["GET", "POST"])
@blueprint.route("/lambda/new/<lambda_id>", methods=["GET", "POST"])
def new(lambda_id: str | None) -> Response:
    """Open a lambda, or go on with one: the batches of its WebSocket come here."""
    if request.method == "GET":
        raise UpgradeRequired(
            "open a WebSocket here; a handshake needs the header `Upgrade: websocket`,"
            " in lower case"
        )
    if request.mimetype != events.CONTENT_TYPE:
        raise BadRequest("hosts answer on the WebSocket that they opened here with GET")
    connection = _connection()
    received = events.decode(request.get_data(cache=False))
    websocket = hub().websocket
    session = Session.decode(request.headers.get(f"Meta-{_META}", ""))
    if session is not None:
        now, out = websocket.batch(connection, session, received)
        return _batch(out, now)
    if not received or received[0][0] != "OPEN":
        raise BadRequest("the first event of a connection is OPEN")
    code = _subprotocol()
    token = request.args.get("token", "")
    session, out = websocket.handshake(connection, lambda_id, token)
    response = _batch(out, session)
    response.headers[f"Set-Meta-{_META}"] = session.encode()
    response.headers.add(*events.GRIP_EXTENSION)
    if code is not None:
        response.headers["Sec-WebSocket-Protocol"] = code
    return response


def _connection() -> Connection:
    """Return the WebSocket behind a batch.

    Raises:
        Forbidden: no Pushpin of ours vouches for one; anybody can post a batch.
    """
    known = sender()
    connection_id = request.headers.get("Connection-Id", "")
    if known is None or known.protocol != "ws" or not connection_id:
        raise Forbidden("batches are taken from the proxy only; open a WebSocket instead")
    return Connection(connection_id, known.node, partial(listed_headers, request.headers.items()))


def _subprotocol() -> str | None:
    """Choose among the offered codecs; None where none was offered."""
    offered = [
        name.strip() for name in request.headers.get("Sec-WebSocket-Protocol", "").split(",")
    ]
    if offered == [""]:
        return None
    if jsonrpc.CODE not in offered:
        raise NotAcceptable(f"the codecs spoken here are: {jsonrpc.CODE}")
    return jsonrpc.CODE


def _batch(out: list[Any], session: Session) -> Response:
    response = Response(events.encode(out), content_type=events.CONTENT_TYPE)
    if not session.is_open:
        # Who neither acknowledges nor answers pings makes no events: have Pushpin ask by itself.
        response.headers["Keep-Alive-Interval"] = str(max(20, hub().settings.ping_s))
    elif session.encode() != request.headers.get(f"Meta-{_META}"):
        response.headers[f"Set-Meta-{_META}"] = session.encode()
    return response


def _entry(known: Lambda) -> dict[str, Any]:
    opened = datetime.fromtimestamp(known.opened, UTC)
    return {
        "id": known.id,
        "timestamp": opened.isoformat(timespec="milliseconds"),
        "code": known.code,
        "headers": known.headers,
    }


def _json(value: Any) -> Response:
    pretty = "pretty" in request.args
    text = orjson.dumps(value, option=orjson.OPT_INDENT_2 if pretty else None)
    response = Response(text + b"\n" if pretty else text, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response
