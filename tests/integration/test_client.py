"""The Python client against the real stack: hosts and callers, sync and async."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

from grip_lambda.client import (
    AsyncClient,
    AsyncHost,
    BadRequest,
    Busy,
    Cancelled,
    Client,
    DeadlineExceeded,
    Deleted,
    Disconnected,
    Forbidden,
    Host,
    LambdaError,
    NotFound,
    RemoteError,
    TakenOver,
    TooLarge,
    Unavailable,
    exchange,
    progress,
)
from grip_lambda.client.liveness import WatchedConnection
from tests.support.proxy import Network
from tests.support.stack import Stack, free_port, wait_until

OpenHost = Callable[..., Host]


class Functions:
    """What the hosts of these tests can do."""

    def __init__(self) -> None:
        self.held = threading.Semaphore(0)
        self.released = threading.Event()

    def greet(self, body: Any) -> Any:
        return {"hello": body}

    async def greet_async(self, body: Any) -> Any:
        await asyncio.sleep(0)
        return {"hello": body}

    def nothing(self) -> None: ...

    def hold(self, body: Any) -> Any:
        """Answer once the test says so."""
        self.held.release()
        assert self.released.wait(60)
        return body

    async def hold_async(self) -> None:
        self.held.release()
        await asyncio.Event().wait()

    def count(self, to: int) -> Generator[Any, None, str]:
        for n in range(to):
            yield {"n": n}
        return "counted"

    async def count_async(self, to: int) -> AsyncIterator[int]:
        for n in range(to):
            yield n

    async def report(self, to: int) -> str:
        for n in range(to):
            progress(n)
        await progress("last")
        return "reported"

    def report_plainly(self, to: int) -> str:
        for n in range(to):
            progress(n)
        return "reported"

    def report_then_fail(self, what: Any) -> None:
        progress(what)
        raise ValueError("then")

    def report_nonsense(self) -> None:
        progress(object())

    def of_size(self, size: int) -> str:
        return "x" * size

    def fail(self, message: str) -> None:
        raise ValueError(message)

    async def fail_with(self, error: Any) -> None:
        raise RemoteError(error)


@pytest.fixture
def functions() -> Iterator[Functions]:
    one = Functions()
    yield one
    one.released.set()


@pytest.fixture
def open_host(stack: Stack, functions: Functions) -> Iterator[OpenHost]:
    """Open lambdas on the shared stack; they can be called when this returns."""
    hosts: list[Host] = []

    def start(**options: Any) -> Host:
        one = Host(stack.url, functions, **options)
        hosts.append(one)
        one.start()
        return one

    yield start
    for one in hosts:
        one.close(0)


@pytest.fixture
def client(stack: Stack) -> Iterator[Client]:
    with Client(stack.url) as one:
        yield one


@pytest.fixture
def background() -> Iterator[Callable[..., Future[Any]]]:
    """Run functions in threads."""
    with ThreadPoolExecutor(40) as threads:
        yield threads.submit


@pytest.fixture(scope="module")
def fragile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack whose processes the tests kill."""
    running = Stack(tmp_path_factory.mktemp("fragile"), GRIP_LAMBDA_PING="1")
    yield running
    running.stop()


def in_loop(test: Callable[[Stack], Coroutine[Any, Any, None]]) -> Callable[[Stack], None]:
    """Have pytest run a test in an event loop."""

    def run(stack: Stack) -> None:
        asyncio.run(test(stack))

    run.__doc__ = test.__doc__
    return run


def test_a_host_and_a_caller_that_block(open_host: OpenHost, client: Client) -> None:
    host = open_host()

    assert client.call(host.id, "greet", {"name": "wörld", "n": 2**70}) == {
        "hello": {"name": "wörld", "n": 2**70}
    }
    assert client.call(host.id, "greet_async") == {"hello": None}
    assert client.call(host.id, "nothing") is None
    assert host.id in [one.id for one in client.list()]
    assert "greet" in (client.get(host.id).methods or ())


@in_loop
async def test_a_host_and_a_caller_that_await(stack: Stack) -> None:
    functions = Functions()
    functions.released.set()
    async with AsyncHost(stack.url, functions) as host, AsyncClient(stack.url) as client:
        calls = [client.call(host.id, "greet_async", n) for n in range(20)]
        calls += [client.call(host.id, "hold", n) for n in range(20)]

        answers = await asyncio.gather(*calls)

        assert answers == [{"hello": n} for n in range(20)] + list(range(20))
        assert host.id in [one.id for one in await client.list()]
        assert (await client.get(host.id)).id == host.id
        await client.delete(host.id, host.token)
        with pytest.raises(Deleted):
            await host.wait()
        with pytest.raises(NotFound):
            await client.call(host.id, "greet")


def test_exceptions_are_told_without_their_traceback(open_host: OpenHost, client: Client) -> None:
    host = open_host()

    with pytest.raises(RemoteError) as failed:
        client.call(host.id, "fail", "no such order")
    assert failed.value.error == {"errorType": "ValueError", "errorMessage": "no such order"}
    assert (failed.value.status, failed.value.code) == (400, None)
    with pytest.raises(RemoteError) as failed:
        client.call(host.id, "fail_with", {"any": ["thing"]})
    assert failed.value.error == {"any": ["thing"]}
    with pytest.raises(RemoteError, match="NoSuchMethod"):
        client.call(host.id, "missing")


def test_functions_that_block_do_not_block_others(
    open_host: OpenHost,
    functions: Functions,
    client: Client,
    background: Callable[..., Future[Any]],
) -> None:
    host = open_host()

    held = [background(client.call, host.id, "hold", n) for n in range(20)]
    for _ in held:
        assert functions.held.acquire(timeout=10)

    assert client.call(host.id, "greet", 1) == {"hello": 1}
    functions.released.set()
    assert [call.result() for call in held] == list(range(20))


def test_a_host_takes_as_many_calls_as_it_says(
    open_host: OpenHost,
    functions: Functions,
    client: Client,
    background: Callable[..., Future[Any]],
) -> None:
    host = open_host(max_calls=2)
    held = [background(client.call, host.id, "hold", n) for n in range(2)]
    for _ in held:
        assert functions.held.acquire(timeout=10)

    with pytest.raises(Busy):
        client.call(host.id, "greet", 1)
    functions.released.set()
    assert [call.result() for call in held] == [0, 1]
    assert client.call(host.id, "greet", 1) == {"hello": 1}


def test_a_result_that_is_too_large_fails_alone(
    open_host: OpenHost,
    functions: Functions,
    client: Client,
    background: Callable[..., Future[Any]],
) -> None:
    host = open_host()
    down: list[str] = []
    host.on_down(down.append)
    held = background(client.call, host.id, "hold", "fine")
    assert functions.held.acquire(timeout=10)

    with pytest.raises(RemoteError, match=r"ResultTooLarge: .* limit is 10485760"):
        client.call(host.id, "of_size", 10_500_000)
    for size in (99_900, 300_000, 10_400_000):
        assert len(client.call(host.id, "of_size", size)) == size
    functions.released.set()
    assert held.result() == "fine"
    assert down == []


def test_who_takes_over_ends_the_former_host(open_host: OpenHost, client: Client) -> None:
    former = open_host()
    down: list[str] = []
    former.on_down(down.append)

    later = open_host(id=former.id, token=former.token)

    with pytest.raises(TakenOver):
        former.wait()
    assert len(down) == 1
    assert not former.is_up
    assert client.call(later.id, "greet", 1) == {"hello": 1}
    with pytest.raises(Forbidden):
        open_host(id=later.id)


def test_a_close_finishes_the_calls_that_run(
    open_host: OpenHost,
    functions: Functions,
    client: Client,
    background: Callable[..., Future[Any]],
) -> None:
    host = open_host()
    held = background(client.call, host.id, "hold", "done")
    assert functions.held.acquire(timeout=10)

    closing_host = background(host.close)

    wait_until(lambda: _refused(client, host.id), what="the refusal of new calls")
    assert not closing_host.done()
    functions.released.set()
    assert held.result() == "done"
    closing_host.result(5)
    with pytest.raises(NotFound):
        client.call(host.id, "greet")


def _refused(client: Client, lambda_id: str) -> bool:
    try:
        client.call(lambda_id, "greet")
    except RemoteError as error:
        return bool(error.error["errorType"] == "Closing")
    return False


@pytest.mark.parametrize("method", ["hold", "hold_async"])
def test_a_close_gives_up_what_does_not_end(
    method: str,
    open_host: OpenHost,
    functions: Functions,
    client: Client,
    background: Callable[..., Future[Any]],
) -> None:
    host = open_host()
    held = background(client.call, host.id, method)
    assert functions.held.acquire(timeout=10)

    host.close(0.1)

    with pytest.raises(Disconnected) as failed:
        held.result(5)
    assert failed.value.may_have_run


def test_what_a_caller_can_be_told(open_host: OpenHost, client: Client) -> None:
    host = open_host()
    told: list[tuple[tuple[str, str, Any, float], type[LambdaError]]] = [
        ((host.id, "hold", None, 0.1), DeadlineExceeded),
        (("A" * 16, "greet", None, 1), NotFound),
        ((host.id, "open", None, 1), BadRequest),
        (("short", "greet", None, 1), BadRequest),
        ((host.id, "greet", "x" * 6_291_455, 10), TooLarge),
    ]

    for call, kind in told:
        with pytest.raises(kind) as failed:
            client.call(*call)
        assert failed.value.status == kind.default_status
        assert failed.value.code == kind.default_code


def test_a_server_that_is_not_there() -> None:
    url = f"http://127.0.0.1:{free_port()}"

    with pytest.raises(Unavailable) as failed, Client(url, retries=1) as client:
        client.call("A" * 16, "greet")
    assert not failed.value.may_have_run
    with pytest.raises(Unavailable, match="refused"):
        Host(url).start(timeout_s=0.5)


@pytest.mark.parametrize(("answer", "kind"), [(None, DeadlineExceeded), (b"", Disconnected)])
def test_a_call_that_was_sent_is_not_sent_again(
    monkeypatch: pytest.MonkeyPatch, answer: bytes | None, kind: type[LambdaError]
) -> None:
    """A server that says nothing, and one that hangs up."""
    monkeypatch.setattr(exchange, "MARGIN_S", 0.3)
    requests: list[bytes] = []
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:

        def accept() -> None:
            while True:
                try:
                    accepted, _ = listening.accept()
                except OSError:
                    return
                requests.append(accepted.recv(65536))
                if answer is not None:
                    accepted.close()
                    continue
                kept.append(accepted)

        kept: list[socket.socket] = []
        threading.Thread(target=accept, daemon=True).start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        with pytest.raises(kind), Client(url) as client:
            client.call("A" * 16, "greet", wait=0.1)
        listening.shutdown(socket.SHUT_RDWR)
        assert len(requests) == 1
        for one in kept:
            one.close()


def test_a_silent_connection_is_a_dead_one() -> None:
    async def test() -> None:
        async def say_nothing(server: Any) -> None:
            await server.wait_closed()

        async with serve(say_nothing, "127.0.0.1", 0, ping_interval=None) as server:
            port = server.sockets[0].getsockname()[1]
            async with connect(
                f"ws://127.0.0.1:{port}", create_connection=WatchedConnection, ping_interval=None
            ) as silent:
                assert isinstance(silent, WatchedConnection)
                await silent.end_after(lambda: 0.1)
                with pytest.raises(ConnectionClosed):
                    await silent.recv()

    asyncio.run(test())


def test_a_restart_of_the_backend_costs_nothing(fragile: Stack) -> None:
    before = fragile.workers()
    with Host(fragile.url, Functions()) as host, Client(fragile.url) as client:
        down: list[str] = []
        host.on_down(down.append)

        os.kill(fragile.pid, signal.SIGHUP)
        calls = 0
        while not set(before).isdisjoint(fragile.workers()):
            assert client.call(host.id, "greet", calls, wait=10) == {"hello": calls}
            calls += 1

        assert client.call(host.id, "greet", "after") == {"hello": "after"}
        assert down == []


def test_a_host_comes_back_after_the_proxy_was_killed(fragile: Stack) -> None:
    ups: list[str] = []
    downs: list[str] = []
    host = Host(fragile.url, Functions())
    host.on_up(ups.append)
    host.on_down(downs.append)
    with host, Client(fragile.url) as client:
        token = host.token

        os.kill(fragile.pushpin("pushpin-proxy"), signal.SIGKILL)

        wait_until(lambda: len(ups) == 2, 30, "the return of the host")
        assert client.call(host.id, "greet", 1) == {"hello": 1}
        assert ups == [host.id, host.id]
        assert host.token == token
        assert len(downs) == 1
    assert len(downs) == 2


def test_a_submitted_call_is_asked_for_later(
    open_host: OpenHost, client: Client, functions: Functions
) -> None:
    host = open_host()
    call = client.submit(host.id, "hold", "x" * 99_000)
    assert not call.done()
    with pytest.raises(TimeoutError):
        call.result(timeout=0.2)
    functions.released.set()
    assert call.result(timeout=20) == "x" * 99_000
    assert call.done()
    again = client.submit(host.id, "greet", 1, idempotency_key="a")
    same = client.submit(host.id, "greet", 1, idempotency_key="a")
    assert same.id == again.id
    assert client.pending(again.id).result() == {"hello": 1}
    assert client.call(host.id, "greet", 1, idempotency_key="a") == {"hello": 1}


def test_a_submitted_call_is_cancelled(open_host: OpenHost, client: Client) -> None:
    host = open_host()
    call = client.submit(host.id, "hold_async")

    call.cancel()

    with pytest.raises(Cancelled):
        call.result(timeout=20)
    with pytest.raises(NotFound):
        client.pending("A" * 22).result()


@in_loop
async def test_a_submitted_call_is_awaited(stack: Stack) -> None:
    async with AsyncHost(stack.url, Functions()) as host, AsyncClient(stack.url) as client:
        calls = [await client.submit(host.id, "greet_async", n) for n in range(5)]
        answers = await asyncio.gather(*(call.result(20) for call in calls))
        assert answers == [{"hello": n} for n in range(5)]
        assert await calls[0].done()
        held = await client.submit(host.id, "hold_async")
        await held.cancel()
        with pytest.raises(Cancelled):
            await held.result(20)


@pytest.mark.parametrize(
    ("method", "reported", "result"),
    [
        ("count", [{"n": n} for n in range(50)], "counted"),
        ("count_async", list(range(50)), None),
        ("report", [*range(50), "last"], "reported"),
        ("report_plainly", list(range(50)), "reported"),
        ("nothing", [], None),
    ],
)
def test_what_a_host_reports_is_iterated_over(
    open_host: OpenHost, client: Client, method: str, reported: list[Any], result: Any
) -> None:
    host = open_host()
    body = None if method == "nothing" else 50

    with client.stream(host.id, method, body) as stream:
        assert list(stream) == reported
        assert stream.result == result
    assert client.call(host.id, method, body) == result, "a plain call reports nothing"


def test_a_stream_raises_what_a_call_does(open_host: OpenHost, client: Client) -> None:
    host = open_host()

    stream = client.stream(host.id, "report_then_fail", 1)
    assert next(iter(stream)) == 1
    with pytest.raises(RemoteError, match="then"):
        next(iter(stream))
    with pytest.raises(RemoteError, match="JSON"):
        _ = client.stream(host.id, "report_nonsense").result
    with pytest.raises(NotFound):
        list(client.stream("A" * 16, "count", 1))
    with pytest.raises(DeadlineExceeded):
        _ = client.stream(host.id, "hold", 1, wait=0.3).result


@in_loop
async def test_a_stream_is_awaited(stack: Stack) -> None:
    async with AsyncHost(stack.url, Functions()) as host, AsyncClient(stack.url) as client:
        async with client.stream(host.id, "count_async", 5) as stream:
            assert [value async for value in stream] == list(range(5))
        assert await client.stream(host.id, "report", 2).result() == "reported"


def test_a_stream_goes_on_when_its_connection_was_cut(
    open_host: OpenHost, stack: Stack, functions: Functions
) -> None:
    host = open_host()

    @host.method
    def slow(body: Any) -> Any:
        yield 1
        assert functions.released.wait(20)
        yield 2
        return 3

    with Network(stack.port) as network, Client(f"http://127.0.0.1:{network.port}") as client:
        stream = client.stream(host.id, "slow")
        values = iter(stream)
        assert next(values) == 1
        network.cut()
        network.mend()
        functions.released.set()
        assert list(values) == [2]
        assert stream.result == 3
