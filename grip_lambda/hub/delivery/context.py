"""The context of a call: what a host gets beside the arguments, if it asks for that."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

import msgspec

from ...protocol import mless
from ...store import Call

_ARN = "arn:aws:lambda:local:000000000000:function:{}:{}"


@dataclass(frozen=True)
class CallerContext:
    """What a caller gives of the context that a host may get."""

    context: mless.Context = field(default_factory=mless.Context)
    env: dict[str, str] = field(default_factory=dict)


#: What plain callers give.
NO_CONTEXT = CallerContext()


def new_request_id() -> str:
    """Return a fresh id of an invocation, in the form that AWS gives to it."""
    return str(uuid.uuid4())


def with_id(context: mless.Context) -> mless.Context:
    """Return a context that has an id, a new one if need be."""
    if context.aws_request_id:
        return context
    return msgspec.structs.replace(context, aws_request_id=new_request_id())


def host_context(call: Call, method: str, given: CallerContext) -> bytes:
    """Return the context of a call as its host gets it, a JSON text."""
    context = with_id(given.context)
    mine = {"deadline", "env"}
    return mless.HostContext(
        aws_request_id=context.aws_request_id,
        client_context=context.client_context,
        identity=context.identity,
        invoked_function_arn=context.invoked_function_arn or _ARN.format(call.lambda_id, method),
        deadline=int(call.deadline * 1000),
        env=given.env,
        others={name: text for name, text in context.others.items() if name not in mine},
    ).encode()
