"""What a request costs grows no faster than the request, whatever is in it."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial

import pytest
from flask import Flask

from grip_lambda.hub.hosts import Session
from grip_lambda.hub.hosts.session import MonologueTerms
from grip_lambda.protocol import jsontext
from tests.support.wsgi import (
    GENERATION,
    IDS,
    Environ,
    an_api_key,
    application,
    ask,
    environ,
    signature,
    token,
)

#: Characters, in a header or an address; and in a body. The large one is as many times larger as
#: a cost that grows with the square would show itself by.
HEADER, BODY, TIMES = 2_000, 50_000, 8
#: Something that is linear costs TIMES as much, and less with its fixed costs; a square TIMES more.
MOST, SLACK_S = 2.5 * TIMES, 0.002
ID = IDS["json-rpc"]
METHODS = {"GET", "POST", "DELETE"}

RUNS = [
    *'a1 ,;="\\/.:-%&[{(<?*\t\xe9\x1c',
    *("a,", "a=", "a=&", ',"', '\\"', "%41", "a;", " ,", "a b", ";q=1,", "*/*,", "//", "a.", "1."),
]
BEGINS = {
    "HTTP_PREFER": ["wait=", 'wait="', "respond-async;"],
    "HTTP_ACCEPT": ["text/event-stream;", "application/json;q=", "text/event-stream,"],
    "HTTP_AUTHORIZATION": [
        "Bearer ",
        "AWS4-HMAC-SHA256 ",
        "AWS4-HMAC-SHA256 Credential=a/20260101/r/lambda/aws4_request, SignedHeaders=",
    ],
    "HTTP_GRIP_LAST": [f"call-{ID}-", f"wait-{ID}-", f"log-{ID}-"],
    "HTTP_REFERER": ["http://", "https://a:"],
    "CONTENT_TYPE": ["application/websocket-events", "text/plain;", "a/b; c="],
    "QUERY_STRING": ["ticket=", "token=", "lastEventId=", "code=", "Qualifier=", "timeout="],
}


def _run(text: bytes, size: int) -> bytes:
    return text * (size // len(text))


BODIES: list[Callable[[int], bytes]] = [
    *(partial(_run, one.encode()) for one in RUNS),
    lambda n: b"[" + b",".join([b"[" * 498 + b"]" * 498] * (n // 997)) + b"]",
    lambda n: b'["' + rb"\ud800" * (n // 6) + b'"]',
    lambda n: b'["' + rb"\\" * (n // 2) + b'"]',
    lambda n: b"[" + b",".join([b'""'] * (n // 3)) + b"]",
    lambda n: b"[" + b",".join([b'["["]'] * (n // 6)) + b"]",
    lambda n: b'{"id":"a"' + b" " * n,
    lambda n: b'{"id":"a",' * (n // 10),
    lambda n: b"}" + b" " * n + b"x",
    lambda n: b'{"jsonrpc":"2.0","id":0,"result":"' + b"a" * n + b'"}',
    lambda n: b"[" + b",".join([b'{"id":"a","result":1}'] * (n // 22)) + b"]",
    lambda n: b'{"to":"' + b"a" * n + b'"}',
    lambda n: b'{"id":"' + rb"\ud800" * (n // 6) + b'"}',
]

EVENTS = [
    *(
        b"PING 0\r\n\r\n",
        b"PING 2\r\n\r\n\r\n",
        b"PONG 0\r\n\r\n",
        b"PONG\r\n",
        b"TEXT\r\n",
        b"\r\n",
    ),
    *(b"CLOSE 1\r\na\r\n", b"BINARY 0\r\n\r\n", b"x"),
]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with application(tmp_path_factory.mktemp("growth"), max_result=1000) as running:
        yield running


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Flask, str]]:
    """The application where keys and origins are looked at, and a key."""
    folder = tmp_path_factory.mktemp("keyed")
    key = an_api_key(folder / "keys.json")
    settings = {"api_keys": folder / "keys.json", "origins": ("https://a.example",)}
    with application(folder, **settings) as running:
        yield running, key


def seconds(app: Flask, request: Callable[[], Environ]) -> float:
    """Return what a request costs, of this thread's CPU."""
    asked = request()
    began = time.thread_time()
    status, _, _ = ask(app, asked)
    assert 200 <= status < 600
    return time.thread_time() - began


def grows(app: Flask, request: Callable[[int], Environ], size: int) -> str:
    """Return how a cost grows that grows too fast; empty if it does not."""
    small, large = seconds(app, lambda: request(size)), seconds(app, lambda: request(TIMES * size))
    for _ in range(6):
        if large <= MOST * small + SLACK_S:
            return ""
        # Something else may have been in the way.
        small = min(small, seconds(app, lambda: request(size)))
        large = min(large, seconds(app, lambda: request(TIMES * size)))
    return f"{small * 1000:.2f} ms, then {large * 1000:.2f} ms"


def routes(app: Flask) -> list[tuple[str, str]]:
    """Return a method and a path for each route, with what is known in the place of parts."""
    known = {"lambda_id": ID, "method": "greet", "token": "t" * 22, "link": "l", "name": f"{ID}:a"}
    found = [("OPTIONS", "/lambda")]
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<(?:\w+:)?(\w+)>", lambda part: known.get(part[1], "x"), rule.rule)
        found += [(method, path) for method in sorted(METHODS & (rule.methods or set()))]
    return sorted(set(found))


class Places:
    """Where a text may stand in a request."""

    def __init__(self, app: Flask, key: str) -> None:
        self._app = app
        self._plain = {
            "HTTP_ACCEPT": "text/event-stream",
            "HTTP_ORIGIN": "https://a.example",
            "HTTP_X_API_KEY": key,
        }
        self._begun: set[str] = set()
        #: What is looked at before any view is asked, so that one route will do.
        self._always: set[str] = set()
        self._always = self._headers("GET", "/healthz")

    def of(self, method: str, path: str) -> Iterator[tuple[str, Callable[[str], Environ]]]:
        """Return the places of a route: the headers that it looks at, and the address."""
        headers = self._headers(method, path) - self._always
        if path == "/healthz":
            headers = self._always
        elif path == "/lambda/new":
            headers |= {"HTTP_X_ANY", "HTTP_REFERER", "HTTP_USER_AGENT"}  # which are listed
        for name in sorted(headers):
            yield name, partial(self._with, method, path, name)
        yield "QUERY_STRING", partial(self._with, method, path, "QUERY_STRING")
        for part in filter(None, path.split("/")):
            begin, end = path.split(part, 1)
            if begin not in self._begun:  # routes that begin alike are found alike
                self._begun.add(begin)
                yield f"path: {part}", partial(self._within, method, begin, end)

    def _with(self, method: str, path: str, name: str, text: str) -> Environ:
        return self._ask(method, path, {name: text})

    def _within(self, method: str, begin: str, end: str, text: str) -> Environ:
        return self._ask(method, begin + text + end, {})

    def _ask(self, method: str, path: str, more: Mapping[str, str]) -> Environ:
        return environ(method, path, {**self._plain, **more})

    def _headers(self, method: str, path: str) -> set[str]:
        looked: set[str] = set()
        for accept in ("text/event-stream", "application/json", ""):
            request = self._ask(method, path, {"HTTP_ACCEPT": accept})
            ask(self._app, request)
            looked |= request.headers
        return looked


def _filled(request: Callable[[str], Environ], begin: str, run: str, size: int) -> Environ:
    return request((begin + run * size)[:size] + "!")


#: The routes are asked in so many parts, each of which takes some seconds.
PARTS = 4


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_addresses_and_headers_cost_no_more_than_their_length(
    keyed: tuple[Flask, str], part: int
) -> None:
    app = keyed[0]
    places = Places(*keyed)
    slow = {}
    for method, path in routes(app)[part::PARTS]:
        for name, request in places.of(method, path):
            for begin in ["", *BEGINS.get(name, [])]:
                for run in RUNS:
                    grown = grows(app, partial(_filled, request, begin, run), HEADER)
                    if grown:
                        slow[method, path, name, begin, run] = grown

    assert slow == {}


def test_all_headers_are_tried_that_matter(keyed: tuple[Flask, str]) -> None:
    app, places = keyed[0], Places(*keyed)

    tried = {name for method, path in routes(app) for name, _ in places.of(method, path)}

    assert tried >= {"HTTP_PREFER", "HTTP_ACCEPT", "HTTP_LAST_EVENT_ID", "HTTP_AUTHORIZATION"}


@pytest.mark.parametrize(
    ("method", "path", "headers", "query"),
    [
        ("POST", f"/lambda/{ID}/greet", {"HTTP_PREFER": "respond-async"}, ""),
        ("POST", f"/lambda/{'Z' * 16}/greet", {"HTTP_PREFER": "respond-async"}, ""),
        ("POST", f"/invoke/{ID}/greet", {}, ""),
        (
            "POST",
            f"/2015-03-31/functions/{ID}:a/invocations",
            {"HTTP_X_AMZ_INVOCATION_TYPE": "Event"},
            "",
        ),
        ("POST", f"/lambda/new/{ID}", {}, f"token={token(ID)}"),
        ("POST", f"/lambda/new/{IDS['jsonrpc-2.0']}", {}, f"token={token(IDS['jsonrpc-2.0'])}"),
    ],
)
def test_bodies_cost_no_more_than_their_length(
    app: Flask, method: str, path: str, headers: dict[str, str], query: str
) -> None:
    def request(body: Callable[[int], bytes], size: int) -> Environ:
        return environ(method, path, headers, query, body(size))

    slow = {body(20): grows(app, partial(request, body), BODY) for body in BODIES}

    assert {begin: grown for begin, grown in slow.items() if grown} == {}


@pytest.mark.parametrize("code", IDS)
def test_messages_cost_no_more_than_their_length(app: Flask, code: str) -> None:
    terms = MonologueTerms() if code == "monologue" else None
    session = Session(
        IDS[code], GENERATION, acknowledged_at=time.time(), code=code, monologue=terms
    )
    headers = {
        "HTTP_GRIP_SIG": signature("ws"),
        "HTTP_CONNECTION_ID": f"connection-{code}",
        "HTTP_META_LAMBDA": session.encode(),
        "CONTENT_TYPE": "application/websocket-events",
    }

    def batch(body: Callable[[int], bytes], size: int) -> Environ:
        return environ("POST", "/lambda/new", headers, "", body(size // 2))

    def message(content: Callable[[int], bytes], size: int) -> bytes:
        text = content(size)
        return b"TEXT %x\r\n%b\r\n" % (len(text), text)

    def events(event: bytes, size: int) -> bytes:
        return event * (size // len(event))

    batches = [
        *(partial(message, one) for one in BODIES),
        *(partial(events, one) for one in EVENTS),
    ]
    slow = {one(20): grows(app, partial(batch, one), BODY) for one in batches}

    assert {begin: grown for begin, grown in slow.items() if grown} == {}


@pytest.mark.parametrize("body", BODIES)
def test_json_is_judged_not_much_slower_than_python_reads_json(
    body: Callable[[int], bytes],
) -> None:
    """A tenth of a second for a megabyte on a usual machine; this compares, as some are slow."""
    text, usual = body(250_000), b"[" + b",".join([b'["a"]'] * 41_666) + b"]"

    def seconds(judge: Callable[[], object]) -> float:
        began = time.thread_time()
        judge()
        return time.thread_time() - began

    def judged() -> float:
        return seconds(lambda: (jsontext.is_json(text), jsontext.is_flat(text)))

    pairs = [(judged(), seconds(lambda: json.loads(usual))) for _ in range(3)]
    assert min(one for one, _ in pairs) < 8 * min(other for _, other in pairs)
