"""Spans of OpenTelemetry; imported only where that is installed."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from opentelemetry import trace as otel
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
)

from ...protocol.traces import Trace
from .about import About
from .recorder import Seen

_NS = 1_000_000_000
#: The trace and the span of the one that is being made.
_wanted: ContextVar[tuple[int, int] | None] = ContextVar("wanted", default=None)


class _Ids(IdGenerator):
    """Gives a span the id that its host was told."""

    def __init__(self) -> None:
        self._others = RandomIdGenerator()

    def generate_span_id(self) -> int:
        wanted = _wanted.get()
        return self._others.generate_span_id() if wanted is None else wanted[1]

    def generate_trace_id(self) -> int:
        wanted = _wanted.get()
        return self._others.generate_trace_id() if wanted is None else wanted[0]


def new_provider(processor: SpanProcessor) -> TracerProvider:
    """Return what makes the spans of calls, as OpenTelemetry's settings say."""
    named = Resource({SERVICE_NAME: "grip-lambda"}).merge(Resource.create())
    provider = TracerProvider(resource=_named(named), id_generator=_Ids(), shutdown_on_exit=False)
    provider.add_span_processor(processor)
    return provider


def _named(resource: Resource) -> Resource:
    """Return a resource with our name, unless a setting gives another."""
    name = str(resource.attributes.get(SERVICE_NAME, ""))
    if name.startswith("unknown_service"):
        return resource.merge(Resource({SERVICE_NAME: "grip-lambda"}))
    return resource


def record(tracer: Any, seen: Seen, about: About, trace: Trace) -> None:
    """Make the span of a call that has ended."""
    call = seen.call
    token = _wanted.set((int(trace.trace_id, 16), int(trace.span_id, 16)))
    try:
        span = tracer.start_span(
            f"call {about.method}",
            context=_parent(trace),
            kind=SpanKind.SERVER,
            start_time=int(call.created * _NS),
            attributes={
                "rpc.system": "grip-lambda",
                "rpc.service": call.lambda_id,
                "rpc.method": about.method,
                "client.address": about.address,
                "http.response.status_code": seen.status,
                "grip_lambda.outcome": seen.word,
            },
        )
        if seen.status != 200:
            span.set_status(Status(StatusCode.ERROR, seen.word))
        span.end(end_time=int(seen.ended * _NS))
    finally:
        _wanted.reset(token)


def _parent(trace: Trace) -> Any:
    """Return the context with the caller's span; an empty one for a call that begins a trace."""
    if not trace.parent_id:
        return otel.set_span_in_context(otel.INVALID_SPAN)
    caller = SpanContext(
        int(trace.trace_id, 16),
        int(trace.parent_id, 16),
        is_remote=True,
        trace_flags=TraceFlags(int(trace.flags, 16)),
        trace_state=TraceState.from_header([trace.state] if trace.state else []),
    )
    return otel.set_span_in_context(NonRecordingSpan(caller))
