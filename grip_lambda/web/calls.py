"""``/lambda/<id>/<method>``: calls."""

from __future__ import annotations

from functools import partial

import flask
import orjson
from flask import Blueprint
from werkzeug.exceptions import MethodNotAllowed
from werkzeug.wrappers import Request, Response

from ..errors import BadRequest, TooLarge
from ..hub import Hub, replies
from ..hub.callers import Caller
from ..hub.channels import parse_call_channel
from ..hub.replies import SAME_STREAM
from ..hub.results import SAME, pending
from ..hub.streams import STREAM
from ..protocol import sse
from ..protocol.http import parse_wait, prefers
from ..settings import MAX_ASYNC_BODY
from ..store import Earlier
from ..store.facts import RESULT_KEPT_S
from .context import TICKET, authorized, current_hub, http_node, permit
from .responses import held_or_answered, hold
from .streams import piece_response

blueprint = Blueprint("calls", __name__)

#: Bytes of a body that are read only to be dropped, and how many at a time.
_DROP_MAX, _PIECE = 33_554_432, 65_536
#: Characters of an Idempotency-Key.
_ONCE_MAX = 255
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


@blueprint.route("/lambda/<lambda_id>/<method>", methods=_METHODS)
def _call(lambda_id: str, method: str) -> Response:
    if flask.request.method == "HEAD":
        raise MethodNotAllowed(_METHODS, "a call has an answer; use GET or POST")
    return call(current_hub(), flask.request, lambda_id, method)


def call(hub: Hub, request: Request, lambda_id: str, method: str) -> Response:
    """Call a method of a lambda, and have its answer as the response."""
    node = http_node(hub, request)
    prefer = request.headers.get("Prefer", "")
    wait_s = parse_wait(prefer, hub.settings.wait_s)
    caller = _caller(request, node, wait_s, prefer)
    repeated = repeated_call(hub, request, lambda_id, caller)
    if repeated is not None:
        return repeated
    check_path(request, method)
    goes_on = caller.kind == STREAM and "HTTP_LAST_EVENT_ID" in request.environ
    caller = authorized(hub, request, caller, late=goes_on)
    if goes_on:
        return _resumed(hub, request, lambda_id, caller)
    begun = hub.calls.begin(lambda_id, method, _body(hub, request, caller.max_body), caller)
    if isinstance(begun, Earlier):
        if caller.kind == "async":
            return _accepted(hub.results.state(begun.token, caller.key), begun.token)
        same = hub.results.wait(lambda_id, begun.token, node, wait_s, wait_kind(caller))
        return held_or_answered(request, same)
    if caller.kind == "async":
        response = _accepted(pending(begun.call), begun.call.token)
    elif caller.kind == STREAM:
        response = piece_response(hub.streams.open(begun.call))
    else:
        response = hold(request, begun.hold)
    response.call_on_close(partial(hub.calls.deliver, begun))
    return response


def _caller(request: Request, node: str, wait_s: float, prefer: str) -> Caller:
    once = request.environ.get("HTTP_IDEMPOTENCY_KEY", "")
    if len(once) > _ONCE_MAX:
        raise BadRequest(f"an Idempotency-Key may have {_ONCE_MAX} characters at most")
    if "respond-async" in prefer and prefers(prefer, "respond-async"):
        return Caller(
            node, wait_s, "async", kept_s=RESULT_KEPT_S, max_body=MAX_ASYNC_BODY, once=once
        )
    if sse.CONTENT_TYPE in request.environ.get("HTTP_ACCEPT", "") and accepts_stream(request):
        return Caller(node, wait_s, STREAM, kept_s=RESULT_KEPT_S, once=once)
    return Caller(node, wait_s, once=once)


def accepts_stream(request: Request) -> bool:
    """Tell whether a client would rather have server-sent events than JSON."""
    kinds = ("application/json", sse.CONTENT_TYPE)
    return request.accept_mimetypes.best_match(kinds) == sse.CONTENT_TYPE


def wait_kind(caller: Caller) -> str:
    """Return how somebody waits who makes the same call again."""
    return SAME_STREAM if caller.kind == STREAM else SAME


def _resumed(hub: Hub, request: Request, lambda_id: str, caller: Caller) -> Response:
    event_id = request.environ["HTTP_LAST_EVENT_ID"]
    piece = hub.streams.resume(lambda_id, event_id, caller.key, caller.node)
    return Response(status=204) if piece is None else piece_response(piece)


def _accepted(shown: replies.Response, token: str) -> Response:
    headers = {"Location": f"/calls/{token}", "Preference-Applied": "respond-async"}
    return Response(shown.body, 202, headers, content_type="application/json")


def _body(hub: Hub, request: Request, most: int) -> bytes:
    if request.method == "GET":
        query = {
            name: values[0] if len(values) == 1 else values
            for name, values in request.args.to_dict(flat=False).items()
            if name != TICKET or hub.access.ring is None  # which is not for the host
        }
        return orjson.dumps(query)
    return read_body(request, most)


def read_body(request: Request, most: int) -> bytes:
    """Return the body of a request.

    Raises:
        TooLarge: it says that it has more than ``most`` bytes; if not, so many and one are read.
    """
    if (request.content_length or 0) > most:
        drop_body(request)
        raise TooLarge(f"the body may have {most} bytes at most")
    return request.stream.read(most + 1)


def drop_body(request: Request) -> None:
    """Read what is left of a body, if that is not too much.

    Who is still sending when the connection ends does not hear the answer.
    """
    read = 0
    while read < _DROP_MAX and (piece := request.stream.read(_PIECE)):
        read += len(piece)


def check_path(request: Request, method: str) -> None:
    """Refuse a path that is not UTF-8, which Werkzeug reads with replacement characters."""
    if "\ufffd" not in method:
        return
    try:
        request.environ["PATH_INFO"].encode("latin-1").decode()
    except UnicodeError:
        raise BadRequest("a method name must be UTF-8") from None


def repeated_call(hub: Hub, request: Request, lambda_id: str, caller: Caller) -> Response | None:
    """Answer a request that Pushpin repeats, which ``Grip-Last`` tells.

    A client can send ``Grip_Last``, which WSGI does not tell from it; it then gets what it could
    ask for anyway.
    """
    last = request.headers.get("Grip-Last")
    if not last:
        return None
    channel = last.partition(";")[0].strip()
    known = parse_call_channel(channel)

    def key() -> str:
        return permit(hub, request, late=True).key

    if known is not None and known[0] == lambda_id:
        return held_or_answered(request, hub.calls.resume(*known, caller, key))
    waited = hub.results.resume(channel, caller.wait_s, wait_kind(caller), key)
    return None if waited is None else held_or_answered(request, waited)
