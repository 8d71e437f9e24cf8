"""The one way of a call, whatever its caller speaks.

Each caller protocol reads what is asked (``Ask``) and has ``answered`` do the rest. The order of
its steps is what keeps a call from being delivered twice:

- A request that Pushpin repeats finds the call that it has begun, by the channel in ``Grip-Last``.
- Behind a Pushpin the host is asked after the response has gone out, which has Pushpin hold the
  caller. If the process dies before that, the request that is sent again is the first.
- The front sends no call twice. It has the call waited for in the thread, for a moment
  (hub/calls/prompt.py), and is then told where to ask for its end, as often as it takes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from werkzeug.wrappers import Request, Response

from ...errors import RequestError
from ...hub import Hub
from ...hub.calls import SAME, SAME_STREAM, BegunCall, Caller, HandedOver, WaitKind
from ...hub.calls import Response as Answer
from ...hub.channels import parse_call_channel
from ...store import Call, SameCall
from ..front import arrived, front_of, hand_over, is_direct
from ..holds import answer, held_or_answered, hold, piece_response
from ..incoming import permit, tickets
from .tracing import traced


@dataclass(frozen=True)
class Ask:
    """What is asked of a lambda.

    Attributes:
        lambda_id, method: whom to call, and what there; a service if ``caller`` names one.
        body: a JSON text; empty for null.
        may_hurry: whether the answer of the host will do as well, in the place of a stream, if it
            comes within a moment.
        at_once: makes the response to a caller who does not wait for the end, given the call's
            token and the call, which is None if another request began it; None if the caller waits.
    """

    lambda_id: str
    method: str
    body: bytes
    caller: Caller
    at_once: Callable[[str, Call | None], Response] | None = None
    may_hurry: bool = False

    @property
    def is_waited_for(self) -> bool:
        """Whether the response is the answer of the host."""
        return self.at_once is None and not self.is_streamed

    @property
    def is_streamed(self) -> bool:
        """Whether the response is a stream of events."""
        return self.caller.kind.is_streamed


def answered(hub: Hub, request: Request, ask: Ask) -> Response:
    """Make a call, and return the response to its caller.

    Raises:
        as Calls.begin.
    """
    caller = traced(hub, request, ask.caller)
    if caller is not ask.caller:
        ask = replace(ask, caller=caller)
    try:
        hub.limits.asked(caller.key, caller.address)
        return _asked(hub, request, ask)
    except RequestError as error:
        hub.calls.refused(ask.lambda_id, ask.method, ask.body, caller, error)
        raise


def _asked(hub: Hub, request: Request, ask: Ask) -> Response:
    front = front_of(request)
    if front is None or not (ask.is_waited_for or ask.may_hurry):
        return _begun(hub, request, ask)
    with hub.waiters.turn(front.arrived + ask.caller.wait_s - time.time()):
        found = hub.prompt.ask(ask.lambda_id, ask.method, ask.body, ask.caller)
        if found is None:
            return _begun(hub, request, ask)
    if isinstance(found, HandedOver):
        call = found.call
        shown = tickets(request)
        if ask.is_streamed:
            hub.streamed.begin(call)
            return hand_over("stream", call.lambda_id, call.token, **shown)
        return hand_over("call", call.lambda_id, call.token, call.deadline, **shown)
    return answer(request, found)


def _begun(hub: Hub, request: Request, ask: Ask) -> Response:
    """Make a call that is entered in the store from the beginning."""
    caller = ask.caller
    begun = hub.calls.begin(ask.lambda_id, ask.method, ask.body, caller)
    if isinstance(begun, SameCall):
        return _same(hub, request, ask, begun.lambda_id or ask.lambda_id, begun.token)
    if is_direct(request) and ask.is_waited_for:
        return _waited(hub, request, begun)
    if ask.at_once is not None:
        response = ask.at_once(begun.call.token, begun.call)
    elif not ask.is_streamed:
        response = hold(request, hub.calls.held(begun))
    elif is_direct(request):
        hub.streamed.begin(begun.call)
        response = hand_over("stream", begun.call.lambda_id, begun.call.token, **tickets(request))
    else:
        response = piece_response(hub.streamed.open(begun.call))
    response.call_on_close(partial(hub.calls.deliver, begun))
    return response


def _waited(hub: Hub, request: Request, begun: BegunCall) -> Response:
    """Ask the host, and wait for the end of the call for a moment."""
    call = begun.call
    with hub.waiters.expecting(call.token) as waiter:
        hub.calls.deliver(begun)
        moment_s = min(hub.waiters.patience_s(), call.deadline - time.time())
        if moment_s > 0 and waiter.wait(moment_s) and isinstance(waiter.told, Answer):
            return answer(request, waiter.told)
    shown = tickets(request)
    return hand_over("call", call.lambda_id, call.token, call.deadline, **shown)


def _same(hub: Hub, request: Request, ask: Ask, lambda_id: str, token: str) -> Response:
    """Answer a call that is the same as an earlier one."""
    caller = ask.caller
    if ask.at_once is not None:
        return ask.at_once(token, None)
    if is_direct(request):
        until, kind = arrived(request) + caller.wait_s, wait_kind(caller)
        shown = tickets(request)
        return hand_over("same", lambda_id, token, until, kind=kind.name, **shown)
    waited = hub.kept.wait(lambda_id, token, caller.node, caller.wait_s, wait_kind(caller))
    return held_or_answered(request, waited)


def wait_kind(caller: Caller) -> WaitKind:
    """Return how somebody waits who makes the same call again."""
    return SAME_STREAM if caller.kind.is_streamed else SAME


def repeated_call(
    hub: Hub, request: Request, lambda_id: str, caller: Caller, kind: WaitKind | None = None
) -> Response | None:
    """Answer a request that Pushpin repeats, which ``Grip-Last`` tells; None for another one.

    A client can send ``Grip_Last``, which WSGI does not tell from it; it then gets what it could
    ask for anyway.

    Args:
        kind: how the caller waits for a call that another began; as ``wait_kind`` if None.
    """
    last = request.headers.get("Grip-Last")
    if not last:
        return None
    channel = last.partition(";")[0].strip()
    known = parse_call_channel(channel)

    def key(maker: str) -> str:
        return permit(hub, request, accept_expired_for=maker).key

    if known is not None and (known[0] == lambda_id or caller.service):
        return held_or_answered(request, hub.calls.repeated(*known, caller, key))
    waited = hub.kept.repeated(channel, caller.wait_s, kind or wait_kind(caller), key)
    return None if waited is None else held_or_answered(request, waited)
