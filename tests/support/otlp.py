"""A receiver of spans, as OpenTelemetry's exporters send them: OTLP over HTTP."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.support.stack import wait_until


@dataclass(frozen=True)
class Span:
    """A span that was received; ids are hexadecimal."""

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    service: str
    kind: int
    is_error: bool
    seconds: float
    state: str
    attributes: dict[str, Any]


class Receiver:
    """What was received.

    Attributes:
        url: where spans are to be sent.
        spans: those that came.
        stop: has nothing more received.
    """

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        self.spans: list[Span] = []
        self.stop = server.shutdown

    def wait_for(self, method: str) -> Span:
        """Wait for the span of a call of a method."""

        def found() -> list[Span]:
            return [one for one in self.spans if one.attributes["rpc.method"] == method]

        (span,) = wait_until(found, what=f"the span of {method}")
        return span


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Receive spans until the end of the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            assert self.path == "/v1/traces"
            receiver.spans += _spans(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver = Receiver(server)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield receiver
        receiver.stop()
        thread.join(5)


def _spans(request: Any) -> Iterator[Span]:
    for resource in request.resource_spans:
        named = _attributes(resource.resource.attributes)
        for scope in resource.scope_spans:
            for one in scope.spans:
                yield Span(
                    one.trace_id.hex(),
                    one.span_id.hex(),
                    one.parent_span_id.hex(),
                    one.name,
                    named["service.name"],
                    one.kind,
                    one.status.code == one.status.STATUS_CODE_ERROR,
                    (one.end_time_unix_nano - one.start_time_unix_nano) / 1e9,
                    one.trace_state,
                    _attributes(one.attributes),
                )


def _attributes(pairs: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in pairs}
