"""The trace that a call is part of, as its headers say."""

from __future__ import annotations

from dataclasses import replace

from werkzeug.wrappers import Request

from ...hub import Hub
from ...hub.calls import Caller
from ...hub.delivery import CallerContext
from ...protocol import traces


def traced(hub: Hub, request: Request, caller: Caller) -> Caller:
    """Return a caller with the trace of its call, which hosts find in their environment."""
    text: str | None = request.environ.get("HTTP_TRACEPARENT")
    if text is None and not hub.watching.tracer.is_on:
        return caller
    given = traces.parse(text or "", request.environ.get("HTTP_TRACESTATE", ""))
    trace = hub.watching.tracer.entered(given)
    if trace is None:
        return caller
    env = {**caller.given.env, **trace.env}
    if "TRACESTATE" not in trace.env:
        env.pop("TRACESTATE", None)
    return replace(caller, trace=trace, given=CallerContext(caller.given.context, env))
