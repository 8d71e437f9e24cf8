"""Functions behind a real Pushpin: frozen between two events, reached through an API Gateway."""

from __future__ import annotations

import contextlib
import socket as sockets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from gripcontrol import HttpResponseFormat, HttpStreamFormat, WebSocketMessageFormat
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from grip_lambda.faas import PublishFailed, publish
from grip_lambda.faas.websocket import MAX_MESSAGE
from tests.support.functions import Function
from tests.support.gateway import Gateway, Kind
from tests.support.pushpin import Pushpin
from tests.support.stack import free_port, wait_until

Connect = Callable[[str], ClientConnection]


class Functions:
    """A function, its gateway, and the Pushpin before it."""

    def __init__(self, folder: Path) -> None:
        self._function: Function | None = None
        self.gateway = Gateway("rest", self.invoke)
        self.pushpin = Pushpin(self.gateway.address)
        self.folder = folder
        self._function = self.start(GRIP_URL=self.pushpin.http_control, GRIP_PREFIX="test-")

    def start(self, environments: int = 2, **environ: str) -> Function:
        handler = "tests.support.handlers.handler"
        started = Function(handler, self.folder, environ, environments)
        started.wait_ready()
        return started

    def invoke(self, event: object) -> object:
        if self._function is None:
            return {"statusCode": 200}
        return self._function.invoke(event)

    @contextlib.contextmanager
    def instead(self, other: Function) -> Iterator[None]:
        """Have another function answer for a while."""
        own, self._function = self._function, other
        try:
            yield
        finally:
            self._function = own
            other.stop()

    def is_frozen(self) -> bool:
        assert self._function is not None
        return all(one.is_frozen() for one in self._function.environments)

    def stop(self) -> None:
        self.pushpin.stop()
        self.gateway.stop()
        if self._function is not None:
            self._function.stop()


@pytest.fixture(scope="module")
def functions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Functions]:
    running = Functions(tmp_path_factory.mktemp("functions"))
    yield running
    running.stop()


@pytest.fixture
def pushpin(functions: Functions, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pushpin]:
    """The Pushpin, to which the test itself publishes too; no function may have failed."""
    monkeypatch.setenv("GRIP_URL", functions.pushpin.http_control)
    functions.gateway.errors.clear()
    yield functions.pushpin
    assert functions.gateway.errors == []


@pytest.fixture(params=["rest", "http-api", "url"])
def kind(request: pytest.FixtureRequest, functions: Functions) -> Kind:
    """What stands before the function."""
    functions.gateway.kind = request.param
    chosen: Kind = request.param
    return chosen


@pytest.fixture
def client(pushpin: Pushpin) -> Iterator[Connect]:
    with contextlib.ExitStack() as stack:
        yield lambda path: stack.enter_context(connect(pushpin.ws_url + path, close_timeout=2))


def closed(one: ClientConnection) -> tuple[int, str]:
    with pytest.raises(ConnectionClosed) as ended:
        one.recv(10)
    assert ended.value.rcvd is not None
    return ended.value.rcvd.code, ended.value.rcvd.reason


def connection(event: dict[str, Any]) -> str:
    """Return the id of the connection that an event is about; empty where there is none."""
    headers = {name.lower(): value for name, value in (event["headers"] or {}).items()}
    return str(headers.get("connection-id", ""))


def test_the_chat_of_the_seed_reaches_everybody(
    functions: Functions, client: Connect, kind: Kind
) -> None:
    anna, joe, quiet = client("/chat"), client("/chat"), client("/chat")
    room = (anna, joe, quiet)

    anna.send("/nick Anna")
    joe.send("/nick Jürgen 🎈 100%")
    assert anna.recv(10) == "nickname set to [Anna]"
    assert joe.recv(10) == "nickname set to [Jürgen 🎈 100%]"
    for sender, name in ((anna, "Anna"), (joe, "Jürgen 🎈 100%"), (quiet, "anonymous")):
        sender.send("hello, c:{}")
        assert [one.recv(10) for one in room] == [f"{name}: hello, c:{{}}"] * 3
    anna.send("/nick Änne")
    assert anna.recv(10) == "nickname set to [Änne]"
    anna.send("")
    assert [one.recv(10) for one in room] == ["Änne: "] * 3

    wait_until(functions.is_frozen, what="the freezing of the function")
    version = "1.0" if kind == "rest" else "2.0"
    assert {event["version"] for event in functions.gateway.seen[-5:]} == {version}


def test_what_is_no_websocket_gets_400(pushpin: Pushpin, kind: Kind) -> None:
    for method, headers in (
        ("GET", {}),
        ("POST", {}),
        ("GET", {"Content-Type": "application/websocket-events"}),
        ("POST", {"Content-Type": "application/websocket-events"}),
    ):
        response = requests.request(method, f"{pushpin.url}/chat", headers=headers, timeout=10)
        assert response.status_code == 400
        assert response.text == "Not a WebSocket-over-HTTP request\n"


def test_messages_of_every_kind_come_back_as_they_are(client: Connect, kind: Kind) -> None:
    one = client("/told")
    for message in (b"", bytes(range(256)), "", "c:{}", "m:x", "ÄÖ\r\n\0", "\u2028😀"):
        one.send(message)
        assert one.recv(10) == message


def test_a_burst_comes_back_in_order(client: Connect, kind: Kind) -> None:
    one = client("/told")
    sent = [f"message {n}" for n in range(50)]
    for message in sent:
        one.send(message)
    assert [one.recv(10) for _ in sent] == sent


def test_the_largest_message_of_a_response_arrives(client: Connect, kind: Kind) -> None:
    one = client("/told")
    one.send(f"large {MAX_MESSAGE}")
    assert one.recv(10) == "x" * MAX_MESSAGE


def test_pings_are_answered(client: Connect, kind: Kind) -> None:
    one = client("/told")
    assert one.ping("payload").wait(10)
    one.send("after")
    assert one.recv(10) == "after"


@pytest.mark.parametrize(
    ("command", "code", "reason"),
    [("do close", 1000, ""), ("do close 4002 bye", 4002, "bye"), ("do close 3999", 3999, "")],
)
def test_a_function_closes_with_a_code(
    client: Connect, command: str, code: int, reason: str
) -> None:
    one = client("/told")
    one.send(command)
    assert closed(one) == (code, reason)


def test_a_function_is_told_how_a_client_closes(client: Connect, kind: Kind) -> None:
    watcher = client("/told")
    watcher.send("do subscribe told")
    for code, reason in ((4001, "over"), (1001, ""), (None, "")):
        one = client("/told")
        one.send(f"name {kind}-{code}")
        one.send("ready")
        assert one.recv(10) == "ready"
        if code is None:
            one.socket.shutdown(sockets.SHUT_RDWR)
        else:
            one.close(code, reason)
        told = next(said for said in watcher if str(said).startswith(f"{kind}-{code} "))
        expected = "disconnected" if code is None else f"closed {code} {reason}"
        assert told == f"{kind}-{code} {expected}"


def test_who_unsubscribes_gets_no_more(client: Connect, pushpin: Pushpin) -> None:
    one, other = client("/told"), client("/told")
    for member in (one, other):
        member.send("do subscribe told")
        member.send("ready")
        assert member.recv(10) == "ready"
    one.send("do unsubscribe told")
    one.send("unsubscribed")
    assert one.recv(10) == "unsubscribed"

    publish("test-told", WebSocketMessageFormat("news"))

    assert other.recv(10) == "news"
    one.send("after the news")
    assert one.recv(10) == "after the news"


def test_a_detached_connection_makes_no_events_and_still_gets_messages(
    functions: Functions, client: Connect, pushpin: Pushpin
) -> None:
    one = client("/told")
    one.send("do subscribe told")
    one.send("ready")
    assert one.recv(10) == "ready"
    own = connection(functions.gateway.seen[-1])
    one.send("do detach")
    one.send("perhaps heard")  # until the proxy has read the response

    def events() -> int:
        return [connection(event) for event in functions.gateway.seen].count(own)

    def hears_nothing() -> bool:
        before = events()
        for n in range(3):
            one.send("unheard")
            publish("test-told", WebSocketMessageFormat(f"news {n}"))
            while one.recv(10) != f"news {n}":
                pass
        return events() == before

    wait_until(hears_nothing)


def test_an_http_stream_gets_what_is_published(pushpin: Pushpin, kind: Kind) -> None:
    with requests.get(f"{pushpin.url}/stream", stream=True, timeout=10) as response:
        lines = response.iter_lines()
        assert next(lines) == b"stream opened, prepare yourself!"
        for _ in range(2):
            publish("mychannel", HttpStreamFormat("some data\n"))
            assert next(lines) == b"some data"


def test_a_long_poll_is_answered_by_what_is_published(
    functions: Functions, pushpin: Pushpin, kind: Kind
) -> None:
    before = len(functions.gateway.seen)
    polls = [sockets.create_connection(("127.0.0.1", pushpin.port), 10) for _ in range(2)]
    for poll in polls:
        poll.sendall(b"GET /poll HTTP/1.0\r\nHost: x\r\n\r\n")
    wait_until(lambda: len(functions.gateway.seen) >= before + 2 and functions.is_frozen())

    # Nothing tells when a hold is in place: published until it was.
    def answered() -> bool:
        publish("mychannel", HttpResponseFormat(body="some data\n"))
        return all(_readable(poll) for poll in polls)

    wait_until(answered)
    for poll in polls:
        with poll, poll.makefile("rb") as file:
            assert file.read().endswith(b"\r\n\r\nsome data\n")


def _readable(poll: sockets.socket) -> bool:
    poll.settimeout(0.05)
    try:
        return bool(poll.recv(1, sockets.MSG_PEEK))
    except TimeoutError:
        return False
    finally:
        poll.settimeout(10)


def test_what_is_published_without_waiting_is_sent_before_the_function_freezes(
    functions: Functions, client: Connect
) -> None:
    watcher = client("/told")
    watcher.send("do subscribe told")
    watcher.send("ready")
    assert watcher.recv(10) == "ready"

    one = client("/told")
    one.send("do later")

    assert watcher.recv(10) == "later"
    wait_until(functions.is_frozen, what="the freezing of the function")


@pytest.mark.parametrize("setting", ["GRIP_URL", "GRIP_PROXIES"])
def test_a_function_publishes_over_zeromq_at_its_first_call(
    functions: Functions, client: Connect, setting: str
) -> None:
    control = functions.pushpin.zmq_control
    value = control if setting == "GRIP_URL" else f'[{{"control_zmq_uri": "{control}"}}]'
    with functions.instead(functions.start(1, **{setting: value})):
        one = client("/chat")
        for n in range(3):
            one.send(f"hello {n}")
            assert one.recv(10) == f"anonymous: hello {n}"
            wait_until(functions.is_frozen, what="the freezing of the function")


def test_one_proxy_that_is_gone_does_not_keep_others_from_a_message(
    client: Connect, pushpin: Pushpin, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = client("/told")
    one.send("do subscribe told")
    one.send("ready")
    assert one.recv(10) == "ready"
    gone = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setenv(
        "GRIP_PROXIES",
        f'[{{"control_uri": "{gone}"}}, {{"control_uri": "{pushpin.http_control}"}}]',
    )
    monkeypatch.delenv("GRIP_URL")
    told: list[tuple[bool, str]] = []

    with pytest.raises(PublishFailed, match=gone):
        publish("test-told", WebSocketMessageFormat("news"), callback=lambda *a: told.append(a))

    assert one.recv(10) == "news"
    assert told[0][0] is False
    assert gone in told[0][1]
