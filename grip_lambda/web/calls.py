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
from ..hub.calls import Caller
from ..hub.channels import parse_call_channel
from ..hub.results import pending
from ..protocol.http import parse_wait, prefers
from ..settings import MAX_ASYNC_BODY
from ..store import Earlier
from ..store.base import RESULT_KEPT_S
from .context import TICKET, authorized, current_hub, http_node
from .responses import held_or_answered, hold

blueprint = Blueprint("calls", __name__)

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
    caller = _caller(request, node, wait_s, is_async=prefers(prefer, "respond-async"))
    repeated = repeated_call(hub, request, lambda_id, caller)
    if repeated is not None:
        return repeated
    check_path(request, method)
    caller = authorized(hub, request, caller)
    begun = hub.calls.begin(lambda_id, method, _body(hub, request, caller.max_body), caller)
    if isinstance(begun, Earlier):
        if caller.kind == "async":
            return _accepted(hub.results.state(begun.token, caller.key), begun.token)
        return held_or_answered(request, hub.results.wait(lambda_id, begun.token, node, wait_s))
    if caller.kind == "async":
        response = _accepted(pending(begun.call), begun.call.token)
    else:
        response = hold(request, begun.hold)
    response.call_on_close(partial(hub.calls.deliver, begun))
    return response


def _caller(request: Request, node: str, wait_s: float, *, is_async: bool) -> Caller:
    once = request.environ.get("HTTP_IDEMPOTENCY_KEY", "")
    if len(once) > _ONCE_MAX:
        raise BadRequest(f"an Idempotency-Key may have {_ONCE_MAX} characters at most")
    if is_async:
        return Caller(
            node, wait_s, "async", kept_s=RESULT_KEPT_S, max_body=MAX_ASYNC_BODY, once=once
        )
    return Caller(node, wait_s, once=once)


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
        raise TooLarge(f"the body may have {most} bytes at most")
    return request.stream.read(most + 1)


def check_path(request: Request, method: str) -> None:
    """Refuse a path that is not UTF-8, which Werkzeug reads with replacement characters."""
    if "\ufffd" not in method:
        return
    try:
        request.environ["PATH_INFO"].encode("latin-1").decode()
    except UnicodeError:
        raise BadRequest("a method name must be UTF-8") from None


def repeated_call(hub: Hub, request: Request, lambda_id: str, caller: Caller) -> Response | None:
    """Answer a request that Pushpin repeats, which ``Grip-Last`` tells (clients can't send it)."""
    last = request.headers.get("Grip-Last")
    if not last:
        return None
    channel = last.partition(";")[0].strip()
    known = parse_call_channel(channel)
    if known is not None and known[0] == lambda_id:
        return held_or_answered(request, hub.calls.resume(*known, caller))
    waited = hub.results.resume(channel, caller.wait_s)
    return None if waited is None else held_or_answered(request, waited)
