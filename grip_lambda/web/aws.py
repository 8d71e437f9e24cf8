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

from ..errors import BadRequest, BadSignature, InvalidParameter, NotFound, RequestError
from ..hub import Hub
from ..hub.access import check_call
from ..hub.aws import WAIT_S, aws_error, aws_headers
from ..hub.callers import Caller, check_method
from ..hub.invocations import Details, Given, new_request_id
from ..hub.sigv4 import Signed, signer
from ..protocol import aws, ids
from ..protocol.http import parse_wait
from ..protocol.mless import Context
from ..settings import MAX_ASYNC_BODY, MAX_BODY
from ..store import ANYBODY, Earlier, Permit
from .calls import check_path, read_body, repeated_call
from .context import current_hub, http_node
from .responses import answer, hold

T = TypeVar("T")

blueprint = Blueprint("aws", __name__)

_KINDS = {"RequestResponse": "aws", "Event": "event", "DryRun": "dry"}
_LOG_TYPES = {"None": False, "Tail": True}
#: AWS's names for what is refused, by status.
_NAMES = {
    400: "InvalidRequestContentException",
    401: "MissingAuthenticationTokenException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    413: "RequestTooLargeException",
    429: "TooManyRequestsException",
}


@blueprint.post("/2015-03-31/functions/<path:name>/invocations")
def invoke(name: str) -> HttpResponse:
    """Invoke a method of a lambda as AWS's clients invoke a function."""
    request_id = new_request_id()
    try:
        return _invoked(current_hub(), request, name, request_id)
    except RequestError as error:
        status = 403 if error.status == 401 else error.status
        return answer(request, aws_error(status, _name(error), str(error), request_id))


def _name(error: RequestError) -> str:
    if isinstance(error, InvalidParameter):
        return "InvalidParameterValueException"
    if isinstance(error, BadSignature):
        return error.name
    return _NAMES.get(error.status, "ServiceException")


def _invoked(hub: Hub, request: Request, name: str, request_id: str) -> HttpResponse:
    node = http_node(hub, request)
    is_event = request.headers.get("X-Amz-Invocation-Type") == "Event"
    body = read_body(request, MAX_ASYNC_BODY if is_event else MAX_BODY)
    # What Pushpin repeats was asked for its signature before, which may be too old by now.
    permit = None if "Grip-Last" in request.headers else _permit(hub, request, body)
    function, caller = _parameters(hub, request, name, request_id, node)
    repeated = repeated_call(hub, request, function.lambda_id, caller)
    if repeated is not None:
        return repeated
    if permit is None:
        permit = _permit(hub, request, body)
    caller = replace(caller, permit=permit)
    if not ids.is_lambda_id(function.lambda_id):
        raise NotFound(f"Function not found: {function.lambda_id[:100]}")
    if caller.kind == "dry":
        check_call(permit, hub.hosts.get(function.lambda_id))
        return HttpResponse(status=204, headers=aws_headers(request_id))
    begun = hub.calls.begin(function.lambda_id, function.method, body, caller)
    assert not isinstance(begun, Earlier), "it has no Idempotency-Key"
    if caller.kind == "event":
        response = HttpResponse(status=202, headers=aws_headers(request_id))
    else:
        response = hold(request, begun.hold)
    response.call_on_close(partial(hub.calls.deliver, begun))
    return response


def _permit(hub: Hub, request: Request, body: bytes) -> Permit:
    """Return whom the signer of a request may call.

    Raises:
        BadSignature: it is not signed with an API key, and those are configured.
        Forbidden: the key may not call.
    """
    ring = hub.access.ring
    if ring is None:
        return ANYBODY
    headers = {name.lower(): value for name, value in request.headers.items()}
    signed = Signed(request.method, request.path, request.environ["QUERY_STRING"], headers, body)
    return hub.access.caller_by_id(signer(ring, signed, time.time()))


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
        Details(request_id, tail).encode(),
        max_body=MAX_ASYNC_BODY if kind == "event" else MAX_BODY,
        given=Given(context),
    )


def _one_of(known: Mapping[str, T], what: str, given: str | None) -> T:
    """Return what a parameter means; the first one is the default."""
    if not given:
        return next(iter(known.values()))
    if given not in known:
        raise InvalidParameter(f"{what} is one of {', '.join(known)}")
    return known[given]
