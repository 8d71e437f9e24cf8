"""Who calls, and what is made of that: the call, its hold, and the message for its host."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from ...errors import BadRequest, DeadlineExceeded, NotFound, TooLarge
from ...protocol import jsontext
from ...protocol.names import check_lambda_id, check_method, check_service
from ...protocol.traces import Trace
from ...settings import MAX_BODY
from ...store import ANYBODY, Call, Host, IdempotencyKey, Permit
from ...store.facts import OUTCOME_KEPT_S, RESULT_KEPT_S
from ..channels import call_channel
from ..delivery import NO_CONTEXT, CallerContext, MonologueCall
from .kinds import PLAIN, Kind
from .replies import render_late
from .responses import Hold, held


@dataclass(frozen=True)
class BegunCall:
    """What is to be sent to a host, once its caller is held."""

    call: Call
    host: Host
    message: bytes


@dataclass(frozen=True)
class Caller:
    """Who calls, and how they are to be answered.

    Attributes:
        node: the Pushpin that holds the caller.
        wait_s: how long the caller waits.
        kind: how the caller is answered; see kinds/.
        details: what that kind needs to know, as JSON; else empty.
        kept_s: how long the outcome is kept, in seconds.
        max_body: how many bytes the body may have.
        permit: whom the caller may call.
        idempotency_key: of several calls of a method with the same key, one is made; empty for
            none.
        given: what the caller gives of the context, for hosts that want it.
        sent: what a Monologue client sent; the body is then the array of its arguments.
        address: that of the caller; empty where it is not known. See web/clients.py.
        arrived: when the request came in, in seconds since 1970; 0 for now.
        trace: where the call stands in a trace; None if it has none.
        service: the service that is called, one of whose hosts is chosen; empty if a lambda is.
    """

    node: str
    wait_s: float
    kind: Kind = PLAIN
    details: str = ""
    kept_s: float = OUTCOME_KEPT_S
    max_body: int = MAX_BODY
    permit: Permit = ANYBODY
    idempotency_key: str = ""
    given: CallerContext = NO_CONTEXT
    sent: MonologueCall | None = None
    address: str = ""
    arrived: float = 0.0
    trace: Trace | None = None
    service: str = ""

    @property
    def key(self) -> str:
        """The id of the API key that calls; empty without one."""
        return self.permit.key


def call_of(lambda_id: str, token: str, caller: Caller, now: float, about: str = "") -> Call:
    """Return the call that a caller makes.

    Args:
        about: see hub/watching/about.py.
    """
    return Call(
        token,
        lambda_id,
        caller.node,
        (caller.arrived or now) + caller.wait_s,
        caller.kind.name,
        caller.details,
        RESULT_KEPT_S if caller.idempotency_key else caller.kept_s,
        now,
        caller.key,
        caller.key or caller.address,
        about,
        caller.service,
    )


def idempotency_key_of(method: str, body: bytes, caller: Caller) -> IdempotencyKey | None:
    """Return what makes a call the same as an earlier one; None where it has no such key."""
    if not caller.idempotency_key:
        return None
    key = "\0".join((caller.key, method, caller.idempotency_key)).encode("utf-8", "surrogatepass")
    return IdempotencyKey(sha256(key).hexdigest(), sha256(body).hexdigest())


def check_callee(lambda_id: str, caller: Caller) -> None:
    """Refuse what can't be the id of a lambda, or the name of a service.

    Raises:
        BadRequest: with what it looks like.
    """
    if caller.service:
        check_service(caller.service)
    else:
        check_lambda_id(lambda_id)


def hold_of(call: Call, now: float) -> Hold:
    """Return the hold of who made a call."""
    return held(call_channel(call), call.deadline - now, render_late(call))


def check_maker(call: Call, key: Callable[[str], str]) -> None:
    """Refuse to show a call to who did not make it, if it is one that may be asked for.

    Args:
        key: gives the API key that asks, given the one that made the call.

    Raises:
        NotFound: another API key made it.
    """
    if call.is_kept and call.key and call.key != key(call.key):
        raise NotFound("no such call is known; results are kept for ten minutes")


def checked(lambda_id: str, method: str, body: bytes, caller: Caller) -> bytes:
    """Return the body of a call as its host gets it; refuse what makes no sense.

    Raises:
        BadRequest, NotFound, TooLarge: as Calls.begin.
    """
    check_callee(lambda_id, caller)
    if caller.sent is None:
        check_method(method)
    if len(body) > caller.max_body:
        raise TooLarge(f"the body may have {caller.max_body} bytes at most")
    body = jsontext.without_bom(body) or b"null"
    if not jsontext.is_json(body):
        raise BadRequest(
            f"the body must be JSON in UTF-8, nested no deeper than {jsontext.MAX_DEPTH} levels"
        )
    return body


def check_deadline(call: Call, now: float) -> None:
    """Refuse a call whose host could only be asked too late.

    Raises:
        DeadlineExceeded: its deadline has passed.
    """
    if call.deadline <= now:
        raise DeadlineExceeded("the call was late before its host could be asked")
