"""Calls as spans of a trace, where OpenTelemetry is installed and configured.

A span is made when its call has ended, in whichever process that is: its id was made before, as the
host's own spans are below it.

Source: the OpenTelemetry specification, and the semantic conventions for RPC.
"""

from __future__ import annotations

import logging
import os
import secrets
import threading
from typing import Any

from ...protocol.traces import Trace
from .about import About
from .recorder import Seen

log = logging.getLogger(__name__)

#: Any of these means that spans are to be sent somewhere.
_SETTINGS = (
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_TRACES_EXPORTER",
)
_SAMPLED = "01"
#: How long the last spans may take to be sent, in seconds.
_STOP_S = 1.0


class Tracer:
    """Makes spans, or does nothing."""

    def __init__(self, provider: Any = None) -> None:
        """Be off without a provider.

        Args:
            provider: an ``opentelemetry.sdk.trace.TracerProvider`` whose ids are ``_Ids``.
        """
        self._provider = provider
        self._tracer = None if provider is None else provider.get_tracer("grip_lambda")

    @property
    def is_on(self) -> bool:
        """Whether calls are spans."""
        return self._tracer is not None

    def entered(self, given: Trace | None) -> Trace | None:
        """Return where a call stands that came with a trace, or without one."""
        if not self.is_on:
            return given
        span_id = secrets.token_hex(8)
        if given is None:
            return Trace(secrets.token_hex(16), span_id, _SAMPLED)
        return given.below(span_id)

    def ended(self, seen: Seen) -> None:
        """Make the span of a call that has ended."""
        about = About.of(seen.call)
        if self._tracer is not None and about.trace:
            _record(self._tracer, seen, about, Trace(*about.trace))

    def stop(self) -> None:
        """Send what is left, within a moment: whoever is to receive it may be gone."""
        if self._provider is not None:
            sending = threading.Thread(target=self._provider.shutdown, daemon=True)
            sending.start()
            sending.join(_STOP_S)


def from_environment() -> Tracer:
    """Return a tracer that sends spans as OpenTelemetry's own settings say; off without them."""
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return Tracer()
    if os.environ.get("OTEL_TRACES_EXPORTER", "otlp") == "none" or not any(
        os.environ.get(name) for name in _SETTINGS
    ):
        return Tracer()
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

        from .spans import new_provider  # noqa: PLC0415
    except ImportError:
        log.warning("for spans of calls: pip install 'grip-lambda[otel]'")
        return Tracer()
    return Tracer(new_provider(BatchSpanProcessor(OTLPSpanExporter())))


def _record(tracer: Any, seen: Seen, about: About, trace: Trace) -> None:
    from .spans import record  # noqa: PLC0415 - which needs OpenTelemetry

    record(tracer, seen, about, trace)
