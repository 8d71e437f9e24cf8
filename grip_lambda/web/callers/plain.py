"""``/lambda/<id>/<method>``: calls."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import flask
import orjson
from flask import Blueprint
from werkzeug.exceptions import MethodNotAllowed
from werkzeug.wrappers import Request, Response

from ...errors import BadRequest
from ...hub import Hub
from ...hub.calls import ASYNC, PLAIN, STREAM, Caller, pending
from ...protocol import sse
from ...protocol.fields import best
from ...protocol.http import parse_wait, prefers
from ...settings import MAX_BODY, MAX_LARGE_BODY
from ...store import Call
from ...store.facts import OUTCOME_KEPT_S, RESULT_KEPT_S
from .. import bodies
from ..front import arrived, hand_over, is_direct
from ..holds import piece_response
from ..incoming import (
    LAST_EVENT_ID,
    TICKET,
    address,
    authorized,
    current_hub,
    http_node,
    last_event_id,
    tickets,
)
from .asking import Ask, answered, repeated_call

blueprint = Blueprint("calls", __name__)

#: Characters of an Idempotency-Key.
_KEY_MAX = 255
#: What a call is made with.
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


@blueprint.route("/lambda/<lambda_id>/<method>", methods=METHODS)
def _call(lambda_id: str, method: str) -> Response:
    if flask.request.method == "HEAD":
        raise MethodNotAllowed(METHODS, "a call has an answer; use GET or POST")
    return call(current_hub(), flask.request, lambda_id, method)


@blueprint.route("/service/<name>/<method>", methods=METHODS)
def _call_service(name: str, method: str) -> Response:
    if flask.request.method == "HEAD":
        raise MethodNotAllowed(METHODS, "a call has an answer; use GET or POST")
    return call(current_hub(), flask.request, "", method, name)


def call(hub: Hub, request: Request, lambda_id: str, method: str, service: str = "") -> Response:
    """Call a method of a lambda, and have its answer as the response.

    Args:
        lambda_id: the lambda; empty if one of the hosts of ``service`` is to be chosen.
    """
    caller = caller_of(hub, request)
    if service:
        caller = replace(caller, service=service)
    bodies.check_size(request, caller.max_body)
    repeated = repeated_call(hub, request, lambda_id, caller)
    if repeated is not None:
        return repeated
    check_path(request, method)
    if _goes_on(request, caller):
        if service:
            lambda_id = hub.streamed.host(service, last_event_id(request))
        return _resumed(hub, request, lambda_id, caller)
    caller = authorized(hub, request, caller)
    body = body_of(hub, request, lambda_id, method, caller)
    at_once = None if caller.kind.is_awaited else partial(_accepted, hub, request, caller.key)
    return answered(hub, request, Ask(lambda_id, method, body, caller, at_once))


def caller_of(hub: Hub, request: Request) -> Caller:
    """Return who calls, as the request says; what they may is another question."""
    node = http_node(hub, request)
    prefer = request.headers.get("Prefer", "")
    wait_s = parse_wait(prefer, hub.settings.wait_s)
    idempotency_key = request.environ.get("HTTP_IDEMPOTENCY_KEY", "")
    if len(idempotency_key) > _KEY_MAX:
        raise BadRequest(f"an Idempotency-Key may have {_KEY_MAX} characters at most")
    known_as, came = address(hub, request), arrived(request)
    if "respond-async" in prefer and prefers(prefer, "respond-async"):
        return Caller(
            node,
            wait_s,
            ASYNC,
            kept_s=RESULT_KEPT_S,
            max_body=MAX_LARGE_BODY,
            idempotency_key=idempotency_key,
            address=known_as,
            arrived=came,
        )
    kind, kept_s = (STREAM, RESULT_KEPT_S) if accepts_stream(request) else (PLAIN, OUTCOME_KEPT_S)
    return Caller(
        node,
        wait_s,
        kind,
        kept_s=kept_s,
        max_body=most_of(request),
        idempotency_key=idempotency_key,
        address=known_as,
        arrived=came,
    )


def most_of(request: Request) -> int:
    """Return how many bytes the body of a call may have whose caller waits.

    A Pushpin does not hold a request with more than ``MAX_BODY``. What the front has held is
    another one, without a body.
    """
    return MAX_LARGE_BODY if is_direct(request) else MAX_BODY


def accepts_stream(request: Request) -> bool:
    """Tell whether a client would rather have server-sent events than JSON."""
    accept = request.environ.get("HTTP_ACCEPT", "")
    if sse.CONTENT_TYPE not in accept.lower():
        return False
    return best(accept, ("application/json", sse.CONTENT_TYPE)) == sse.CONTENT_TYPE


def _goes_on(request: Request, caller: Caller) -> bool:
    """Tell whether a request goes on with a stream; it is no call then, whatever it accepts."""
    if "HTTP_LAST_EVENT_ID" in request.environ:
        return True
    return caller.kind.is_streamed and last_event_id(request) != ""


def _resumed(hub: Hub, request: Request, lambda_id: str, caller: Caller) -> Response:
    event_id = last_event_id(request)
    if is_direct(request):
        return hand_over("resumed", lambda_id, "after", event=event_id, **tickets(request))
    return resumed(hub, request, lambda_id, event_id, caller)


def resumed(hub: Hub, request: Request, lambda_id: str, event_id: str, caller: Caller) -> Response:
    """Go on with a streamed call after an event.

    Raises:
        NotFound: the event is none of a call of this caller to the lambda.
    """
    maker = hub.streamed.maker(lambda_id, event_id) if hub.access.ring is not None else ""
    caller = authorized(hub, request, caller, accept_expired_for=maker)
    piece = hub.streamed.reopen(lambda_id, event_id, caller.key, caller.node)
    return Response(status=204) if piece is None else piece_response(piece)


def _accepted(hub: Hub, request: Request, key: str, token: str, call: Call | None) -> Response:
    shown = hub.kept.state(token, key) if call is None else pending(call)
    headers = {
        **shown.headers,
        "Location": where(request, token),
        "Preference-Applied": "respond-async",
    }
    return Response(shown.body, 202, headers, content_type="application/json")


def where(request: Request, token: str) -> str:
    """Return where a call can be asked for, as its maker finds it.

    Relative to its own address: what stands in front may serve all this below a path.
    """
    return f"{'../' * (request.path.count('/') - 1)}calls/{token}"


def body_of(hub: Hub, request: Request, lambda_id: str, method: str, caller: Caller) -> bytes:
    """Return the body of a call, or its query; raises as ``read_body``."""
    if request.method != "GET":
        return read_body(hub, request, lambda_id, method, caller)
    ours = {TICKET} if hub.access.ring is not None else set()
    if caller.kind.is_streamed:
        ours.add(LAST_EVENT_ID)
    query = {
        name: values[0] if len(values) == 1 else values
        for name, values in request.args.to_dict(flat=False).items()
        if name not in ours  # which is not for the host
    }
    return orjson.dumps(query)


def read_body(hub: Hub, request: Request, lambda_id: str, method: str, caller: Caller) -> bytes:
    """Return the body of a call, whose size was checked if it was told.

    A large one is read only if the lambda is open and the caller may call it.

    Returns:
        Up to one byte more than the call may have.

    Raises:
        BadRequest, NotFound, Unauthorized, Forbidden: as Calls.check.
    """
    if bodies.is_large(request):
        hub.calls.check(lambda_id, method, caller)
    return bodies.read(request, caller.max_body + 1)


def check_path(request: Request, method: str) -> None:
    """Refuse a path that is not UTF-8, which Werkzeug reads with replacement characters."""
    if "\ufffd" not in method:
        return
    try:
        request.environ["PATH_INFO"].encode("latin-1").decode()
    except UnicodeError:
        raise BadRequest("a method name must be UTF-8") from None
