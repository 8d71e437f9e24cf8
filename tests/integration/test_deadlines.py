"""Callers are answered by their deadline and half a second, whatever stands still."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import StackFactory
from tests.support.load import Caller, LoadHost, Reply, hosts, listed
from tests.support.redis import running_redis
from tests.support.scene import silence
from tests.support.stack import Stack, ended
from tests.support.traffic import Load, check_calls, until

pytestmark = pytest.mark.breaks

#: How late an answer may be, in seconds.
LATE_S = 0.5
#: A store that nobody can use for as long as the context lasts.
Away = Callable[[], AbstractContextManager[None]]
Told = Counter[tuple[int, str]]
REFUSED, TOO_LATE = (503, "unavailable"), (504, "deadline_exceeded")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        try:
            yield
        finally:
            other.execute("ROLLBACK")


@pytest.fixture(scope="module")
def on_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, Away]]:
    """A stack, and what locks its file."""
    stack = Stack(tmp_path_factory.mktemp("file"))
    (file,) = stack.data.glob("*.db")
    yield stack, lambda: locked(file)
    stack.stop()


@pytest.fixture(scope="module")
def on_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, Away]]:
    """A stack, and what has its Redis stand still."""

    with running_redis(tmp_path_factory.mktemp("redis")) as redis:
        stack = Stack(tmp_path_factory.mktemp("redis-stack"), GRIP_LAMBDA_STORE=redis.url)
        yield stack, redis.paused
        stack.stop()


@pytest.fixture(params=["file", "redis"])
def store(request: pytest.FixtureRequest) -> tuple[Stack, Away]:
    found: tuple[Stack, Away] = request.getfixturevalue(f"on_{request.param}")
    return found


async def is_back(stack: Stack) -> None:
    """Wait until all workers use the store again."""

    async def works() -> bool:
        async with hosts(stack.ws_url, 1) as (one,):
            calls = await called(stack.url, one, 2, 16)
            return {reply.status for reply in await asyncio.gather(*calls)} == {200}

    for _ in range(50):
        if await works():
            return
        await asyncio.sleep(0.1)  # paces the asking
    raise AssertionError("the store does not come back")


async def called(url: str, host: LoadHost, wait_s: float, count: int) -> list[asyncio.Task[Reply]]:
    callers = [Caller(url) for _ in range(count)]
    return [
        asyncio.create_task(one.call(host.id, {"n": n}, wait_s)) for n, one in enumerate(callers)
    ]


async def told(calls: list[asyncio.Task[Reply]], wait_s: float) -> Told:
    """Check that all are answered in time; return with what."""
    replies = await asyncio.gather(*calls)
    slowest = max(replies, key=lambda reply: reply.seconds)
    assert slowest.seconds <= wait_s + LATE_S, slowest
    return Counter((reply.status, reply.code) for reply in replies)


@pytest.mark.parametrize("wait_s", [0.3, 1, 2])
@pytest.mark.parametrize("count", [1, 32])
def test_calls_while_the_store_is_away_are_answered_in_time(
    store: tuple[Stack, Away], wait_s: float, count: int
) -> None:
    stack, away = store

    async def run() -> None:
        await is_back(stack)
        async with (
            hosts(stack.ws_url, 1) as (prompt,),
            hosts(stack.ws_url, 1, silence) as (silent,),
        ):
            with away():
                for _ in range(2):  # the first to find out, and those who come later
                    answered = await called(stack.url, prompt, wait_s, count)
                    waiting = await called(stack.url, silent, wait_s, count)
                    assert await told(answered, wait_s) <= Counter(
                        dict.fromkeys([(200, ""), REFUSED, TOO_LATE], count)
                    )
                    assert await told(waiting, wait_s) <= Counter(
                        dict.fromkeys([REFUSED, TOO_LATE], count)
                    )
            assert len(prompt.seen) <= 2 * count
            assert len(silent.seen) <= 2 * count

    asyncio.run(run())


@pytest.mark.parametrize("wait_s", [1, 2, 4])
def test_calls_that_are_held_when_the_store_goes_away_end_in_time(
    store: tuple[Stack, Away], wait_s: float
) -> None:
    stack, away = store

    async def run() -> None:
        await is_back(stack)
        async with hosts(stack.ws_url, 1, silence) as (silent,):
            calls = await called(stack.url, silent, wait_s, 32)
            await until(
                lambda: len(silent.seen) == 32 or any(one.done() for one in calls),
                "that all are asked",
            )
            assert [one.result() for one in calls if one.done()] == []
            await asyncio.sleep(wait_s / 2)  # by then they are held
            with away():
                assert await told(calls, wait_s) == Counter({TOO_LATE: 32})
            assert len(silent.seen) == 32

    asyncio.run(run())


def test_answers_outlast_a_short_lock(on_file: tuple[Stack, Away]) -> None:
    stack, away = on_file

    async def run() -> None:
        go_on = asyncio.Event()

        async def late(method: str, body: Any) -> Any:
            await go_on.wait()
            return body

        async with hosts(stack.ws_url, 1, late) as (one,):
            calls = await called(stack.url, one, 20, 16)
            await until(lambda: len(one.seen) == 16, "that all are asked")
            await asyncio.sleep(1.0)  # by then they are held
            with away():
                go_on.set()
                await asyncio.sleep(2.0)  # is how long it is locked
            assert await told(calls, 20) == Counter({(200, ""): 16})

    asyncio.run(run())


@pytest.mark.parametrize(("wait_s", "locked_s"), [(0.8, 0.5), (5, 1.3)])
def test_callers_that_are_held_while_the_store_is_locked_are_found_when_it_is_back(
    on_file: tuple[Stack, Away], wait_s: float, locked_s: float
) -> None:
    """The store is told who holds them after a third of their time, or a second, in vain."""
    stack, away = on_file

    async def run() -> None:
        go_on = asyncio.Event()
        answers = wait_s > 1

        async def late(method: str, body: Any) -> Any:
            await go_on.wait()
            return body

        async with hosts(stack.ws_url, 1, late, transport="sse") as (one,):
            calls = await called(stack.url, one, wait_s, 8)
            await until(lambda: len(one.seen) == 8, "that all are asked")
            with away():
                await asyncio.sleep(locked_s)  # is how long it is locked
            assert [one.result() for one in calls if one.done()] == []
            if answers:
                await asyncio.sleep(0.1)  # by then the store knows
                go_on.set()
            assert await told(calls, locked_s + 0.1 if answers else wait_s) == Counter(
                {(200, "") if answers else TOO_LATE: 8}
            )

    asyncio.run(run())


def test_a_worker_that_stands_still_keeps_nobody_waiting(
    start_stack: StackFactory, record_property: Any
) -> None:
    stack, wait_s = start_stack(), 4.0

    async def run() -> None:
        async with hosts(stack.ws_url, 100) as to:
            calls = Load(stack.url, to, 16, wait_s)
            await calls.more(100)
            first, second = stack.workers()
            os.kill(first, signal.SIGSTOP)
            await until(lambda: ended(first), "the end of a worker that stands still")
            await until(lambda: len(stack.workers()) == 2, "a worker in its place")
            assert second in stack.workers()
            await calls.more(100)
            replies = await calls.stop()
            failed = check_calls(to, replies)
            slowest = max(replies, key=lambda reply: reply.seconds)
            assert slowest.seconds <= wait_s + LATE_S, slowest
            record_property("slowest_s", slowest.seconds)
            record_property("failed", len(failed))
            assert {one.id for one in to if not one.ended.is_set()} <= stack.listing().keys()
            for one in to:
                if one.ended.is_set():
                    await one.reopen(stack.ws_url)
            await listed(stack.url, [one.id for one in to])

    asyncio.run(run())
