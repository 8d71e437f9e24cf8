"""The Python client of Monologue against the real stack."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
import requests

from grip_lambda.client import (
    AsyncHost,
    DeadlineExceeded,
    Deleted,
    Disconnected,
    Monologue,
    NotFound,
    RemoteError,
    TooLarge,
    Unavailable,
)
from tests.integration.conftest import StackFactory
from tests.support.clients import call
from tests.support.monologue import Original
from tests.support.proxy import Network
from tests.support.stack import Stack, wait_until


def run(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(work(), 60))


@asynccontextmanager
async def two(stack: Stack) -> AsyncIterator[tuple[Monologue, Monologue]]:
    endpoint = f"{stack.ws_url}/monologue"
    async with Monologue(endpoint) as one, Monologue(endpoint) as other:
        yield one, other


async def until(condition: Callable[[], Any]) -> None:
    await asyncio.to_thread(wait_until, condition)


def test_it_does_what_the_original_does(stack: Stack) -> None:
    async def work() -> None:
        async with two(stack) as (one, other):
            one.on("sample", lambda *args: ["hello", *args])

            @one.on("later")
            async def later(number: int) -> int:
                await asyncio.sleep(0)
                return number + 1

            assert await other.call(one.connection_id, "sample", "a", {"b": True}, None) == [
                "hello",
                "a",
                {"b": True},
                None,
            ]
            assert await other.call(one.connection_id, "later", 1) == 2
            assert await one.call(one.connection_id, "later", 2) == 3
            many = [other.call(one.connection_id, "later", number) for number in range(40)]
            assert await asyncio.gather(*many) == list(range(1, 41))

    run(work)


def test_defaults_are_the_seeds() -> None:
    one = Monologue("wss://example.org/monologue")

    assert (one.timeout, one.listeners, one.connection_id) == (15.0, 100, "")
    assert one.endpoint == "wss://example.org/monologue"


def test_listeners_have_a_limit() -> None:
    one = Monologue("ws://localhost/monologue", listeners=2)
    one.on("a", print)
    one.on("b", print)
    one.on("a", print)

    with pytest.raises(ValueError, match="2 listeners"):
        one.on("c", print)


@pytest.mark.parametrize("options", [{"endpoint": "x"}, {"timeout": 0}, {"listeners": 0}])
def test_options_that_make_no_sense(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        Monologue(**{"endpoint": "ws://localhost/monologue", **options})


def test_connecting_and_closing(stack: Stack) -> None:
    async def work() -> None:
        one = Monologue(f"{stack.ws_url}/monologue")
        with pytest.raises(RuntimeError):
            await one.close()
        with pytest.raises(RuntimeError):
            await one.call("A" * 16, "x")
        await one.connect()
        first = one.connection_id
        await one.connect()
        assert one.connection_id == first
        await one.close()
        await one.close()
        assert one.connection_id == ""
        await until(lambda: first not in stack.listing())
        await one.connect()
        assert one.connection_id == first
        missing = await asyncio.to_thread(call, stack.url, first, "missing")
        assert missing.status_code == 400
        await one.close()

    run(work)


@pytest.mark.parametrize("path", ["/latest", "/lambda"])
def test_a_wrong_endpoint(stack: Stack, path: str) -> None:
    async def work() -> None:
        one = Monologue(stack.ws_url + path)
        with pytest.raises(Exception, match=r"\w"):
            await one.connect()
        with pytest.raises(RuntimeError):
            await one.close()

    run(work)


def test_nobody_at_the_endpoint() -> None:
    async def work() -> None:
        with pytest.raises(Unavailable):
            await Monologue("ws://127.0.0.1:9/monologue").connect()

    run(work)


def test_calls_that_fail(stack: Stack) -> None:
    async def work() -> None:
        async with two(stack) as (one, other):

            @one.on("broken")
            def broken() -> None:
                raise KeyError("x")

            @one.on("refuses")
            async def refuses() -> None:
                raise RemoteError({"code": 5})

            one.on("huge", lambda: "x" * 200_000)
            one.on("odd", object)
            to = one.connection_id
            with pytest.raises(NotFound):
                await other.call("A" * 16, "x")
            for name, kind in (
                ("missing", "NoSuchMethod"),
                ("broken", "KeyError"),
                ("huge", "ResultTooLarge"),
                ("odd", "NotJson"),
            ):
                with pytest.raises(RemoteError) as failed:
                    await other.call(to, name)
                assert failed.value.error["errorType"] == kind
            with pytest.raises(RemoteError) as failed:
                await other.call(to, "refuses")
            assert failed.value.error == {"code": 5}
            with pytest.raises(TooLarge):
                await other.call(to, "huge", "x" * 200_000)
            with pytest.raises(TypeError):
                await other.call(to, "huge", object())

    run(work)


def test_a_call_that_takes_too_long(stack: Stack) -> None:
    async def work() -> None:
        async with two(stack) as (one, other):
            one.on("wait", lambda: asyncio.Event().wait())
            quick = Monologue(f"{stack.ws_url}/monologue", timeout=0.5)

            @one.on("never")
            async def never() -> None:
                await asyncio.Event().wait()

            async with quick:
                with pytest.raises(DeadlineExceeded):
                    await quick.call(one.connection_id, "never")
            waiting = asyncio.create_task(other.call(one.connection_id, "never"))
            await asyncio.sleep(0.1)
            await one.close()
            with pytest.raises(Disconnected):
                await waiting

    run(work)


def test_with_lambdas_and_the_original(stack: Stack) -> None:
    async def work() -> None:
        host = AsyncHost(stack.url, {"add": lambda a, b: a + b})
        original = Original(f"{stack.ws_url}/monologue")
        await asyncio.to_thread(original.connect)
        original.on("greet", lambda name: f"hello {name}")
        async with host, Monologue(f"{stack.ws_url}/monologue") as one:
            one.on("double", lambda number: number * 2)
            assert await one.call(host.id, "add", 1, 2) == 3
            assert await one.call(original.connection_id, "greet", "you") == "hello you"
            back = await asyncio.to_thread(original.call, one.connection_id, "double", 4)
            assert back == 8
            response = await asyncio.to_thread(call, stack.url, one.connection_id, "double", "5")
            assert response.json() == 10
        await asyncio.to_thread(original.close)

    run(work)


def test_it_comes_back_with_its_id(stack: Stack) -> None:
    async def work() -> None:
        with Network(stack.port) as network:
            one = Monologue(f"ws://127.0.0.1:{network.port}/monologue")
            async with one, Monologue(f"{stack.ws_url}/monologue") as other:
                first = one.connection_id

                @one.on("never")
                async def never() -> None:
                    await asyncio.Event().wait()

                one.on("echo", lambda value: value)
                waiting = asyncio.create_task(one.call(first, "never"))
                await asyncio.sleep(0.1)
                network.cut()
                with pytest.raises(Disconnected):
                    await waiting
                again = asyncio.create_task(one.call(other.connection_id, "missing"))
                network.mend()
                with pytest.raises(RemoteError):
                    await again
                assert one.connection_id == first
                assert await other.call(first, "echo", 1) == 1

    run(work)


def test_it_does_not_come_back_from_a_deletion(stack: Stack) -> None:
    async def work() -> None:
        async with Monologue(f"{stack.ws_url}/monologue") as one:
            assert one._me is not None
            url = f"{stack.url}/lambda/{one.connection_id}?token={one._me.token}"
            await asyncio.to_thread(requests.delete, url, timeout=10)
            await until(lambda: one.connection_id == "")
            with pytest.raises(Deleted):
                await one.call("A" * 16, "x")

    run(work)


def test_backends_may_be_killed_in_between(start_stack: StackFactory) -> None:
    stack = start_stack()

    async def work() -> None:
        async with two(stack) as (one, other):
            one.on("echo", lambda value: value)
            for pid in stack.workers():
                os.kill(pid, signal.SIGKILL)
            answers = 0
            for number in range(200):
                with contextlib.suppress(Disconnected, Unavailable, NotFound):
                    assert await other.call(one.connection_id, "echo", number) == number
                    answers += 1
                if answers == 20:
                    break
                await asyncio.sleep(0.05)
            assert answers == 20

    run(work)


def test_keys(start_stack: StackFactory, tmp_path: Any) -> None:
    file = tmp_path / "keys.json"
    keys = {}
    for name, rights in (("both", "host,call"), ("hosts", "host"), ("calls", "call")):
        made = subprocess.run(
            [sys.executable, "-m", "grip_lambda", "keys", "add", name, "--may", rights],
            env={**os.environ, "GRIP_LAMBDA_API_KEYS": str(file)},
            capture_output=True,
            text=True,
            check=True,
        )
        keys[name] = made.stdout.split()[-1]
    stack = start_stack(GRIP_LAMBDA_API_KEYS=str(file))
    endpoint = f"{stack.ws_url}/monologue"

    async def work() -> None:
        for name, status in (("hosts", 403), ("calls", 403), ("", 401), ("invalid", 401)):
            with pytest.raises(Exception, match=r"\w") as refused:
                await Monologue(endpoint, api_key=keys.get(name, name)).connect()
            assert refused.value.status == status  # type: ignore[attr-defined]
        async with Monologue(endpoint, keys["both"]) as one:
            one.on("x", lambda: 1)
            assert await one.call(one.connection_id, "x") == 1
            open_endpoint = f"{endpoint}?private"
            async with Monologue(open_endpoint, keys["both"]) as private:
                private.on("x", lambda: 2)
                assert await one.call(private.connection_id, "x") == 2
                refused_call = await asyncio.to_thread(call, stack.url, private.connection_id, "x")
                assert refused_call.status_code == 401

    run(work)
