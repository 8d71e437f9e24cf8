"""WebSockets of hosts, as Pushpin passes them on: one request for each batch of events."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from werkzeug.wrappers import Request, Response

from ... import metrics
from ...errors import BadRequest, Forbidden
from ...grip import events
from ...hub import Hub
from ...hub.hosts import Connection, Session
from ...protocol import codecs, monologue
from ...protocol.http import parse_seconds
from ...protocol.listed import listed_headers
from ..holds import Lean
from ..incoming import address, opening, sender

#: Pushpin keeps the session in this header, and sends it along with each batch.
_META = "Meta-Lambda"


def batch(hub: Hub, request: Request, place: str, lambda_id: str | None) -> Response:
    """Open a lambda, or go on with one.

    Args:
        place: where the client has connected: ``lambda/new`` or ``monologue``.
        lambda_id: the id in the address, which is to be opened again; or none.
    """
    lambda_id = lambda_id or None
    connection = _connection(hub, request)
    received = events.decode(request.get_data(cache=False))
    metrics.BATCHES.note()
    opens = bool(received) and received[0][0] == "OPEN"
    # Before a connection is open Pushpin has no meta of it: what there is was sent by the client,
    # as Meta_Lambda, which WSGI does not tell from Meta-Lambda.
    session = None if opens else Session.decode(request.headers.get(_META, ""))
    if session is not None:
        hosts = hub.websocket if session.monologue is None else hub.monologue
        done = hosts.batch(connection, session, received)
        response = _batch(hub, done.out, done.session, done.later)
        if done.session != session:
            response.headers[f"Set-{_META}"] = done.session.encode()
        return response
    if not opens:
        raise BadRequest("the first event of a connection is OPEN")
    shake_hands = _open_monologue if place == "monologue" else _open_lambda
    return shake_hands(hub, request, connection, lambda_id)


def _open_lambda(
    hub: Hub, request: Request, connection: Connection, lambda_id: str | None
) -> Response:
    offered = request.headers.get("Sec-WebSocket-Protocol", "")
    code, chosen = codecs.choose(request.args.get("code"), offered)
    response = _opened(
        hub, *hub.websocket.handshake(connection, opening(hub, request, lambda_id, code))
    )
    if chosen is not None:
        response.headers["Sec-WebSocket-Protocol"] = chosen
    return response


def _open_monologue(
    hub: Hub, request: Request, connection: Connection, lambda_id: str | None
) -> Response:
    wait_s = parse_seconds(request.args.get("timeout"), "timeout", monologue.DEFAULT_WAIT_S)
    details = request.args.get("whoami") == "json"
    wanted = opening(hub, request, lambda_id, monologue.CODE)
    return _opened(
        hub, *hub.monologue.handshake(connection, wanted, wait_s=wait_s, details=details)
    )


def _opened(hub: Hub, session: Session, out: list[Any]) -> Response:
    response = _batch(hub, out, session)
    response.headers[f"Set-{_META}"] = session.encode()
    response.headers.add(*events.GRIP_EXTENSION)
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
    shown = hub.settings.shown_headers
    headers = partial(listed_headers, request.headers.items(), shown)
    client = partial(address, hub, request)
    return Connection(connection_id, known.node, headers, client=client)


def _batch(
    hub: Hub, out: list[Any], session: Session, later: Sequence[Callable[[], None]] = ()
) -> Response:
    body = events.encode(out)
    kind = events.CONTENT_TYPE
    if later:
        response = Response(_work(body, later), content_type=kind)
    else:
        response = Lean(body, content_type=kind)
    if not session.is_open:
        # Who neither acknowledges nor answers pings makes no events: have Pushpin ask by itself.
        response.headers["Keep-Alive-Interval"] = str(max(20, hub.settings.ping_s))
    return response


def _work(body: bytes, later: Sequence[Callable[[], None]]) -> Iterator[bytes]:
    """Answer a batch, and do what follows from it before the answer ends.

    Pushpin sends the next batch when it has all of the answer, maybe to another process: what
    this one asks for has left by then. If this process dies before the answer has begun, the batch
    is sent to another one, and nothing of it was done.
    """
    try:
        yield body
    finally:
        for work in later:
            work()
