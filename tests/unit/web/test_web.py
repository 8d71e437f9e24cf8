"""What is refused, in what order, and what browsers are told."""

from __future__ import annotations

import io
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import orjson
import pytest
from flask import Flask
from werkzeug.wrappers import Request

import grip_lambda
from grip_lambda.hub import Hub
from grip_lambda.hub.calls import ASYNC as ASYNCHRONOUS
from grip_lambda.hub.calls import Caller
from grip_lambda.hub.calls.caller import call_of, idempotency_key_of
from grip_lambda.store import Outcome
from grip_lambda.web.callers.plain import where
from tests.support.wsgi import IDS, NODE, an_api_key, application, ask, environ, signature

ID, NOBODY = IDS["json-rpc"], "Z" * 16
ORIGIN = "https://App.Example/"
ASYNC = {"HTTP_PREFER": "respond-async"}
LARGE = 5_000_000


class Unkept(io.RawIOBase):
    """A body that is read no further than its end, and of which nothing may be kept."""

    def __init__(self) -> None:
        self.left = LARGE
        tracemalloc.start()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        size = min(len(buffer), self.left)
        self.left -= size
        return size

    def was_dropped(self) -> bool:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return self.left == 0 and peak < LARGE / 5


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with application(tmp_path_factory.mktemp("web")) as running:
        yield running


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """The application for the pages of one origin, and its own under one name."""
    folder = tmp_path_factory.mktemp("strict")
    names = frozenset({"grip.example"})
    with application(folder, origins=(ORIGIN,), names=names) as running:
        yield running


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Flask, str]]:
    folder = tmp_path_factory.mktemp("keyed")
    key = an_api_key(folder / "keys.json")
    with application(folder, api_keys=folder / "keys.json") as running:
        yield running, key


def answer(
    app: Flask, method: str, path: str, query: str = "", *, body: bytes = b"", **headers: str
) -> tuple[int, dict[str, str], Any]:
    named = {f"HTTP_{name}".upper(): value for name, value in headers.items()}
    status, told, text = ask(app, environ(method, path, named, query, body))
    is_json = told.get("content-type") == "application/json" and text
    return status, told, orjson.loads(text) if is_json else text


# What is looked at before a body


@pytest.mark.parametrize("length", [str(LARGE), None])
@pytest.mark.parametrize(
    "path",
    [
        f"/lambda/{NOBODY}/m",
        f"/lambda/{NOBODY}x/m",
        f"/lambda/{ID}/open",
        f"/2015-03-31/functions/{NOBODY}:m/invocations",
        *(f"/lambda/new/{NOBODY}", f"/lambda/new/{ID}"),
    ],
)
def test_a_large_body_is_not_kept_for_a_call_that_nobody_takes(
    app: Flask, path: str, length: str | None
) -> None:
    headers = ASYNC | {"HTTP_X_AMZ_INVOCATION_TYPE": "Event", "HTTP_TRANSFER_ENCODING": "chunked"}
    request = environ("POST", path, headers)
    del request["CONTENT_LENGTH"]
    if length is not None:
        request["CONTENT_LENGTH"] = length
    body = Unkept()
    request["wsgi.input"] = io.BufferedReader(body)
    request["wsgi.input_terminated"] = True

    status, _, _ = ask(app, request)

    assert body.was_dropped()

    assert status == (
        403 if path.endswith(f"new/{ID}") else 400 if "open" in path or "x/" in path else 404
    )


def test_a_large_body_is_not_kept_for_whom_may_not_call(keyed: tuple[Flask, str]) -> None:
    app, _ = keyed
    for path, headers in [
        (f"/lambda/{ID}/m", {**ASYNC, "HTTP_X_API_KEY": "none"}),
        (f"/2015-03-31/functions/{ID}:m/invocations", {"HTTP_X_AMZ_INVOCATION_TYPE": "Event"}),
    ]:
        request = environ("POST", path, headers)
        request["CONTENT_LENGTH"] = str(LARGE)
        body = Unkept()
        request["wsgi.input"] = io.BufferedReader(body)
        request["wsgi.input_terminated"] = True

        assert ask(app, request)[0] in (401, 403)
        assert body.was_dropped()


def test_a_body_that_says_it_is_too_large_is_refused_before_all_else(app: Flask) -> None:
    for path in (f"/lambda/{NOBODY}/open", f"/invoke/{NOBODY}/open"):
        assert ask(app, environ("POST", path, {}, body=bytes(7_000_000)))[0] == 413


def test_a_call_that_was_made_before_is_found_though_its_lambda_is_closed(tmp_path: Path) -> None:
    body = b'"%b"' % (b"x" * 100_000)
    caller = Caller(NODE, 60.0, ASYNCHRONOUS, kept_s=600.0, idempotency_key="key")
    with application(tmp_path) as app:
        hub: Hub = app.extensions["grip_lambda"]
        now = time.time()
        call = call_of(ID, "t" * 22, caller, now)
        hub.store.begin_call(call, now, idempotency_key_of("m", body, caller))
        hub.store.end_calls(ID, "connection-json-rpc", {call.token: Outcome(200, b"1")}, now)
        hub.hosts.gone(ID, "connection-json-rpc")

        headers = ASYNC | {"HTTP_IDEMPOTENCY_KEY": "key"}
        status, told, _ = ask(app, environ("POST", f"/lambda/{ID}/m", headers, body=body))

    assert status == 202
    assert told["location"].endswith(f"/calls/{call.token}")


# Origins


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *(("POST", f"/lambda/{ID}/m"), ("GET", f"/lambda/{ID}/m"), ("PUT", f"/lambda/{ID}/m")),
        *(("POST", f"/invoke/{ID}/m"), ("POST", f"/2015-03-31/functions/{ID}:m/invocations")),
        *(("GET", "/lambda/new"), ("POST", f"/lambda/new/{ID}"), ("GET", "/monologue")),
        *(("POST", "/tickets"), ("DELETE", f"/lambda/{ID}"), ("GET", "/lambda")),
        *(("DELETE", f"/calls/{'t' * 22}"), ("GET", f"/calls/{'t' * 22}"), ("POST", "/nothing")),
    ],
)
def test_pages_of_other_origins_may_do_nothing(strict: Flask, method: str, path: str) -> None:
    for headers in (
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://evil.example:7999", "host": "evil.example:7999"},
        {"sec_fetch_site": "same-origin", "host": "evil.example:7999"},
        {"sec_fetch_site": "cross-site", "referer": "https://evil.example/"},
        {"sec_fetch_site": "same-site"},
        {"origin": "https://app.example.evil.example"},
    ):
        status, told, body = answer(strict, method, path, "", body=b"", **headers)

        assert status == 403, headers
        assert "access-control-allow-origin" not in told
        is_aws = path.startswith("/2015")
        assert is_aws or body["code"] == "forbidden"
        assert not is_aws or told["x-amzn-errortype"] == "AccessDeniedException"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"sec_fetch_site": "none"},
        {"origin": "https://app.example"},
        {"origin": "HTTPS://APP.EXAMPLE:443"},
        {"sec_fetch_site": "cross-site", "referer": "https://app.example/page"},
        {"origin": "http://localhost:7999"},
        {"origin": "http://a.localhost:7999", "host": "a.localhost:7999"},
        {"origin": "http://10.0.0.1", "host": "10.0.0.1"},
        {"origin": "http://[::1]:7999", "host": "[::1]:7999"},
        {"origin": "https://grip.example", "host": "Grip.Example"},
        {"origin": "https://grip.example", "host": "grip.example:443"},
        {"sec_fetch_site": "same-origin", "host": "grip.example"},
    ],
)
def test_named_origins_own_pages_and_programs_may(strict: Flask, headers: dict[str, str]) -> None:
    status, told, _ = answer(strict, "POST", f"/lambda/{NOBODY}/m", "", body=b"", **headers)

    assert status == 404
    allowed = told.get("access-control-allow-origin")
    assert allowed == (
        headers.get("origin") if "app." in headers.get("origin", "").lower() else None
    )
    assert told["vary"] == "Origin"


def test_pages_and_the_library_are_for_everybody(strict: Flask) -> None:
    for path in ("/", "/grip-lambda.js", "/grip-lambda/host.js", "/grip-lambda.d.ts", "/version"):
        assert answer(strict, "GET", path, origin="https://evil.example")[0] == 200


def test_a_socket_of_another_origin_is_refused(strict: Flask) -> None:
    for origin, host, status in (
        ("http://evil.example", "evil.example", 403),
        ("https://evil.example", "localhost:7999", 403),
        ("http://localhost:7999", "localhost:7999", 200),
    ):
        headers = {
            "HTTP_GRIP_SIG": signature("ws"),
            "HTTP_CONNECTION_ID": "new",
            "CONTENT_TYPE": "application/websocket-events",
            "HTTP_ORIGIN": origin,
            "HTTP_HOST": host,
        }
        for path in ("/lambda/new", "/lambda/new/", "/monologue"):
            request = environ("POST", path, headers, body=b"OPEN\r\n")
            assert ask(strict, request)[0] == status


# What browsers are told


def test_a_preflight_is_allowed_what_it_asks_for(app: Flask, strict: Flask) -> None:
    asked = "traceparent,baggage, X-Requested-With,cache-control"
    for one, origin, may in (
        (app, "https://any.example", True),
        (strict, "https://app.example", True),
        (strict, "https://evil.example", False),
    ):
        for path in (f"/lambda/{ID}/m", f"/2015-03-31/functions/{ID}/invocations", "/lambda/new"):
            headers = {"origin": origin, "access_control_request_headers": asked}
            status, told, _ = answer(one, "OPTIONS", path, "", body=b"", **headers)

            assert status == 200
            assert told["access-control-allow-headers"].endswith(f", {asked}") == may
            assert ("access-control-allow-origin" in told) == may
    headers = {"origin": "https://a.example", "access_control_request_headers": "a: b; c"}
    _, told, _ = answer(app, "OPTIONS", "/lambda", "", body=b"", **headers)
    assert "a: b" not in told["access-control-allow-headers"]


def test_pages_may_read_what_is_sent(app: Flask) -> None:
    _, told, _ = answer(app, "POST", f"/lambda/{NOBODY}/m", origin="https://a.example")

    exposed = set(told["access-control-expose-headers"].split(", "))
    assert exposed >= {
        *("Location", "Retry-After", "Last-Event-ID", "Preference-Applied", "Lambda-Id"),
        *("X-Amzn-RequestId", "X-Amz-Function-Error", "WWW-Authenticate"),
    }


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *(("GET", "/"), ("GET", "/lambda"), ("GET", "/nothing"), ("GET", "/grip-lambda.js")),
        *(("POST", f"/lambda/{ID}/m"), ("POST", f"/lambda/{NOBODY}/m"), ("OPTIONS", "/lambda")),
        *(("GET", "/healthz"), ("GET", "/2015-03-31/functions/a"), ("GET", "/static/page.js")),
    ],
)
def test_nothing_is_taken_for_what_it_is_not(app: Flask, method: str, path: str) -> None:
    _, told, _ = answer(app, method, path)

    assert told["x-content-type-options"] == "nosniff"


def test_the_page_tells_no_other_server_its_address(app: Flask) -> None:
    assert answer(app, "GET", "/")[1]["referrer-policy"] == "no-referrer"


# Helpful refusals


@pytest.mark.parametrize("path", ["/lambda/a/m", "/service/a/b/c", "/x"])
def test_where_a_call_can_be_asked_for_is_told_relative_to_it(path: str) -> None:
    location = where(Request(environ("POST", path, {})), "t")

    assert location.endswith("calls/t")
    for below in ("", "/below", "/below/it"):
        here = f"https://a.example{below}"
        assert urljoin(f"{here}{path}", location) == f"{here}/calls/t"


def test_a_call_without_a_method_is_told_which_there_are(
    app: Flask, keyed: tuple[Flask, str]
) -> None:
    for method in ("POST", "PUT", "PATCH"):
        status, told, body = answer(app, method, f"/lambda/{ID}")

        assert (status, body["code"]) == (405, "method_not_allowed")
        assert "POST /lambda/<id>/<method>" in body["error"]
        assert body["error"].endswith("it has greet")
        assert told["allow"] == "GET, DELETE"
    assert answer(app, "POST", f"/lambda/{NOBODY}")[0] == 404
    assert answer(app, "POST", "/lambda/x")[0] == 400
    assert answer(keyed[0], "POST", f"/lambda/{ID}", x_api_key="wrong")[0] == 401


@pytest.mark.parametrize("path", ["/", f"/lambda/{ID}", "/nothing", "/lambda", f"/lambda/{ID}/a/b"])
def test_a_socket_at_another_address_is_told_where_to_open(app: Flask, path: str) -> None:
    headers = {"HTTP_GRIP_SIG": signature("ws"), "CONTENT_TYPE": "application/websocket-events"}

    status, _, text = ask(app, environ("POST", path, headers, body=b"OPEN\r\n"))

    assert status == 404
    assert "/lambda/new" in orjson.loads(text)["error"]


def test_an_empty_id_is_none(app: Flask) -> None:
    for path in ("/lambda/new", "/lambda/new/"):
        status, _, body = answer(app, "GET", path)

        assert (status, body["code"]) == (426, "upgrade_required")
        assert answer(app, "POST", path)[0] == 400


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("GET", f"/2015-03-31/functions/{ID}", "UnknownOperationException"),
        ("GET", "/2015-03-31/functions/", "UnknownOperationException"),
        ("DELETE", f"/2015-03-31/functions/{ID}", "UnknownOperationException"),
        ("GET", f"/2015-03-31/functions/{ID}/invocations", "UnknownOperationException"),
        (
            "POST",
            f"/2021-11-15/functions/{ID}/response-streaming-invocations",
            "UnknownOperationException",
        ),
        (
            "POST",
            f"/2015-03-31/functions/{ID}/invocations",
            "InvalidParameterValueException",
        ),
        (
            "POST",
            f"/2015-03-31/functions/{ID}:$LATEST/invocations",
            "InvalidParameterValueException",
        ),
        ("POST", f"/2015-03-31/functions/{NOBODY}:m/invocations", "ResourceNotFoundException"),
    ],
)
def test_aws_paths_have_aws_errors(app: Flask, method: str, path: str, name: str) -> None:
    status, told, body = answer(app, method, path)

    assert status == (400 if name.startswith("Invalid") else 404)
    assert told["x-amzn-errortype"] == name
    assert told["x-amzn-requestid"]
    assert body["message"]


def test_the_qualifier_that_all_functions_have_is_none(app: Flask) -> None:
    path = "/2015-03-31/functions/{}/invocations"
    query = "Qualifier=$LATEST"

    status, told, _ = answer(app, "POST", path.format(ID), query)
    assert (status, told["x-amzn-errortype"]) == (400, "InvalidParameterValueException")
    # The method stands in the name: the lambda is asked, and there is no Pushpin.
    status, told, _ = answer(app, "POST", path.format(f"{ID}:m"), query)
    assert (status, told["x-amzn-errortype"]) == (503, "ServiceException")


def test_a_byte_order_mark_is_no_part_of_a_body(app: Flask) -> None:
    for path, body in (
        (f"/lambda/{ID}/m", b"1"),
        (f"/lambda/{ID}/m", b""),
        (f"/invoke/{ID}/m", b'{"event":1}'),
        (f"/2015-03-31/functions/{ID}:m/invocations", b"1"),
    ):
        assert answer(app, "POST", path, body=b"\xef\xbb\xbf" + body)[0] == 503
        assert answer(app, "POST", path, body=b"\xef\xbb\xbf\xef\xbb\xbf" + body)[0] == 400


def test_the_version_is_told_to_everybody(strict: Flask) -> None:
    status, told, body = answer(strict, "GET", "/version")

    assert status == 200
    assert told["cache-control"] == "no-store"
    assert body == {"version": grip_lambda.__version__}


@pytest.mark.parametrize(("method", "path"), [("POST", f"/lambda/{ID}/m"), ("GET", "/lambda/new")])
def test_a_query_that_is_not_utf8_is_refused(app: Flask, method: str, path: str) -> None:
    status, _, told = answer(app, method, path, "ticket=\xff")

    assert (status, told["code"]) == (400, "bad_request")
    assert "UTF-8" in told["error"]
    assert answer(app, method, path, "ticket=\xc3\xa4")[2] != told
