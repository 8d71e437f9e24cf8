"""What the front says of a request, how it is told to hold one, and its configuration."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from grip_lambda.errors import ConfigError, RequestTimeout, TooLarge, Unavailable
from grip_lambda.proxies import Proxy
from grip_lambda.serve import front as serve
from grip_lambda.serve.front import FrontConfig
from grip_lambda.settings import PATIENCES_S, Settings
from grip_lambda.web import bodies
from grip_lambda.web.front import Front, admit, front_of, hand_over, is_direct
from tests.support.stack import free_port

KEY = "the front's key"
SETTINGS = Settings(
    (Proxy("n1", "tcp://127.0.0.1:1", b"k" * 32),), "sqlite:///x", b"s", front_key=KEY.encode()
)
SAID = {
    "HTTP_FRONT_KEY": KEY,
    "HTTP_FRONT_ADDRESS": "/lambda/x/y",
    "HTTP_X_REQUEST_START": "1000.5",
}


def admitted(
    environ: dict[str, str], *, settings: Settings = SETTINGS, path: str = "/lambda/x/y"
) -> Request:
    made = EnvironBuilder(path=path, environ_overrides=environ).get_environ()
    admit(settings, made)
    return Request(made)


# What it says


def test_the_front_is_known_by_its_key() -> None:
    request = admitted(SAID)

    assert front_of(request) == Front("/lambda/x/y", 1000.5)
    assert is_direct(request)
    assert not {name for name in request.environ if name.startswith("HTTP_FRONT")}
    assert front_of(admitted(SAID | {"HTTP_FRONT_BODY": "whole"})) == Front(
        "/lambda/x/y", 1000.5, True
    )


@pytest.mark.parametrize("key", ["", "x", KEY[:-1], KEY + "x", KEY.upper(), "ä", "\u2028"])
def test_nobody_else_is_the_front(key: str) -> None:
    request = admitted(SAID | {"HTTP_FRONT_KEY": key})

    assert front_of(request) is None
    assert not is_direct(request)
    for name in (*SAID, "HTTP_FRONT_BODY"):
        assert name not in request.environ


def test_without_a_front_nobody_is_it() -> None:
    bare = Settings(SETTINGS.proxies, "sqlite:///x", b"s")
    for key in ("", KEY):
        assert front_of(admitted(SAID | {"HTTP_FRONT_KEY": key}, settings=bare)) is None


def test_what_only_a_pushpin_says_counts_for_nothing_if_none_was_on_the_way() -> None:
    forged = {"HTTP_GRIP_SIG": "s", "HTTP_GRIP_LAST": "l", "HTTP_CONNECTION_ID": "c"}
    direct = admitted(SAID | forged)
    held = admitted(SAID | {"HTTP_FRONT_ADDRESS": ""} | forged)

    assert not forged.keys() & direct.environ.keys()
    assert forged.items() <= held.environ.items()
    assert front_of(held) is not None
    assert not is_direct(held)


@pytest.mark.parametrize("start", ["", "x", "nan", "1e400", "-1", "99999999999"])
def test_no_request_comes_from_the_future(start: str) -> None:
    front = front_of(admitted(SAID | {"HTTP_X_REQUEST_START": start}))

    assert front is not None
    assert front.arrived <= time.time()


@pytest.mark.parametrize(
    ("address", "path", "query"),
    [
        ("/lambda/x/a|b", "/lambda/x/a|b", ""),
        ("/lambda/x/a%7Cb{?c={d}&e=%7B", "/lambda/x/a|b{", "c={d}&e=%7B"),
        ("/lambda/x/%C3%A4\\", "/lambda/x/\u00c3\u00a4\\", ""),
        ("/lambda/x/%", "/lambda/x/%", ""),
    ],
)
def test_an_odd_address_comes_in_a_header(address: str, path: str, query: str) -> None:
    environ = admitted(SAID | {"HTTP_FRONT_ADDRESS": address}, path="/odd").environ

    assert (environ["PATH_INFO"], environ["QUERY_STRING"]) == (path, query)


def test_an_odd_address_counts_only_of_the_front() -> None:
    environ = admitted(SAID | {"HTTP_FRONT_KEY": "x"}, path="/odd").environ
    assert environ["PATH_INFO"] == "/odd"


def test_the_front_is_told_where_to_ask() -> None:
    response = hand_over("same", "id", "token", event="a b&c", ticket=["x", "y"], none=[])

    assert response.headers["X-Accel-Redirect"] == (
        "/held/same/id/token?event=a+b%26c&ticket=x&ticket=y"
    )
    assert "Content-Type" not in response.headers
    plain = hand_over("call", "id", "token", ticket=[])
    assert plain.headers["X-Accel-Redirect"] == "/held/call/id/token"


# Bodies


class Slow(io.RawIOBase):
    """A body that comes in pieces, with pauses."""

    def __init__(self, *pieces: bytes, pause_s: float = 0.0) -> None:
        self._pieces = list(pieces)
        self._pause_s = pause_s
        self.ended = threading.Event()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self.ended.wait(self._pause_s)
        piece = self._pieces.pop(0) if self._pieces else b""
        buffer[: len(piece)] = piece
        return len(piece)


def of(body: Any, length: int | None, **environ: Any) -> Request:
    made = EnvironBuilder(method="POST").get_environ()
    made |= {"wsgi.input": body, "wsgi.input_terminated": True, **environ}
    if length is not None:
        made["CONTENT_LENGTH"] = str(length)
    return Request(made)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "_QUICK_S", 0.02)
    monkeypatch.setattr(bodies, "_REST_S", 0.3)
    monkeypatch.setattr(bodies, "_LOOK_S", 0.02)


@pytest.fixture
def stalled() -> Iterator[Slow]:
    body = Slow(b"x", pause_s=10)
    yield body
    body.ended.set()


@pytest.mark.parametrize("size", [1, 1000, 65_536, 300_000])
def test_a_body_is_read_whole(size: int) -> None:
    body = os.urandom(size)

    assert bodies.read(of(io.BytesIO(body), size), size) == body
    assert bodies.read(of(io.BytesIO(body), size), size - 1) == body[:-1]


def test_no_body_is_not_waited_for(stalled: Slow) -> None:
    assert bodies.read(of(stalled, 0), 10) == b""
    assert bodies.read(of(stalled, None), 10) == b""
    assert bodies.drop(of(stalled, 0)) == b""


def test_a_body_that_pauses_is_read(hasty: None) -> None:
    body = Slow(*[b"x" * 1000] * 5, pause_s=0.05)
    assert bodies.read(of(body, 5000), 5000) == b"x" * 5000


def test_a_body_that_stalls_is_not_waited_for(hasty: None, stalled: Slow) -> None:
    began = time.monotonic()
    with pytest.raises(RequestTimeout):
        bodies.read(of(stalled, 10), 10)
    assert 0.25 < time.monotonic() - began < 3


def test_a_body_that_trickles_is_not_waited_for_for_ever(hasty: None) -> None:
    body = Slow(*[b"x"] * 1000, pause_s=0.05)
    began = time.monotonic()
    with pytest.raises(RequestTimeout):
        bodies.read(of(body, 1000), 1000)
    assert time.monotonic() - began < 3
    body.ended.set()


def test_so_many_bodies_may_be_slow(
    hasty: None, stalled: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "_slow", threading.BoundedSemaphore(1))
    with bodies._slow, pytest.raises(Unavailable):
        bodies.read(of(stalled, 10), 10)
    assert bodies.read(of(io.BytesIO(b"quick"), 5), 5) == b"quick"


def test_what_the_front_has_whole_is_read_at_once(hasty: None) -> None:
    """It is there already; no other thread is needed."""
    request = of(Slow(b"abc", pause_s=0.5), 3)
    request.environ["grip_lambda.front"] = Front("/x", 0.0, True)
    assert bodies.read(request, 10) == b"abc"
    request = of(Slow(b"abc", pause_s=0.5), 3)
    request.environ["grip_lambda.front"] = Front("/x", 0.0)
    with pytest.raises(RequestTimeout):
        bodies.read(request, 10)


def test_the_end_of_what_is_dropped_is_shown() -> None:
    body = os.urandom(300_000)
    assert bodies.drop(of(io.BytesIO(body), len(body)), 1000) == body[-1000:]
    assert bodies.drop(of(io.BytesIO(body), len(body))) == b""


def test_a_size_that_is_told_is_checked_before_anything_is_kept() -> None:
    bodies.check_size(of(io.BytesIO(b"abc"), 3), 3)
    with pytest.raises(TooLarge):
        bodies.check_size(of(io.BytesIO(b"abcd"), 4), 3)
    assert bodies.is_large(of(io.BytesIO(b""), 100_000))
    assert bodies.is_large(of(io.BytesIO(b""), None, HTTP_TRANSFER_ENCODING="chunked"))
    assert not bodies.is_large(of(io.BytesIO(b"x"), 1))


# nginx


def config(folder: Path, **changes: Any) -> FrontConfig:
    told: dict[str, Any] = {
        "listen": [f"127.0.0.1:{free_port()}", f"[::1]:{free_port()}"],
        "pushpins": ["127.0.0.1:1"],
        "backends": ["127.0.0.1:2"],
        "key": "key",
        "rundir": folder / "front",
    }
    return FrontConfig(**told | changes)


@pytest.mark.servers
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"pushpins": [f"127.0.0.1:{n}" for n in range(1, 8)]},
        {"backends": [f"127.0.0.1:{n}" for n in range(1, 5)], "private": "127.0.0.1:29999"},
        {"listen": [f"[::]:{free_port()}"]},
        {"listen": [f"0.0.0.0:{free_port()}"]},
    ],
    ids=["one of each", "many Pushpins", "private", "all of IPv6", "all of IPv4"],
)
def test_nginx_takes_what_is_written(tmp_path: Path, changes: dict[str, Any]) -> None:
    command = config(tmp_path, **changes).write()
    tried = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)

    assert tried.returncode == 0, tried.stderr
    assert "warn" not in tried.stderr


def test_only_its_user_can_read_the_key(tmp_path: Path) -> None:
    config(tmp_path).write()
    path = tmp_path / "front" / "nginx.conf"

    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0
    assert "${" not in path.read_text()
    assert "access_log off" in path.read_text()


def test_every_location_says_what_only_the_front_may(tmp_path: Path) -> None:
    """A location with headers of its own inherits none; what it leaves out a client may say."""
    config(tmp_path).write()
    text = (tmp_path / "front" / "nginx.conf").read_text()
    for location in text.split("location ")[1:]:
        named = [line.split()[1] for line in location.splitlines() if "proxy_set_header" in line]
        if named:
            assert {
                "Front-Key",
                "Front-Address",
                "Front-Body",
                "X-Request-Start",
                "X-Forwarded-For",
            } <= set(named), location


@pytest.mark.parametrize(
    ("value", "wanted"), [(None, True), ("1", True), ("0", False)], ids=["unset", "on", "off"]
)
def test_a_setting_does_without_a_front(value: str | None, wanted: bool) -> None:
    assert serve.is_wanted({} if value is None else {"GRIP_LAMBDA_FRONT": value}) is wanted


def test_a_setting_that_makes_no_sense_is_told() -> None:
    with pytest.raises(ConfigError, match="GRIP_LAMBDA_FRONT"):
        serve.is_wanted({"GRIP_LAMBDA_FRONT": "maybe"})


def test_without_nginx_there_is_no_front(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)

    assert not serve.is_wanted({})
    assert len(caplog.messages) == 1
    assert "apt-get install nginx-light" in caplog.messages[0]
    with pytest.raises(ConfigError, match="nginx-light"):
        serve.check_nginx()


@pytest.mark.parametrize(
    ("left_s", "patience"),
    [(-1.0, 1), (0.3, 1), (2.0, 1), (4.9, 3), (60.0, 34), (3600.0, 1900), (9999.0, 1900)],
)
def test_the_front_asks_again_after_about_half_of_the_time(left_s: float, patience: int) -> None:
    response = hand_over("call", "id", "token", time.time() + left_s)

    assert response.headers["X-Accel-Redirect"].startswith(f"/held/{patience}/call/id/token?until=")


def test_nobody_loses_patience_with_a_stream() -> None:
    response = hand_over("all-stream", "place", "name", time.time() + 5)

    assert response.headers["X-Accel-Redirect"].startswith("/held/all-stream/place/name?until=")


def test_nginx_has_a_place_for_each_patience(tmp_path: Path) -> None:
    FrontConfig(["127.0.0.1:1"], ["127.0.0.1:2"], ["127.0.0.1:3"], "key", tmp_path).write()

    text = (tmp_path / "nginx.conf").read_text()
    for seconds in PATIENCES_S:
        assert f"location /held/{seconds}/ {{ internal; proxy_read_timeout {seconds}s;" in text
