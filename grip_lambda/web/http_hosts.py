"""Hosts without WebSocket: ``/lambda/new`` as server-sent events, as long polls, and posts."""

from __future__ import annotations

import re
from functools import partial

from werkzeug.wrappers import Request, Response

from ..errors import TooLarge, UpgradeRequired
from ..grip.node import HOLD_ID
from ..hub import Hub
from ..hub.http_reads import Client, Polled, Stream
from ..hub.outbox import CURSOR, POLL, SSE, array
from ..hub.session import Connection
from ..protocol import codecs, sse
from ..protocol.http import listed_headers, parse_wait
from ..settings import POLL_S
from .context import http_node, opening
from .streams import end_stream, hold_stream

#: Where the next links of streams are.
NEXT = "/lambda-streams"
_UPGRADE = (
    "open a WebSocket here; a handshake needs the header `Upgrade: websocket`, in lower case."
    " Without WebSocket: `Accept: text/event-stream` for a stream, or `Accept: application/json`"
    " for polls"
)
_KINDS = {sse.CONTENT_TYPE: SSE, "application/json": POLL}
#: What is looked at of a body that is too large, at either end, in bytes.
_EDGE = 65536
#: What is read of one at most, in bytes.
_READ_MAX = 64 * 1024 * 1024
_ID = rb'"id"\s*:\s*"([A-Za-z0-9_-]{1,64})"'
_SCALAR = rb'"\w+"\s*:\s*(?:null|true|false|-?\d+|"[^"\\]{0,100}")'
_FIRST = re.compile(rb"\s*\[?\s*\{\s*(?:" + _SCALAR + rb"\s*,\s*)*?" + _ID)
_LAST = re.compile(_ID + rb"(?:\s*,\s*" + _SCALAR + rb")*\s*\}\s*\]?\s*\Z")


def get(hub: Hub, request: Request, lambda_id: str | None) -> Response:
    """Open a lambda as a stream or by polls, or go on with it.

    Args:
        lambda_id: the id in the address, or None.
    """
    kind = _kind(request)
    last = request.headers.get(CURSOR, "") if kind is not None else ""
    code, _ = codecs.choose(request.args.get("code"), "")
    wanted = opening(hub, request, lambda_id, code, late=last != "")
    if kind is None:
        hub.hosts.open(wanted)  # pages are not told why a handshake was refused; here they are
        raise UpgradeRequired(_UPGRADE)
    node = http_node(hub, request)
    headers = partial(listed_headers, list(request.headers.items()))
    client = Client(
        wanted,
        Connection("", node, headers, kind),
        last,
    )
    if kind == SSE:
        return _streamed(hub.http_hosts.stream(client))
    wait_s = parse_wait(request.headers.get("Prefer", ""), POLL_S)
    grip_last = request.headers.get("Grip-Last")
    if grip_last is not None:
        return _polled(hub.http_hosts.repeated_poll(client, grip_last, wait_s))
    return _polled(hub.http_hosts.poll(client, wait_s))


def _kind(request: Request) -> str | None:
    """Choose what the client accepts best; nobody who takes anything is meant."""
    for accepted, quality in request.accept_mimetypes:
        kind = _KINDS.get(accepted.partition(";")[0].strip().lower())
        if kind is not None and quality > 0:
            return kind
    return None


def following(hub: Hub, request: Request, link: str) -> Response:
    """Tell Pushpin how a stream goes on that it holds."""
    http_node(hub, request)
    found = hub.http_hosts.next(link, request.headers.get("Grip-Last", ""))
    return end_stream() if found is None else _streamed(found)


def _streamed(stream: Stream) -> Response:
    link = f"{NEXT}/{stream.link}"
    return hold_stream(stream.channel, stream.last, link, stream.body)


def _polled(polled: Polled) -> Response:
    response = Response(array(polled.messages), content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    response.headers[CURSOR] = polled.cursor
    if polled.channel is not None:
        response.headers["Grip-Hold"] = "response"
        response.headers["Grip-Channel"] = f"{polled.channel}; prev-id={HOLD_ID}"
        response.headers["Grip-Timeout"] = str(polled.timeout_s)
    return response


def post(hub: Hub, request: Request, lambda_id: str) -> Response:
    """Take what a host sends up."""
    http_node(hub, request)
    token = request.args.get("token", "")
    most = hub.settings.max_result
    body = request.stream.read(most + 1)
    if len(body) > most:
        hub.posts.too_large(lambda_id, token, _ids(body, request))
        raise TooLarge(f"a result may have {most} bytes at most")
    hub.posts.take(lambda_id, token, body)
    return Response(status=204)


def _ids(begun: bytes, request: Request) -> list[str]:
    """Return the ids of answers that stand at either end of a body that is too large."""
    rest, read = begun[-_EDGE:], len(begun)
    while read < _READ_MAX and (piece := request.stream.read(_EDGE)):
        rest = (rest + piece)[-_EDGE:]
        read += len(piece)
    found = [_FIRST.match(begun, 0, _EDGE), _LAST.search(rest)]
    return [one[1].decode() for one in found if one is not None]
