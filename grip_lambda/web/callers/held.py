"""``/held/…``: calls that were handed over by the front, asked for through a Pushpin.

If the answer is large, the front is led to ask for it once more, here and not through the Pushpin.
"""

from __future__ import annotations

import time

import flask
from flask import Blueprint
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Request, Response

from ...hub import Hub
from ...hub.calls import SAME, WAITS, Asked, Caller
from ..front import HELD, ask_directly, front_of, is_too_large
from ..holds import held_or_answered, piece_response
from ..incoming import current_hub, http_node, permit
from .all import answered as answer_all
from .asking import repeated_call
from .plain import resumed as resumed_stream

blueprint = Blueprint("held", __name__, url_prefix=HELD)


@blueprint.after_request
def _lead(response: flask.Response) -> Response:
    """Have the front ask for a large answer once more, here and not through the Pushpin."""
    size = response.calculate_content_length() or 0
    if "Grip-Hold" not in response.headers and is_too_large(flask.request, size):
        return ask_directly(flask.request)
    return response


def _caller(hub: Hub, request: Request) -> Caller:
    """Return who holds a call from now on; only the front may ask.

    Raises:
        NotFound: somebody else asks.
    """
    if front_of(request) is None:
        raise NotFound
    now = time.time()
    until = request.args.get("until", type=float)  # of those that are answered once
    wait_s = hub.settings.wait_s if until is None else until - now
    return Caller(http_node(hub, request), wait_s, arrived=now)


@blueprint.get("/call/<lambda_id>/<token>")
@blueprint.get("/<int:_>/call/<lambda_id>/<token>")
def call(lambda_id: str, token: str, _: int = 0) -> Response:
    """Answer as the call would have, or hold the request until it has ended."""
    hub, request = current_hub(), flask.request
    caller = _caller(hub, request)

    def key(maker: str) -> str:
        return permit(hub, request, accept_expired_for=maker).key

    return held_or_answered(request, hub.calls.repeated(lambda_id, token, caller, key))


@blueprint.get("/stream/<lambda_id>/<token>")
def stream(lambda_id: str, token: str) -> Response:
    """Send the events of a call from the first one on."""
    hub, request = current_hub(), flask.request
    return piece_response(hub.streamed.read(lambda_id, token, _caller(hub, request).node))


@blueprint.get("/resumed/<lambda_id>/after")
def resumed(lambda_id: str) -> Response:
    """Go on with the events of a call."""
    hub, request = current_hub(), flask.request
    event_id = request.args.get("event", "")
    return resumed_stream(hub, request, lambda_id, event_id, _caller(hub, request))


@blueprint.get("/same/<lambda_id>/<token>")
@blueprint.get("/<int:_>/same/<lambda_id>/<token>")
def same(lambda_id: str, token: str, _: int = 0) -> Response:
    """Wait for a call that another request began."""
    hub, request = current_hub(), flask.request
    caller = _caller(hub, request)
    kind = WAITS.get(request.args.get("kind", ""), SAME)
    again = repeated_call(hub, request, lambda_id, caller, kind)
    if again is not None:
        return again
    waited = hub.kept.wait(lambda_id, token, caller.node, caller.wait_s, kind)
    return held_or_answered(request, waited)


@blueprint.get("/all/<place>/<name>")
@blueprint.get("/<int:_>/all/<place>/<name>")
@blueprint.get("/all-stream/<place>/<name>")
def all_hosts(place: str, name: str, _: int = 0) -> Response:
    """Send what all hosts of a service answer."""
    hub, request = current_hub(), flask.request
    caller = _caller(hub, request)
    asked = Asked(place, name, time.time() + caller.wait_s)
    is_streamed = request.path.startswith(f"{HELD}/all-stream/")
    return answer_all(hub, request, asked, caller.node, is_streamed=is_streamed)
