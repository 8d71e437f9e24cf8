"""Publishing: where to, signed for whom, and what is refused."""

from __future__ import annotations

import json
import threading
from base64 import b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
from gripcontrol import HttpResponseFormat, HttpStreamFormat, WebSocketMessageFormat

from grip_lambda.errors import ConfigError, PublishError
from grip_lambda.faas import InvalidUse, PublishFailed, flush, publish
from grip_lambda.proxies import Proxy, publishing_proxies, signing_proxies
from tests.support.stack import free_port

KEY = b"k" * 32
HELLO = WebSocketMessageFormat("hello")


class ControlPort:
    """What a proxy's control port is asked; its status is the test's choice.

    Attributes:
        asked: paths, headers and bodies.
    """

    def __init__(self) -> None:
        self.status = 200
        self.asked: list[tuple[str, dict[str, str], Any]] = []
        self.hang_up = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                if outer.hang_up:
                    outer.hang_up -= 1
                    self.close_connection = True
                    return
                outer.asked.append((self.path, dict(self.headers), json.loads(content)))
                self.send_response(outer.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[ControlPort]:
    for name in ("GRIP_PROXIES", "GRIP_PREFIX"):
        monkeypatch.delenv(name, raising=False)
    one = ControlPort()
    monkeypatch.setenv("GRIP_URL", one.url)
    yield one
    one.stop()


def test_a_message_is_published_as_it_was_made(port: ControlPort) -> None:
    publish("room", [HELLO, HttpStreamFormat("x\n")], "2", "1", meta={"user": "anna"})

    ((path, headers, content),) = port.asked
    assert path == "/publish/"
    assert "Authorization" not in headers
    assert content == {
        "items": [
            {
                "channel": "room",
                "id": "2",
                "prev-id": "1",
                "meta": {"user": "anna"},
                "ws-message": {"content": "hello"},
                "http-stream": {"content": "x\n"},
            }
        ]
    }


def test_the_prefix_stands_before_the_channel(
    port: ControlPort, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRIP_PREFIX", "mine-")

    publish("room", HELLO)

    assert port.asked[0][2]["items"][0]["channel"] == "mine-room"


def test_fanout_is_published_to_with_a_signature(
    port: ControlPort, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = b64encode(KEY).decode()
    monkeypatch.setenv("GRIP_URL", f"{port.url}/realm/mine?iss=mine&key=base64:{key}")

    publish("room", HELLO)

    path, headers, _ = port.asked[0]
    assert path == "/realm/mine/publish/"
    kind, _, token = headers["Authorization"].partition(" ")
    assert kind == "Bearer"
    assert jwt.decode(token, KEY, algorithms=["HS256"])["iss"] == "mine"


def test_a_key_without_an_issuer_is_a_bearer_token(
    port: ControlPort, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRIP_URL", f"{port.url}/service/abc?verify-iss=abc&key=t0ken")

    publish("room", HELLO)

    assert port.asked[0][0] == "/service/abc/publish/"
    assert port.asked[0][1]["Authorization"] == "Bearer t0ken"


def test_it_is_published_through_the_proxies_of_both_settings(
    port: ControlPort, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = [{"control_uri": f"{port.url}/a/"}, {"control_uri": f"{port.url}/b"}]
    monkeypatch.setenv("GRIP_PROXIES", json.dumps(entries))

    publish("room", HELLO)

    assert [path for path, _, _ in port.asked] == ["/a/publish/", "/b/publish/", "/publish/"]


def test_a_kept_connection_that_has_ended_is_made_anew(port: ControlPort) -> None:
    publish("room", HELLO)
    port.hang_up = 1

    publish("room", HELLO)

    assert len(port.asked) == 2


@pytest.mark.parametrize("status", [400, 403, 500, 503])
def test_what_a_proxy_refuses_is_an_error(port: ControlPort, status: int) -> None:
    port.status = status

    with pytest.raises(PublishFailed, match=str(status)):
        publish("room", HELLO)

    assert len(port.asked) == 1
    assert issubclass(PublishFailed, PublishError)
    assert issubclass(PublishFailed, ValueError)


@pytest.mark.parametrize("scheme", ["http", "tcp"])
def test_a_proxy_that_is_gone_is_an_error(
    port: ControlPort, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    monkeypatch.setattr("grip_lambda.grip.control.CONNECT_S", 0.2)
    monkeypatch.setenv("GRIP_URL", f"{scheme}://127.0.0.1:{free_port()}")

    with pytest.raises(PublishFailed, match="not published"):
        publish("room", HELLO)


def test_a_callback_is_told_how_it_ended(port: ControlPort) -> None:
    told: list[tuple[bool, str]] = []

    publish("room", HELLO, callback=lambda *how: told.append(how))
    publish("room", HELLO, blocking=False, callback=lambda *how: told.append(how))
    flush()
    port.status = 400
    publish("room", HELLO, blocking=False, callback=lambda *how: told.append(how))
    publish("room", HELLO, blocking=False)
    flush()

    assert told[:2] == [(True, ""), (True, "")]
    assert len(told) == 3
    assert told[2][0] is False
    assert "400" in told[2][1]


@pytest.mark.parametrize(
    ("channel", "formats"),
    [
        ("", HELLO),
        (None, HELLO),
        ("room", "hello"),
        ("room", []),
        ("room", [HELLO, HELLO]),
        ("room", [HELLO, "hello"]),
        ("room", HttpResponseFormat("the body, it seems")),
    ],
)
def test_what_is_no_message_is_refused(port: ControlPort, channel: Any, formats: Any) -> None:
    with pytest.raises(InvalidUse):
        publish(channel, formats)

    assert port.asked == []


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({}, "GRIP_URL"),
        ({"GRIP_URL": "localhost:5561"}, "GRIP_URL"),
        ({"GRIP_PROXIES": "x"}, "JSON"),
        ({"GRIP_PROXIES": "[{}]"}, "control_uri"),
        ({"GRIP_URL": "http://h?key=base64:*"}, "base64"),
    ],
)
def test_settings_that_make_no_sense_are_refused(environ: dict[str, str], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        publishing_proxies(environ)


def test_fanouts_conventions() -> None:
    url = "https://api.fanout.io/realm/r?iss=r&key=base64:a2tr"

    fanout = Proxy("r", "https://api.fanout.io/realm/r", b"kkk", "r", b"kkk")
    assert publishing_proxies({"GRIP_URL": url}) == (fanout,)
    assert signing_proxies({"GRIP_URL": url}) == (fanout,)
    entry = {
        "control_uri": "https://api.fanout.io/realm/r",
        "control_iss": "r",
        "key": "base64:a2tr",
    }
    assert signing_proxies({"GRIP_PROXIES": json.dumps([entry])}) == (fanout,)
    both = entry | {"verify_iss": "v", "verify_key": "w"}
    assert publishing_proxies({"GRIP_PROXIES": json.dumps([both])}) == (
        Proxy("v", "https://api.fanout.io/realm/r", b"w", "r", b"kkk"),
    )
    (local,) = publishing_proxies({"GRIP_URL": "http://localhost:5561/"})
    assert local == Proxy("", "http://localhost:5561")
    assert "kkk" not in repr(fanout)
