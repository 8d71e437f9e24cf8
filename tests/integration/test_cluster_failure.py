"""What the death of any part of a deployment costs, with calls going on."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

import pytest

from tests.support.cluster import Cluster, Health, health
from tests.support.load import Caller, LoadHost, Reply, hosts, load
from tests.support.stack import ended
from tests.support.traffic import Load, check_calls, until

PING_S = 2
#: Within this, the listing is right again.
TWO_PINGS_S = 2.0 * PING_S
HOSTS = 48
CALLERS = 12
WAIT_S = 5.0
#: Pushpin's own timeout serves where nobody keeps deadlines: a second later, and late by another.
LATE_S = 2.5
#: How long the store is away, in the tests where it comes back by itself.
AWAY_S = 5.0

Figures = Callable[[str, object], None]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One cluster, which each test leaves as it was."""
    running = Cluster(tmp_path_factory.mktemp("cluster"), GRIP_LAMBDA_PING=str(PING_S))
    try:
        yield running
    finally:
        running.stop()


@dataclass
class Scene:
    """Hosts on all nodes, callers that call them through the load balancer, and who watches."""

    cluster: Cluster
    hosts: list[LoadHost]
    calls: Load
    health: list[Health] = field(default_factory=list)

    async def stop(self) -> list[Reply]:
        """End the load, and check what is true of every call.

        Returns:
            The calls that failed.
        """
        replies = await self.calls.stop()
        failed = check_calls(self.hosts, replies)
        seen = {one.id: {body["n"] for body in one.seen} for one in self.hosts}
        for reply in failed:
            assert (reply.status, reply.code) in {
                (404, "not_found"),
                (502, "disconnected"),
                (503, "unavailable"),
                (504, "deadline_exceeded"),
            }, reply
            if reply.code in ("not_found", "unavailable"):
                assert reply.body["n"] not in seen[reply.host], "it was not refused: it was done"
        assert max(reply.seconds for reply in replies) <= WAIT_S + LATE_S
        assert all(one.seconds < 3 for one in self.health)
        return failed

    async def listing(self) -> set[str] | None:
        caller = Caller(self.cluster.url)
        try:
            status, content = await asyncio.wait_for(caller.request("GET", "/lambda"), 3)
        except (OSError, EOFError, TimeoutError):
            return None
        finally:
            caller.close()
        return set(json.loads(content)) if status == 200 else None

    async def right_again(self, wanted: set[str], timeout_s: float = TWO_PINGS_S) -> float:
        """Wait until just these are listed; return how long it took."""
        began = time.monotonic()
        while (found := await self.listing()) != wanted:
            wrong = None if found is None else (len(wanted - found), len(found - wanted))
            assert time.monotonic() - began < timeout_s, f"the listing stays wrong: {wrong}"
            await asyncio.sleep(0.02)  # paces the asking
        return time.monotonic() - began

    async def reopened(self) -> int:
        """Have the hosts whose connections have ended open their lambdas again."""
        cut = [one for one in self.hosts if one.ended.is_set()]
        for one in cut:
            await one.reopen(self.cluster.ws_url)
        return len(cut)

    async def all_answer(self) -> None:
        replies = await load(
            self.cluster.url, self.hosts, ({"n": -1 - n} for n in range(HOSTS)), 4, 10.0
        )
        assert Counter(reply.status for reply in replies) == {200: HOSTS}
        # and are not part of what is checked of the load
        for one in self.hosts:
            one.seen[:] = [body for body in one.seen if body["n"] >= 0]

    @property
    def ids(self) -> set[str]:
        return {one.id for one in self.hosts}


@asynccontextmanager
async def scene(cluster: Cluster) -> AsyncIterator[Scene]:
    await until(lambda: all(is_ready(url) for url in cluster.backends), "that all are ready")
    await until(lambda: cluster.listing() == {}, "an empty listing", TWO_PINGS_S)
    async with hosts(cluster.ws_url, HOSTS) as to, asyncio.TaskGroup() as tasks:
        calls = Load(cluster.url, to, CALLERS, WAIT_S, pause_s=0.05)
        one = Scene(cluster, to, calls)
        watch = tasks.create_task(watch_health(one))
        try:
            await calls.more(100)
            yield one
        finally:
            await calls.stop()
            watch.cancel()


async def watch_health(one: Scene) -> None:
    """Ask for both health pages of all, again and again."""
    urls = [one.cluster.url, *one.cluster.backends]
    while True:
        for url in urls:
            for page in ("healthz", "readyz"):
                one.health.append(await asyncio.to_thread(health, f"{url}/{page}", 5.0))
        await asyncio.sleep(0.1)  # paces the asking


def is_ready(url: str) -> bool:
    return health(f"{url}/readyz").status == 200


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Have a process stand still."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_a_backend_that_is_killed(cluster: Cluster, record_property: Figures) -> None:
    async def run() -> None:
        async with scene(cluster) as one:
            _, worker = cluster.backend(0)
            os.kill(worker, signal.SIGKILL)
            await until(lambda: ended(worker), "its death")
            await one.calls.more(500)
            cut = await one.reopened()
            record_property("right_s", await one.right_again(one.ids))
            failed = await one.stop()
            record_property("cut", cut)
            record_property("failed", Counter((r.status, r.code) for r in failed))
            record_property("slowest_s", max((r.seconds for r in failed), default=0))
            await one.all_answer()

    asyncio.run(run())


def test_backends_that_are_restarted_one_after_another(
    cluster: Cluster, record_property: Figures
) -> None:
    async def run() -> None:
        async with scene(cluster) as one:
            before = [cluster.backend(n) for n in range(4)]
            began = time.monotonic()
            os.kill(cluster.pid, signal.SIGHUP)
            await until(lambda: all(ended(pid) for pids in before for pid in pids), "their end", 40)
            await until(lambda: all(is_ready(url) for url in cluster.backends), "the new ones")
            record_property("restart_s", time.monotonic() - began)
            await one.calls.more(300)
            assert not [host for host in one.hosts if host.ended.is_set()]
            record_property("right_s", await one.right_again(one.ids))
            failed = await one.stop()
            assert failed == []
            await one.all_answer()

    asyncio.run(run())


def test_a_pushpin_that_dies(cluster: Cluster, record_property: Figures) -> None:
    async def run() -> None:
        async with scene(cluster) as one:
            node = cluster.nodes[0]
            handler = cluster.program(node, "pushpin-handler")
            os.kill(handler, signal.SIGKILL)
            began = time.monotonic()
            await until(lambda: health(f"{node.url}/readyz").status == 200, "its return")
            record_property("back_s", time.monotonic() - began)
            await until(lambda: any(host.ended.is_set() for host in one.hosts), "cut connections")
            living = {host.id for host in one.hosts if not host.ended.is_set()}
            record_property("right_s", await one.right_again(living))
            record_property("cut", await one.reopened())
            await one.right_again(one.ids)
            await one.calls.more(300)
            failed = await one.stop()
            record_property("failed", Counter((r.status, r.code) for r in failed))
            record_property("slowest_s", max((r.seconds for r in failed), default=0))
            await one.all_answer()
        assert len([line for line in cluster.logged() if "pushpin n1 ended" in line]) == 1

    asyncio.run(run())


def test_a_redis_that_dies_and_comes_back_empty(cluster: Cluster, record_property: Figures) -> None:
    async def run() -> None:
        async with scene(cluster) as one:
            os.kill(cluster.redis(), signal.SIGKILL)
            began = time.monotonic()
            await until(lambda: is_ready(cluster.backends[0]), "its return")
            record_property("back_s", time.monotonic() - began)
            living = {host.id for host in one.hosts if not host.ended.is_set()}
            record_property("right_s", await one.right_again(living))
            record_property("cut", await one.reopened())
            await one.calls.more(300)
            failed = await one.stop()
            record_property("failed", Counter((r.status, r.code) for r in failed))
            record_property("slowest_s", max((r.seconds for r in failed), default=0))
            await one.all_answer()
        assert len([line for line in cluster.logged() if "redis ended" in line]) == 1

    asyncio.run(run())


def test_a_redis_that_stands_still(cluster: Cluster, record_property: Figures) -> None:
    async def run() -> None:
        async with scene(cluster) as one:
            with stopped(cluster.redis()):
                await asyncio.sleep(AWAY_S)
            await until(lambda: is_ready(cluster.backends[0]), "its return")
            record_property("cut", len([h for h in one.hosts if h.ended.is_set()]))
            record_property("right_s", await one.right_again(one.ids))
            await one.calls.more(300)
            failed = await one.stop()
            record_property("failed", Counter((r.status, r.code) for r in failed))
            record_property("slowest_s", max((r.seconds for r in failed), default=0))
            await one.all_answer()

    asyncio.run(run())


def test_a_redis_that_is_away(cluster: Cluster, record_property: Figures) -> None:
    async def run() -> None:
        async with scene(cluster) as one:
            with cluster.unsupervised():
                os.kill(cluster.redis(), signal.SIGKILL)
                await asyncio.sleep(AWAY_S)
            await until(lambda: is_ready(cluster.backends[0]), "its return")
            record_property("cut", len([h for h in one.hosts if h.ended.is_set()]))
            record_property("right_s", await one.right_again(one.ids))
            await one.calls.more(300)
            failed = await one.stop()
            record_property("failed", Counter((r.status, r.code) for r in failed))
            record_property("slowest_s", max((r.seconds for r in failed), default=0))
            await one.all_answer()

    asyncio.run(run())
