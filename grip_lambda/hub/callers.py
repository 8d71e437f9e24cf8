"""Who calls, and what is made of that: the call, its hold, and the message for its host."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from ..errors import BadRequest, NotFound
from ..protocol import ids
from ..settings import MAX_BODY
from ..store import ANYBODY, Call, Host, Once, Permit
from ..store.facts import OUTCOME_KEPT_S, RESULT_KEPT_S
from .channels import call_channel
from .invocations import NOTHING_GIVEN, Given
from .messages import Sent
from .replies import Response, render_late

_RESERVED = re.compile(r"open|rpc\..*", re.DOTALL)
#: Pushpin gives up a hold this long after the deadline, should every backend be gone by then.
_HOLD_MARGIN_S = 1


@dataclass(frozen=True)
class Hold:
    """A caller that waits: what Pushpin is told to hold.

    Attributes:
        channel: what it is held on.
        timeout_s: when Pushpin gives up by itself, in whole seconds.
        response: what it gets then.
    """

    channel: str
    timeout_s: int
    response: Response


def held(channel: str, left_s: float, response: Response) -> Hold:
    """Return a hold for so many seconds; somebody else is to end it in time."""
    return Hold(channel, math.ceil(max(0.0, left_s)) + _HOLD_MARGIN_S, response)


@dataclass(frozen=True)
class Invocation:
    """What is to be sent to a host, once its caller is held."""

    call: Call
    hold: Hold
    host: Host
    message: bytes


@dataclass(frozen=True)
class Caller:
    """Who calls, and how they are to be answered.

    Attributes:
        node: the Pushpin that holds the caller.
        wait_s: how long the caller waits.
        kind: how the caller is answered; see replies.py.
        details: what that kind needs to know, as JSON; else empty.
        kept_s: how long the outcome is kept, in seconds.
        max_body: how many bytes the body may have.
        permit: whom the caller may call.
        once: of the calls of a method with the same text here, one is made; empty for none.
        given: what the caller gives of the context, for hosts that want it.
        sent: what a Monologue client sent; the body is then the array of its arguments.
    """

    node: str
    wait_s: float
    kind: str = "http"
    details: str = ""
    kept_s: float = OUTCOME_KEPT_S
    max_body: int = MAX_BODY
    permit: Permit = ANYBODY
    once: str = ""
    given: Given = NOTHING_GIVEN
    sent: Sent | None = None

    @property
    def key(self) -> str:
        """The id of the API key that calls; empty without one."""
        return self.permit.key


def call_of(lambda_id: str, token: str, caller: Caller, now: float) -> Call:
    """Return the call that a caller makes."""
    return Call(
        token,
        lambda_id,
        caller.node,
        now + caller.wait_s,
        caller.kind,
        caller.details,
        RESULT_KEPT_S if caller.once else caller.kept_s,
        now,
        caller.key,
    )


def once_of(method: str, body: bytes, caller: Caller) -> Once | None:
    """Return what makes a call the same as an earlier one; None where it has no such key."""
    if not caller.once:
        return None
    key = "\0".join((caller.key, method, caller.once)).encode("utf-8", "surrogatepass")
    return Once(sha256(key).hexdigest(), sha256(body).hexdigest())


def hold_of(call: Call, now: float) -> Hold:
    """Return the hold of who made a call."""
    return held(call_channel(call), call.deadline - now, render_late(call))


def check_maker(call: Call, key: Callable[[], str]) -> None:
    """Refuse to show a call to who did not make it, if it is one that may be asked for.

    Raises:
        NotFound: another API key made it.
    """
    if call.is_kept and call.key and call.key != key():
        raise NotFound("no such call is known; results are kept for ten minutes")


def check_lambda_id(lambda_id: str) -> None:
    """Refuse what can't be the id of a lambda.

    Raises:
        BadRequest: with what an id looks like.
    """
    if not ids.is_lambda_id(lambda_id):
        raise BadRequest("a lambda id is 16 characters of A-Z, a-z, 0-9, - and _")


def check_method(method: str) -> None:
    """Refuse a method name that no host may have.

    Raises:
        BadRequest: it is reserved, or no text.
        NotFound: it is empty or has a slash.
    """
    if not method or "/" in method:
        raise NotFound("the address of a call is /lambda/<id>/<method>")
    if "\0" in method:
        raise BadRequest("a method name can't have NUL in it")
    if _RESERVED.fullmatch(method):
        raise BadRequest(f"the method name {method[:100]} is reserved")
