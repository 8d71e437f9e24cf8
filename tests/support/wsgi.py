"""The application in this process, asked as a Pushpin asks it; nothing listens, nothing is held."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jwt
from flask import Flask

from grip_lambda.hub import Hub
from grip_lambda.hub.calls.outcomes import DISCONNECTED
from grip_lambda.protocol import ids, keys
from grip_lambda.proxies import Proxy
from grip_lambda.settings import Settings
from grip_lambda.store import Lambda
from grip_lambda.web import create_app

NODE, KEY, SECRET = "n1", b"pushpin's key, which is long enough", b"the server's secret"
GENERATION = "generation12"
#: Lambdas that are open, by their codecs.
IDS = {"json-rpc": "A" * 16, "jsonrpc-2.0": "B" * 16, "monologue": "C" * 16}


class Environ(dict[str, Any]):
    """Notes which headers are looked at."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self.asked.add(name)
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        self.asked.add(str(name))
        return super().__contains__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self.asked.add(name)
        return super().get(name, default)

    @property
    def headers(self) -> set[str]:
        """Those that were looked at, as WSGI names them."""
        named = {name for name in self.asked if name.startswith("HTTP_")}
        return named | (self.asked & {"CONTENT_TYPE"})


@contextmanager
def application(folder: Path, **settings: Any) -> Iterator[Flask]:
    """Run the application with a store of its own, in which a lambda of each codec is open."""
    proxy = Proxy(NODE, "tcp://127.0.0.1:1", KEY)
    app = create_app(Settings((proxy,), f"sqlite:///{folder / 'store.db'}", SECRET, **settings))
    hub: Hub = app.extensions["grip_lambda"]
    now = time.time()
    for code, lambda_id in IDS.items():
        opened = Lambda(
            lambda_id, f"connection-{code}", NODE, code, GENERATION, now, now + 3600, {}, ["greet"]
        )
        hub.store.open_lambda(opened, DISCONNECTED, now, take_over=False)
    yield app
    hub.close()


def an_api_key(path: Path) -> str:
    """Write a file of one API key that may do everything; return the key."""
    key_id = keys.new_id()
    digest = keys.digest(keys.secret_of(SECRET, key_id))
    path.write_bytes(keys.written([keys.Key(key_id, "all", digest, frozenset(keys.RIGHTS))]))
    return keys.text_of(SECRET, key_id)


def signature(protocol: str = "http") -> str:
    """Return what a Pushpin signs a request with."""
    claims = {"iss": f"{protocol}@{NODE}", "exp": int(time.time()) + 3600}
    return jwt.encode(claims, KEY, algorithm="HS256")


def token(lambda_id: str) -> str:
    """Return the reopen token of a lambda that is open."""
    return ids.reopen_token(SECRET, lambda_id, GENERATION)


def environ(
    method: str, path: str, headers: Mapping[str, str], query: str = "", body: bytes = b""
) -> Environ:
    """Return a request; headers are named as in WSGI."""
    given = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "7999",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "localhost:7999",
        "HTTP_GRIP_SIG": signature(),
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        "wsgi.url_scheme": "http",
        "wsgi.errors": io.StringIO(),
    }
    return Environ({**given, **headers})


def ask(app: Flask, request: Environ) -> tuple[int, dict[str, str], bytes]:
    """Have a request answered; what is to be done after the response is left undone."""
    begun: list[Any] = []

    def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
        begun.extend((int(status[:3]), {name.lower(): value for name, value in headers}))

    body = b"".join(app(request, start))
    return begun[0], begun[1], body
