"""Much for one host at once, from several processes: all of it arrives, in order."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.clients import Socket
from tests.support.load import LoadHost, Reply, hosts, load
from tests.support.monologue import MonologueSocket
from tests.support.redis import RedisServer
from tests.support.stack import Stack, wait_until

pytestmark = pytest.mark.alone

CALLERS = 6
HOSTS = 5


@pytest.fixture(scope="module", params=[("2", "sqlite"), ("4", "redis")], ids="-".join)
def several(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    redis_server: RedisServer,
) -> Iterator[Stack]:
    """A stack of several processes."""
    workers, kind = request.param
    store = {"GRIP_LAMBDA_STORE": redis_server.url.removesuffix("0") + "6"}
    running = Stack(
        tmp_path_factory.mktemp("several"), WORKERS=workers, **(store if kind == "redis" else {})
    )
    yield running
    running.stop()


async def number(method: str, body: Any) -> Any:
    return body["n"]


def check_each_once(to: list[LoadHost], replies: list[Reply], count: int) -> None:
    assert {reply.status for reply in replies} == {200}
    assert all(reply.json() == reply.body["n"] for reply in replies)
    assert sorted(body["n"] for one in to for body in one.seen) == list(range(count))


@pytest.mark.parametrize(("count", "size"), [(400, 5_000), (300, 60_000), (300, 90_000)])
def test_large_calls_reach_their_hosts(several: Stack, count: int, size: int) -> None:
    async def run() -> None:
        async with hosts(several.ws_url, HOSTS, number) as to:
            bodies = ({"n": n, "pad": "x" * size} for n in range(count))
            replies = await load(several.url, to, bodies, CALLERS, 10.0)
            check_each_once(to, replies, count)

    asyncio.run(run())


def test_many_calls_at_once_reach_one_host(several: Stack) -> None:
    async def run() -> None:
        async with hosts(several.ws_url, 1, number) as to:
            bodies = ({"n": n, "pad": "x" * 1000} for n in range(200))
            check_each_once(to, await load(several.url, to, bodies, 200, 10.0), 200)

    asyncio.run(run())


def test_the_calls_of_one_socket_arrive_in_its_order(several: Stack) -> None:
    to, caller = Socket(several.ws_url), MonologueSocket(several.ws_url)
    to.open()
    wait_until(lambda: to.id in several.listing())
    caller.whoami()

    for run in range(50):
        for n in range(100):
            caller.request(to.id, f"{run}.{n}", "test", n)
        calls = [to.receive() for _ in range(100)]
        assert [call["params"][0] for call in calls] == list(range(100))
        for call in calls:
            to.answer(call, result=None)
        for _ in calls:
            caller.receive()

    caller.close()
    to.close()
