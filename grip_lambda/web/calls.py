"""``/lambda/<id>/<method>``: calls."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import orjson
from flask import Blueprint, Response, request
from werkzeug.exceptions import MethodNotAllowed

from ..errors import BadRequest, TooLarge
from ..grip.nodes import HOLD_ID
from ..hub.calls import Hold
from ..hub.channels import parse_call_channel
from ..hub.outcomes import DEADLINE_EXCEEDED
from ..protocol.http import parse_wait
from ..settings import MAX_BODY
from ..store import Outcome
from .context import http_node, hub

blueprint = Blueprint("calls", __name__)

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


@blueprint.route("/lambda/<lambda_id>/<method>", methods=_METHODS)
def call(lambda_id: str, method: str) -> Response:
    """Call a method of a lambda, and have its answer as the response."""
    if request.method == "HEAD":
        raise MethodNotAllowed(_METHODS, "a call has an answer; use GET or POST")
    node = http_node()
    repeated = _repeated_call(lambda_id)
    if repeated is not None:
        return repeated
    if "\ufffd" in method:
        _check_path()
    calls = hub().calls
    wait_s = parse_wait(request.headers.get("Prefer", ""), hub().settings.wait_s)
    invocation = calls.begin(lambda_id, method, _body(), node, wait_s)
    response = _hold(invocation.hold)
    response.call_on_close(partial(calls.deliver, invocation))
    return response


def _body() -> bytes:
    if request.method == "GET":
        query = {
            name: values[0] if len(values) == 1 else values
            for name, values in request.args.to_dict(flat=False).items()
        }
        return orjson.dumps(query)
    if (request.content_length or 0) > MAX_BODY:
        raise TooLarge(f"the body may have {MAX_BODY} bytes at most")
    return request.stream.read(MAX_BODY + 1)


def _check_path() -> None:
    """Refuse a path that is not UTF-8, which Werkzeug reads with replacement characters."""
    try:
        request.environ["PATH_INFO"].encode("latin-1").decode()
    except UnicodeError:
        raise BadRequest("a method name must be UTF-8") from None


def _repeated_call(lambda_id: str) -> Response | None:
    """Answer a request that Pushpin repeats, which ``Grip-Last`` tells (clients can't send it)."""
    last = request.headers.get("Grip-Last")
    known = parse_call_channel(last.partition(";")[0].strip()) if last else None
    if known is None or known[0] != lambda_id:
        return None
    found = hub().calls.resume(*known)
    return _hold(found) if isinstance(found, Hold) else _answer(found)


def _answer(outcome: Outcome, headers: Mapping[str, str] | None = None) -> Response:
    response = Response(outcome.body, outcome.status, headers, content_type="application/json")
    if request.method == "GET":
        response.headers["Cache-Control"] = "no-store"
    return response


def _hold(hold: Hold) -> Response:
    """Return what Pushpin sends if nobody publishes an answer in time; its headers stay."""
    return _answer(
        DEADLINE_EXCEEDED,
        {
            "Grip-Hold": "response",
            "Grip-Channel": f"{hold.channel}; prev-id={HOLD_ID}",
            "Grip-Timeout": str(hold.timeout_s),
        },
    )
