"""What is fuzzed: each parser of what strangers send, and the application as a whole.

A target takes any bytes. It raises an error that is documented, or none; and it checks what it can
of the result.
"""

from __future__ import annotations

import atexit
import json
import re
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import unquote_to_bytes

from flask import Flask

from grip_lambda.errors import BadRequest, ConfigError, ProtocolError
from grip_lambda.grip import events
from grip_lambda.origins import parse_origins
from grip_lambda.protocol import (
    aws,
    fields,
    http,
    ids,
    jsonrpc,
    jsonrpc2,
    keys,
    mcp,
    mless,
    monologue,
    openrpc,
    signed,
    sse,
    traces,
)
from tests.support.wsgi import IDS, SECRET, application, ask, environ, signature, token

ID = IDS["json-rpc"]


@dataclass(frozen=True)
class Target:
    """Something that reads what a stranger sends.

    Attributes:
        name: as the command line has it.
        run: reads bytes; an AssertionError tells what it has made of them that is wrong.
        told: the errors that it may raise, because they are documented.
        seeds: what the search begins with.
    """

    name: str
    run: Callable[[bytes], object]
    told: tuple[type[Exception], ...] = ()
    seeds: Sequence[bytes] = ()

    def __call__(self, data: bytes) -> None:
        """Read, and let pass what is documented."""
        try:
            self.run(data)
        except self.told:
            return


def _text(data: bytes) -> str:
    """Return a header as WSGI has it."""
    return data.decode("latin-1")


def _batch(data: bytes) -> None:
    for kind, content in events.decode(data):
        assert kind in {"OPEN", "TEXT", "BINARY", "PING", "PONG", "CLOSE", "DISCONNECT"}
        assert len(content) <= len(data)


def _jsonrpc(data: bytes) -> None:
    jsonrpc.response(jsonrpc.receive(data))


def _posted(data: bytes) -> None:
    for one in jsonrpc.parse_all(data):
        if isinstance(one, jsonrpc.Notification):
            jsonrpc.progress(one)


def _jsonrpc2(data: bytes) -> None:
    shown = jsonrpc2.response(jsonrpc2.receive(data))
    if shown is not None:
        json.loads(shown)


def _monologue(data: bytes) -> None:
    monologue.token_key(data)
    monologue.parse(data)


def _stream(data: bytes) -> None:
    whole, pieces = sse.Parser(), sse.Parser()
    at_once = whole.feed(data)
    apart = [event for at in range(len(data)) for event in pieces.feed(data[at : at + 1])]
    assert at_once == apart
    assert whole.last_id == pieces.last_id


def _fields(data: bytes) -> None:
    text = _text(data)
    fields.accepted(text)
    fields.best(text, ["application/json", "text/event-stream"])
    http.prefers(text, "respond-async")
    assert http.WAIT_MIN_S <= http.parse_wait(text, 60.0) <= http.WAIT_MAX_S


def _traces(data: bytes) -> None:
    parent, _, state = _text(data).partition("\n")
    found = traces.parse(parent, state)
    if found is not None:
        assert traces.parse(found.parent) is not None


def _aws(data: bytes) -> None:
    text = _text(data)
    aws.client_context(text)
    aws.function(*text.partition("\n")[::2])


def _keys(data: bytes) -> None:
    keys.parse(_text(data))
    known = keys.read(data)
    assert keys.read(keys.written(known)) == known


def _signed(data: bytes) -> None:
    text = _text(data)
    assert signed.unsign(SECRET, "x", text) is None
    assert ids.EventId.decode(SECRET, text) is None
    assert ids.prompt_place(SECRET, text) is None
    assert not ids.is_proven(b"another secret", ID, text)
    if ids.HttpConnection.is_one(text):
        assert str(ids.HttpConnection.parse(text)) == text


def _description(data: bytes) -> None:
    described = openrpc.parse(data)
    if described is not None:
        json.loads(openrpc.write(described, "title"))


def _mcp(data: bytes) -> None:
    mcp.parse(data, mcp.Headers())


def _mless(data: bytes) -> None:
    for kind in (mless.InvokeRequest, mless.ProxyRequest, mless.StartupRequest, mless.Identity):
        kind.decode(data)


def _origins(data: bytes) -> None:
    parse_origins(_text(data))


@cache
def _application() -> Flask:
    """Return an application with a lambda of each codec, which ends with this process."""
    stack = ExitStack()
    atexit.register(stack.close)
    folder = stack.enter_context(tempfile.TemporaryDirectory())
    return stack.enter_context(application(Path(folder)))


@cache
def _signature(kind: str) -> str:
    return signature(kind)


_FIRST = re.compile(r"(GET|POST|PUT|DELETE|PATCH|HEAD|OPTIONS) (/[^ ?]*)(?:\?(.*))?", re.DOTALL)
_NAME = re.compile(r"[A-Za-z0-9-]+")


def _request(data: bytes) -> None:
    """Have a request answered: its first line without a version, headers, an empty line, a body."""
    head, _, body = data.partition(b"\n\n")
    first, *lines = _text(head).split("\n")
    found = _FIRST.fullmatch(first)
    if found is None:
        return
    given: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        if _NAME.fullmatch(name) and name.lower() not in ("content-length", "transfer-encoding"):
            wsgi = name.upper().replace("-", "_")
            given["CONTENT_TYPE" if wsgi == "CONTENT_TYPE" else f"HTTP_{wsgi}"] = value
    is_batch = given.get("CONTENT_TYPE") == events.CONTENT_TYPE
    given.setdefault("HTTP_GRIP_SIG", _signature("ws" if is_batch else "http"))
    path = unquote_to_bytes(found[2]).decode("latin-1")
    status, headers, shown = ask(
        _application(), environ(found[1], path, given, found[3] or "", body)
    )
    assert status != 500, shown
    if status >= 400 and headers.get("content-type") == "application/json" and shown:
        json.loads(shown)


_REQUESTS = [
    f"POST /lambda/{ID}/greet\nPrefer: wait=5\n\n[1]",
    f"POST /lambda/{ID}/greet\nPrefer: respond-async\nIdempotency-Key: a\n\n{{}}",
    f"POST /lambda/{ID}/greet\nAccept: text/event-stream\nLast-Event-ID: a.b\n\n1",
    f"POST /lambda/{IDS['monologue']}/greet?timeout=1\n\n{{}}",
    f"GET /lambda/{ID}",
    f"GET /lambda/new?token={token(ID)}\nAccept: text/event-stream\n",
    f'POST /lambda/new/{ID}?token={token(ID)}\n\n[{{"id":"a","result":1}}]',
    "POST /lambda/new?code=jsonrpc-2.0&service=a\n"
    "Content-Type: application/websocket-events\nConnection-Id: c\n\nOPEN\r\n",
    "POST /monologue\nContent-Type: application/websocket-events\nConnection-Id: c\n"
    'Meta-Lambda: a\n\nTEXT A\r\n{"to":"a"}\r\n',
    f"POST /2015-03-31/functions/{ID}:greet/invocations\nX-Amz-Invocation-Type: Event\n"
    "X-Amz-Client-Context: e30=\n\n{}",
    'POST /mcp/service/a\n\n{"jsonrpc":"2.0","id":1,"method":"tools/list"}',
    f"POST /invoke/{ID}/greet\n\n{{}}",
    "POST /service/a/all/greet\n\n1",
    "GET /calls/aaaa",
    "OPTIONS /lambda/new\nOrigin: https://a\nAccess-Control-Request-Headers: x\n",
    "POST /tickets\nAuthorization: Bearer x\n\n{}",
]

TARGETS = {
    target.name: target
    for target in (
        Target(
            "batch", _batch, (BadRequest,), [b"OPEN\r\nTEXT 2\r\n{}\r\nCLOSE 2\r\n\x03\xe8\r\n"]
        ),
        Target("jsonrpc", _jsonrpc, (ProtocolError,), [b'{"id":"a","result":[1]}']),
        Target(
            "posted",
            _posted,
            (ProtocolError,),
            [b'[{"id":"a","error":"x"},{"id":null,"method":"progress","params":["a",1]}]'],
        ),
        Target(
            "jsonrpc-2.0",
            _jsonrpc2,
            (ProtocolError,),
            [b'[{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"m"}}]'],
        ),
        Target(
            "monologue",
            _monologue,
            (ProtocolError,),
            [b'{"type":"call","to":"a","token":1,"args":[]}'],
        ),
        Target("event-stream", _stream, (), [b"\xef\xbb\xbfid: a\r\ndata: b\n\r\nretry: 5\n: c\n"]),
        Target("fields", _fields, (BadRequest,), [b'wait="5";a, respond-async', b"a/*;q=0.5, */*"]),
        Target("traces", _traces, (), [b"00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01\na=b,c=d"]),
        Target("aws", _aws, (BadRequest,), [b"eyJjdXN0b20iOnsiYSI6MX19", b"a:b\nc"]),
        Target("keys", _keys, (ValueError,), [b'{"keys":[{"id":"aaaaaaaa","name":"n"}]}']),
        Target("signed", _signed, (), [b"a.b", token(ID).encode()]),
        Target(
            "description",
            _description,
            (),
            [b'{"openrpc":"1.3.2","methods":[{"name":"a","params":[{"name":"b","schema":{}}]}]}'],
        ),
        Target("mcp", _mcp, (mcp.Refused,), [b'{"jsonrpc":"2.0","id":1,"method":"initialize"}']),
        Target("mless", _mless, (BadRequest,), [b'{"event":{},"context":{"client":{}}}']),
        Target("origins", _origins, (ConfigError,), [b"https://a.example, http://localhost:8080"]),
        Target("requests", _request, (), [one.encode() for one in _REQUESTS]),
    )
}
