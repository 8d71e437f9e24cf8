"""Hosts without WebSocket: ``/lambda/new`` as server-sent events, as long polls, and posts."""

from __future__ import annotations

import re
from functools import partial

from werkzeug.wrappers import Request, Response

from ...errors import TooLarge, UpgradeRequired
from ...grip.node import HOLD_ID
from ...hub import Hub
from ...hub.delivery import CURSOR, POLL, SSE, array
from ...hub.hosts import Connection, HostRequest, Polled, Stream
from ...protocol import codecs, sse
from ...protocol.fields import accepted
from ...protocol.http import parse_wait
from ...protocol.listed import listed_headers
from ...settings import POLL_S
from .. import bodies
from ..holds import end_stream, hold_stream
from ..incoming import TICKET, http_node, last_event_id, opening, reopen_token

#: Where the next links of streams are.
NEXT = "/lambda-streams"
_UPGRADE = (
    "open a WebSocket here; a handshake needs the header `Upgrade: websocket`, in lower case."
    " Without WebSocket: `Accept: text/event-stream` for a stream, or `Accept: application/json`"
    " for polls"
)
#: What is looked at of a body that is too large, at either end, in bytes.
_EDGE = 65536
#: So many members with the name ``id`` are looked at from the end.
_LOOKS = 8
# Possessive, so that no text takes more than one pass.
_ID = rb'"id"\s*+:\s*+"([A-Za-z0-9_-]{1,64})"'
_SCALAR = rb'"\w++"\s*+:\s*+(?:null|true|false|-?\d++|"[^"\\]{0,100}+")'
_FIRST = re.compile(rb"\s*+\[?+\s*+\{\s*+(?:" + _SCALAR + rb"\s*+,\s*+)*?" + _ID)
_LAST = re.compile(_ID + rb"(?:\s*+,\s*+" + _SCALAR + rb")*+\s*+\}\s*+\]?+\s*+\Z")


def get(hub: Hub, request: Request, lambda_id: str | None) -> Response:
    """Open a lambda as a stream or by polls, or go on with it.

    Args:
        lambda_id: the id in the address, or None.
    """
    kind = _kind(request)
    last = _last(request, kind)
    code, _ = codecs.choose(request.args.get("code"), "")
    has_ticket = hub.access.ring is not None and TICKET in request.args
    accept_expired_for = hub.http_hosts.opener(last) if last and has_ticket else ""
    wanted = opening(
        hub, request, lambda_id, code, kind or POLL, accept_expired_for=accept_expired_for
    )
    if kind is None:
        hub.hosts.open(wanted)  # pages are not told why a handshake was refused; here they are
        raise UpgradeRequired(_UPGRADE)
    node = http_node(hub, request)
    shown = hub.settings.shown_headers
    headers = partial(listed_headers, list(request.headers.items()), shown)
    client = HostRequest(
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
    """Choose what the client accepts best; nobody who takes anything is meant.

    Libraries name JSON before all else, and a wildcard, whatever they ask for: these mean no polls.
    """
    ranges = [one for one in accepted(request.environ.get("HTTP_ACCEPT", "")) if one[1] > 0]
    names = [kind for kind, _ in ranges]
    if names[:1] == ["application/json"] and not any("*" in name for name in names):
        return POLL
    return SSE if sse.CONTENT_TYPE in names else None


def _last(request: Request, kind: str | None) -> str:
    if kind == SSE:
        return last_event_id(request)
    return "" if kind is None else request.headers.get(CURSOR, "")


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
    token = reopen_token(request)
    if bodies.is_large(request):
        hub.uploads.check(lambda_id, token)
    most = hub.settings.max_result
    body = bodies.read(request, most + 1)
    if len(body) > most:
        hub.uploads.too_large(lambda_id, token, _ids(body, request))
        raise TooLarge(f"a result may have {most} bytes at most")
    hub.uploads.take(lambda_id, token, body)
    return Response(status=204)


def _ids(begun: bytes, request: Request) -> list[str]:
    """Return the ids of answers that stand at either end of a body that is too large."""
    rest = (begun[-_EDGE:] + bodies.drop(request, _EDGE))[-_EDGE:]
    found = [_FIRST.match(begun, 0, _EDGE), _last_id(rest)]
    return [one[1].decode() for one in found if one is not None]


def _last_id(rest: bytes) -> re.Match[bytes] | None:
    at = len(rest)
    for _ in range(_LOOKS):
        at = rest.rfind(b'"id"', 0, at)
        found = _LAST.match(rest, at) if at >= 0 else None
        if found is not None or at < 0:
            return found
    return None
