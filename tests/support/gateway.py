"""A small API Gateway: HTTP in, events of payload 1.0 or 2.0 to a function, and back."""

from __future__ import annotations

import threading
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qsl, unquote

from tests.support.functions import FunctionError, respond

#: A REST API (payload 1.0), an HTTP API (2.0), or the URL of a function (2.0).
Kind = Literal["rest", "http-api", "url"]
Fields = list[tuple[str, str]]

#: What a REST API of ours passes on as base64; an HTTP API does so with all but texts.
BINARY_TYPES = ("application/websocket-events",)
_TEXTS = ("text/", "application/json", "application/javascript", "application/xml")
_HOP_BY_HOP = {"connection", "content-length", "transfer-encoding", "keep-alive"}


def event_v1(
    method: str,
    target: str,
    fields: Fields,
    body: bytes,
    binary_types: Iterable[str] = BINARY_TYPES,
) -> dict[str, Any]:
    """Return the event of a REST API."""
    path, _, query = target.partition("?")
    pairs = parse_qsl(query, keep_blank_values=True)
    kind = _content_type(fields)
    encoded = bool(body) and kind in tuple(binary_types)
    text = b64encode(body).decode() if encoded else body.decode(errors="replace")
    return {
        "version": "1.0",
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": method,
        "headers": dict(fields) or None,
        "multiValueHeaders": _several(fields) or None,
        "queryStringParameters": dict(pairs) or None,
        "multiValueQueryStringParameters": _several(pairs) or None,
        "pathParameters": {"proxy": unquote(path[1:])},
        "stageVariables": None,
        "requestContext": {"stage": "prod", "httpMethod": method, "path": f"/prod{path}"},
        "body": text if body else None,
        "isBase64Encoded": encoded,
    }


def event_v2(
    method: str, target: str, fields: Fields, body: bytes, *, decoded: bool = True
) -> dict[str, Any]:
    """Return the event of an HTTP API, or with ``decoded=False`` of a function's URL.

    An HTTP API decodes the path before it says what it is; a function's URL does not.
    """
    path, _, query = target.partition("?")
    headers: dict[str, str] = {}
    cookies: list[str] = []
    for name, value in fields:
        if name.lower() == "cookie":
            cookies += value.split("; ")
        else:
            before = headers.get(name.lower())
            headers[name.lower()] = value if before is None else f"{before},{value}"
    encoded = not _content_type(fields).startswith(_TEXTS)
    shown = unquote(path) if decoded else path
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": shown,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": {
            "stage": "$default",
            "domainName": "api.example",
            "http": {
                "method": method,
                "path": shown,
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": headers.get("user-agent", ""),
            },
        },
        "isBase64Encoded": bool(body) and encoded,
    }
    if cookies:
        event["cookies"] = cookies
    if body:
        event["body"] = b64encode(body).decode() if encoded else body.decode(errors="replace")
    return event


def response(result: Any) -> tuple[int, Fields, bytes]:
    """Return the response that a function's result stands for: status, headers, body."""
    fields = [(name, str(value)) for name, value in (result.get("headers") or {}).items()]
    several = {name.lower() for name in result.get("multiValueHeaders") or {}}
    fields = [(name, value) for name, value in fields if name.lower() not in several]
    for name, values in (result.get("multiValueHeaders") or {}).items():
        fields += [(name, str(value)) for value in values]
    fields += [("Set-Cookie", cookie) for cookie in result.get("cookies") or []]
    for name, value in fields:
        assert "\r" not in name + value, "a header would have become several"
        assert "\n" not in name + value, "a header would have become several"
    body = result.get("body") or ""
    content = b64decode(body) if result.get("isBase64Encoded") else body.encode()
    fields = [(name, value) for name, value in fields if name.lower() not in _HOP_BY_HOP]
    return int(result["statusCode"]), fields, content


class Gateway:
    """Serves HTTP with a function.

    Attributes:
        seen: the events that it made, in order.
    """

    def __init__(self, kind: Kind, invoke: Callable[[Any], Any]) -> None:
        self.kind = kind
        self.seen: list[dict[str, Any]] = []
        self.errors: list[str] = []
        self._invoke = invoke
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def answer(
        self, method: str, target: str, fields: Fields, body: bytes
    ) -> tuple[int, Fields, bytes]:
        """Have the function answer a request."""
        if self.kind == "rest":
            event = event_v1(method, target, fields, body)
        else:
            event = event_v2(method, target, fields, body, decoded=self.kind == "http-api")
        self.seen.append(event)
        try:
            return response(self._invoke(event))
        except FunctionError as error:
            self.errors.append(str(error))
            return (
                502,
                [("Content-Type", "application/json")],
                b'{"message":"Internal server error"}',
            )

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


def _handler(gateway: Gateway) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def __getattr__(self, name: str) -> Any:
            if name.startswith("do_"):
                return self._any
            raise AttributeError(name)

        def _any(self) -> None:
            body = self._body()
            fields = [(name, str(value)) for name, value in self.headers.items()]
            status, answered, content = gateway.answer(self.command, self.path, fields, body)
            respond(self, status, answered, b"" if self.command == "HEAD" else content)

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))
            pieces = []
            while size := int(self.rfile.readline().partition(b";")[0], 16):
                pieces.append(self.rfile.read(size))
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
            return b"".join(pieces)

        def log_message(self, *args: Any) -> None:
            pass

    return Handler


def _several(pairs: Fields) -> dict[str, list[str]]:
    several: dict[str, list[str]] = {}
    for name, value in pairs:
        several.setdefault(name, []).append(value)
    return several


def _content_type(fields: Fields) -> str:
    for name, value in fields:
        if name.lower() == "content-type":
            return value.partition(";")[0].strip().lower()
    return ""
