"""The floor: the least that a backend can do for a call, as a bare WSGI application.

It publishes and holds as the product does, and nothing else: no store, no framework, no check of
who sent what; a lambda's id is the id of its connection.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import orjson

from grip_lambda.grip import events
from grip_lambda.grip.node import HOLD_ID
from grip_lambda.grip.zmq_node import ZmqNode

Environ = dict[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], object]
#: The headers of a response to a batch of events.
EVENTS = [
    ("Content-Type", events.CONTENT_TYPE),
    ("Sec-WebSocket-Extensions", 'grip; message-prefix=""'),
]


def create_app() -> Callable[[Environ, StartResponse], Iterable[bytes]]:
    """Make the application; ``FLOOR_CONTROL`` is the control socket of its Pushpin."""
    node = ZmqNode("floor", os.environ["FLOOR_CONTROL"])

    def app(environ: Environ, start: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] == "GET":
            start("204 No Content", [])  # it is ready
            return []
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        if environ.get("CONTENT_TYPE") == events.CONTENT_TYPE:
            start("200 OK", EVENTS)
            return [on_events(environ["HTTP_CONNECTION_ID"], body, _reply)]
        _, _, connection, method = environ["PATH_INFO"].split("/")
        last = environ.get("HTTP_GRIP_LAST", "").partition(";")[0]
        token = last or secrets.token_urlsafe(16)
        hold = [
            ("Content-Type", "application/json"),
            ("Grip-Hold", "response"),
            ("Grip-Channel", f"{token}; prev-id={HOLD_ID}"),
            ("Grip-Timeout", "60"),
        ]
        start("200 OK", hold)
        return [b"null"] if last else _deliver(connection, method, token, body)

    def _deliver(connection: str, method: str, token: str, body: bytes) -> Iterator[bytes]:
        yield b"null"
        node.send(connection, invocation(method, body, token))

    def _reply(token: str, result: bytes) -> None:
        node.reply(token, 200, result)

    return app


def invocation(method: str, body: bytes, token: str) -> bytes:
    """Return what a host is sent of a call."""
    message = b'{"method":"%b","params":[%b],"id":"%b"}'
    return message % (method.encode(), body, token.encode())


def on_events(connection: str, body: bytes, reply: Callable[[str, bytes], None]) -> bytes:
    """Take a batch of WebSocket events, hand each answer to ``reply``, and return the response."""
    out = b""
    for kind, content in _decode(body):
        if kind == "OPEN":
            opening = orjson.dumps({"method": "open", "params": [connection], "id": 0})
            subscribe = b'c:{"type":"subscribe","channel":"%b"}' % connection.encode()
            texts = (b"TEXT %x\r\n%b\r\n" % (len(text), text) for text in (subscribe, opening))
            out += b"OPEN\r\n" + b"".join(texts)
        elif kind == "TEXT":
            answer = orjson.loads(content)
            if answer["id"] != 0:
                reply(answer["id"], orjson.dumps(answer["result"]))
    return out


def _decode(body: bytes) -> Iterator[tuple[str, bytes]]:
    """Read a batch of WebSocket events, on trust."""
    while body:
        head, _, body = body.partition(b"\r\n")
        kind, _, size = head.decode().partition(" ")
        end = int(size, 16) if size else -2
        yield kind, body[: max(end, 0)]
        body = body[end + 2 :]
