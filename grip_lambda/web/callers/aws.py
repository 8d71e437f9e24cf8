"""``/2015-03-31/functions/<name>/invocations``: AWS Lambda's Invoke, for its own clients."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import TypeVar

from flask import Blueprint, request
from werkzeug.wrappers import Request
from werkzeug.wrappers import Response as HttpResponse

from ...errors import BadRequest, InvalidParameter, NotFound
from ...hub import Hub
from ...hub.access import Signed, check_form, signer
from ...hub.calls import (
    AWS,
    EVENT,
    HOST_HEADER,
    WAIT_S,
    Caller,
    InvocationDetails,
    Kind,
    aws_headers,
)
from ...hub.delivery import CallerContext, new_request_id
from ...protocol import aws, ids
from ...protocol.http import parse_wait
from ...protocol.mless import Context
from ...protocol.names import check_method, is_service
from ...settings import MAX_LARGE_BODY
from ...store import ANYBODY, Call, Permit
from .. import bodies
from ..front import arrived
from ..incoming import address, current_hub, http_node
from .asking import Ask, answered, repeated_call
from .describing import callee
from .plain import check_path, most_of, read_body

T = TypeVar("T")

blueprint = Blueprint("aws", __name__)

_DRY = "DryRun"
_KINDS = {"RequestResponse": AWS, "Event": EVENT, _DRY: AWS}
_LOG_TYPES = {"None": False, "Tail": True}


@blueprint.post("/2015-03-31/functions/<path:name>/invocations")
def invoke(name: str) -> HttpResponse:
    """Invoke a method of a lambda as AWS's clients invoke a function; its errors: web/errors.py."""
    hub = current_hub()
    request_id = new_request_id()
    node = http_node(hub, request)
    invocation_type = request.headers.get("X-Amz-Invocation-Type")
    bodies.check_size(request, _most(request, _KINDS.get(invocation_type or "", AWS)))
    # What Pushpin repeats was asked for its signature before, which may be too old by now.
    is_repeat = "Grip-Last" in request.headers
    if hub.access.ring is not None and not is_repeat:
        check_form(_headers(request), time.time())
    function, caller = _parameters(hub, request, name, request_id, node)
    if is_repeat:
        repeated = repeated_call(hub, request, function.lambda_id, caller)
        if repeated is not None:
            return repeated
    if not (ids.is_lambda_id(function.lambda_id) or is_service(function.lambda_id)):
        raise NotFound(f"Function not found: {function.lambda_id[:100]}")
    lambda_id = "" if caller.service else function.lambda_id
    body = read_body(hub, request, lambda_id, function.method, caller)
    permit = _permit(hub, request, body)
    hub.access.check_services(permit.key, (caller.service,) if caller.service else ())
    caller = replace(caller, permit=permit)
    if invocation_type == _DRY:
        callee(hub, permit, lambda_id, caller.service)
        return HttpResponse(status=204, headers=aws_headers(request_id))
    at_once = None if caller.kind.is_awaited else partial(_taken, request_id)
    return answered(hub, request, Ask(lambda_id, function.method, body, caller, at_once))


def _taken(request_id: str, token: str, call: Call | None) -> HttpResponse:
    headers = aws_headers(request_id)
    if call is not None and call.service:
        headers[HOST_HEADER] = call.lambda_id
    return HttpResponse(status=202, headers=headers)


def _permit(hub: Hub, request: Request, body: bytes) -> Permit:
    """Return whom the signer of a request may call.

    Raises:
        BadSignature: it is not signed with an API key, and those are configured.
        Forbidden: the key may not call.
    """
    ring = hub.access.ring
    if ring is None:
        return ANYBODY
    query = request.environ["QUERY_STRING"]
    signed = Signed(request.method, request.path, query, _headers(request), body)
    return hub.access.caller_by_id(signer(ring, signed, time.time()))


def _headers(request: Request) -> dict[str, str]:
    return {name.lower(): value for name, value in request.headers.items()}


def _parameters(
    hub: Hub, request: Request, name: str, request_id: str, node: str
) -> tuple[aws.Function, Caller]:
    """Read everything but the body.

    Raises:
        InvalidParameter: something makes no sense.
    """
    headers = request.headers
    try:
        check_path(request, name)
        function = aws.function(name, request.args.get("Qualifier", ""))
        check_method(function.method)
        wait_s = parse_wait(headers.get("Prefer", ""), min(WAIT_S, hub.settings.wait_s))
        client = aws.client_context(headers.get("X-Amz-Client-Context", ""))
    except (BadRequest, NotFound) as error:
        raise InvalidParameter(str(error)) from None
    kind = _one_of(_KINDS, "InvocationType", headers.get("X-Amz-Invocation-Type"))
    tail = _one_of(_LOG_TYPES, "LogType", headers.get("X-Amz-Log-Type"))
    context = Context(
        aws_request_id=request_id, client_context=client, invoked_function_arn=function.arn
    )
    return function, Caller(
        node,
        wait_s,
        kind,
        InvocationDetails(request_id, tail).encode(),
        max_body=_most(request, kind),
        given=CallerContext(context),
        address=address(hub, request),
        arrived=arrived(request),
        service="" if ids.is_lambda_id(function.lambda_id) else function.lambda_id,
    )


def _most(request: Request, kind: Kind) -> int:
    """Return how many bytes the body may have."""
    return most_of(request) if kind.is_awaited else MAX_LARGE_BODY


def _one_of(known: Mapping[str, T], what: str, given: str | None) -> T:
    """Return what a parameter means; the first one is the default."""
    if not given:
        return next(iter(known.values()))
    if given not in known:
        raise InvalidParameter(f"{what} is one of {', '.join(known)}")
    return known[given]
