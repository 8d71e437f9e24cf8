"""A stack for the session, and more of them for tests that break theirs."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import requests

from tests.support.clients import Handler, Host, Socket
from tests.support.cluster import Cluster
from tests.support.commands import Run, running
from tests.support.function_stack import FunctionStack
from tests.support.keys import KeyedStack
from tests.support.redis import RedisServer
from tests.support.scene import PING_S
from tests.support.stack import Stack, wait_until
from tests.support.transports import Connection, connect

StackFactory = Callable[..., Stack]
HostFactory = Callable[..., Host]
SocketFactory = Callable[..., Socket]
ConnectionFactory = Callable[..., Connection]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run tests that are marked so once more without the front, and with the app as a function.

    Those with many parameters in a function only with --all-in-function, for the sake of time.
    """
    test = metafunc.definition
    if "stack" not in metafunc.fixturenames:
        return
    stacks = ["serve"]
    if test.get_closest_marker("bare_too"):
        stacks.append("bare")
    if test.get_closest_marker("function_too"):
        several = test.get_closest_marker("parametrize") or test.get_closest_marker(
            "slow_in_function"
        )
        if metafunc.config.getoption("--all-in-function") or not several:
            stacks.append("function")
    if len(stacks) > 1:
        metafunc.parametrize("stack", stacks, indirect=True, scope="session")


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest) -> Stack:
    """The stack that most tests share: two workers, the default settings."""
    running: Stack = request.getfixturevalue(f"{getattr(request, 'param', 'serve')}_stack")
    return running


@pytest.fixture(scope="session")
def serve_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    running = Stack(tmp_path_factory.mktemp("stack"))
    yield running
    running.stop()


@pytest.fixture(scope="session")
def bare_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The same without a front: all goes through Pushpin."""
    running = Stack(tmp_path_factory.mktemp("bare"), GRIP_LAMBDA_FRONT="0")
    yield running
    running.stop()


@pytest.fixture(scope="session")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeyedStack]:
    """A stack with API keys and one worker; it pings each second, and soon misses who has gone."""
    keys = {"host": "host", "call": "call", "full": "host,call,list", "admin": "admin"}
    hasty = {"GRIP_LAMBDA_PING": "1", "GRIP_LAMBDA_GRACE": "1", "WORKERS": "1"}
    running = KeyedStack(tmp_path_factory.mktemp("keyed"), keys, **hasty)
    yield running
    running.stop()


@pytest.fixture(scope="session")
def function_stack(
    tmp_path_factory: pytest.TempPathFactory, redis_server: RedisServer
) -> Iterator[FunctionStack]:
    """The whole application as a function."""
    running = FunctionStack(
        tmp_path_factory.mktemp("functions"), redis_server.url.removesuffix("0") + "5"
    )
    yield running
    running.stop()


@pytest.fixture
def start_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackFactory]:
    """Start a stack of the test's own, with settings like ``GRIP_LAMBDA_PING="1"``."""
    running: list[Stack] = []

    def start(**environ: str) -> Stack:
        running.append(Stack(tmp_path_factory.mktemp("stack"), **environ))
        return running[-1]

    yield start
    for one in running:
        one.stop()


@pytest.fixture
def host(stack: Stack) -> Iterator[HostFactory]:
    """Open lambdas on the shared stack; they are listed when this returns."""
    hosts: list[Host] = []

    def open_host(handler: Handler = lambda method, body: body, **options: object) -> Host:
        one = Host(stack.ws_url, handler, **options)  # type: ignore[arg-type]
        hosts.append(one)
        wait_until(lambda: one.id in stack.listing(), what="the listing of a lambda")
        return one

    yield open_host
    for one in hosts:
        one.close()


@pytest.fixture
def run(stack: Stack) -> Run:
    """Run a command of `grip-lambda` to its end, against the shared stack."""
    return running(stack.url)


@pytest.fixture
def socket(stack: Stack) -> Iterator[SocketFactory]:
    """Connect to ``/lambda/new`` on the shared stack; the test says every message."""
    sockets: list[Socket] = []

    def connect(path: str = "/lambda/new", **options: object) -> Socket:
        sockets.append(Socket(stack.ws_url, path, **options))
        return sockets[-1]

    yield connect
    for one in sockets:
        one.close()


@pytest.fixture
def opened(stack: Stack, socket: SocketFactory) -> SocketFactory:
    """Open lambdas that the test answers for by hand; they are listed when this returns."""

    def open_socket(answer: object = "ok", **options: object) -> Socket:
        one = socket(**options)
        one.open(answer)
        wait_until(lambda: one.id in stack.listing(), what="the listing of a lambda")
        return one

    return open_socket


@pytest.fixture
def connected(stack: Stack) -> Iterator[ConnectionFactory]:
    """Ask for lambdas on any transport; the test says every message."""
    connections: list[Connection] = []

    def ask(transport: str, path: str = "/lambda/new") -> Connection:
        connections.append(connect(transport, stack.url, path))
        return connections[-1]

    yield ask
    for one in connections:
        requests.delete(f"{stack.url}/lambda/{one.id}?token={one.token}", timeout=10)
        one.close()


@pytest.fixture
def hosting(stack: Stack, connected: ConnectionFactory) -> ConnectionFactory:
    """Open lambdas on any transport, which the test answers for; they are listed by then."""

    def open_one(transport: str, path: str = "/lambda/new", answer: object = "ok") -> Connection:
        one = connected(transport, path)
        one.open(answer)
        wait_until(lambda: one.id in stack.listing(), what="the listing of a lambda")
        return one

    return open_one


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One cluster, which each test leaves as it was."""
    running = Cluster(tmp_path_factory.mktemp("cluster"), GRIP_LAMBDA_PING=str(PING_S))
    try:
        yield running
    finally:
        running.stop()
