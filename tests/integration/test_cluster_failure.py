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
from typing import Any

import pytest

from tests.support.cluster import Cluster, Health, health
from tests.support.load import Caller, LoadHost, Reply, hosts, load
from tests.support.stack import ended
from tests.support.traffic import Load, check_calls, until

pytestmark = pytest.mark.breaks

PING_S = 2
#: Within this, the listing is right again; half a second is for the asking.
TWO_PINGS_S = 2.0 * PING_S + 0.5
HOSTS = 48
CALLERS = 8
WAIT_S = 5.0
#: Pushpin's own timeout serves where nobody keeps deadlines: a second later, and late by another.
LATE_S = 2.5
#: How long the store is away, in the tests where it comes back by itself.
AWAY_S = 5.0

Figures = Callable[[str, object], None]

#: What a Pushpin says itself, with 500, while its handler has ended and the rest of it has not.
_DYING = b"Accept service unavailable"


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
    silent: LoadHost
    calls: Load
    health: list[Health] = field(default_factory=list)

    async def stop(self, *, dropped: bool = False) -> list[Reply]:
        """End the load, and check what is true of every call.

        Args:
            dropped: whether connections of callers may have ended without a response.

        Returns:
            The calls that failed.
        """
        replies = await self.calls.stop()
        failed = check_calls(self.hosts, replies)
        seen = {one.id: {body["n"] for body in one.seen} for one in self.hosts}
        for reply in failed:
            if dropped and (reply.status == 0 or reply.content.startswith(_DYING)):
                continue
            assert (reply.status, reply.code) in {
                (404, "not_found"),
                (502, "disconnected"),
                (503, "unavailable"),
                (504, "deadline_exceeded"),
            }, reply
            if reply.code in ("not_found", "unavailable"):
                assert reply.body["n"] not in seen[reply.host], "it was not refused: it was done"
        assert max(reply.seconds for reply in replies) <= WAIT_S + LATE_S
        slowest = max(self.health, key=lambda one: one.seconds)
        assert slowest.seconds < 3, slowest
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

    async def right_again(self, timeout_s: float = TWO_PINGS_S) -> float:
        """Wait until just the lambdas of living hosts are listed; return how long it took."""
        began = time.monotonic()
        while (found := await self.listing()) != (wanted := self.living):
            wrong = None if found is None else (len(wanted - found), len(found - wanted))
            assert time.monotonic() - began < timeout_s, f"the listing stays wrong: {wrong}"
            await asyncio.sleep(0.02)  # paces the asking
        return time.monotonic() - began

    async def reopened(self) -> int:
        """Have the hosts whose connections have ended open their lambdas again."""
        cut = [one for one in [*self.hosts, self.silent] if one.ended.is_set()]
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

    def waiting(self, count: int = 5) -> list[asyncio.Task[Reply]]:
        """Call the host that never answers."""
        callers = [Caller(self.cluster.url) for _ in range(count)]
        return [
            asyncio.create_task(one.call(self.silent.id, {"n": n}, WAIT_S))
            for n, one in enumerate(callers)
        ]

    async def told_in_time(self, waiting: list[asyncio.Task[Reply]]) -> float:
        """Check that callers were told of a deadline; return how long the last one waited."""
        replies = await asyncio.gather(*waiting)
        assert {(reply.status, reply.code) for reply in replies} == {(504, "deadline_exceeded")}
        assert len(self.silent.seen) == len(waiting), "a call was delivered twice, or not at all"
        slowest = max(reply.seconds for reply in replies)
        assert slowest <= WAIT_S + LATE_S
        return slowest

    def figures(self, record: Figures, failed: list[Reply]) -> None:
        record("failed", dict(Counter((reply.status, reply.code) for reply in failed)))
        record("slowest_s", max((reply.seconds for reply in failed), default=0))
        record("slowest_health_s", max(one.seconds for one in self.health))

    @property
    def living(self) -> set[str]:
        return {one.id for one in [*self.hosts, self.silent] if not one.ended.is_set()}

    @property
    def ids(self) -> set[str]:
        return {one.id for one in [*self.hosts, self.silent]}


async def silence(method: str, body: Any) -> Any:
    """Never answer."""
    await asyncio.Event().wait()


@asynccontextmanager
async def scene(cluster: Cluster) -> AsyncIterator[Scene]:
    await until(lambda: all(is_ready(url) for url in cluster.backends), "that all are ready")
    await until(lambda: cluster.listing() == {}, "an empty listing", TWO_PINGS_S)
    async with hosts(cluster.ws_url, HOSTS) as to, hosts(cluster.ws_url, 1, silence) as (silent,):
        one = Scene(cluster, to, silent, Load(cluster.url, to, CALLERS, WAIT_S, rest_s=0.05))
        watch = asyncio.create_task(watch_health(one))
        try:
            await one.calls.more(100)
            yield one
        finally:
            watch.cancel()
            await one.calls.stop()


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


def test_a_backend_that_is_killed_costs_at_most_what_is_inside_it(
    cluster: Cluster, record_property: Figures
) -> None:
    async def run() -> None:
        async with scene(cluster) as one:
            _, worker = cluster.backend(0)
            os.kill(worker, signal.SIGKILL)
            await until(lambda: ended(worker), "its death")
            await one.calls.more(200)
            cut = await one.reopened()
            record_property("cut", cut)
            assert cut <= CALLERS
            record_property("right_s", await one.right_again())
            failed = await one.stop()
            one.figures(record_property, failed)
            assert len(failed) <= CALLERS
            await one.all_answer()

    asyncio.run(run())


def test_backends_that_are_restarted_one_after_another_lose_nothing(
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
            await one.calls.more(100)
            assert not [host for host in one.hosts if host.ended.is_set()]
            record_property("right_s", await one.right_again())
            failed = await one.stop()
            one.figures(record_property, failed)
            assert failed == []
            await one.all_answer()

    asyncio.run(run())


@pytest.mark.parametrize("program", ["pushpin", "pushpin-handler"])
def test_a_pushpin_that_dies_is_started_again_and_its_hosts_keep_their_ids(
    cluster: Cluster, program: str, record_property: Figures
) -> None:
    said = cluster.said("pushpin n1 ended")

    async def run() -> None:
        async with scene(cluster) as one:
            node = cluster.nodes[0]
            os.kill(cluster.program(node, program), signal.SIGKILL)
            began = time.monotonic()
            await until(lambda: health(f"{node.url}/readyz").status == 200, "its return")
            record_property("back_s", time.monotonic() - began)
            await until(lambda: any(host.ended.is_set() for host in one.hosts), "cut connections")
            record_property("right_s", await one.right_again())
            cut = await one.reopened()
            record_property("cut", cut)
            assert cut < HOSTS / 2, "hosts on other nodes keep their connections"
            await one.right_again()
            await one.calls.more(100)
            failed = await one.stop(dropped=True)
            one.figures(record_property, failed)
            await one.all_answer()
        assert cluster.said("pushpin n1 ended") == said + 1

    asyncio.run(run())


def test_a_redis_that_dies_comes_back_empty_and_knows_every_lambda_soon(
    cluster: Cluster, record_property: Figures
) -> None:
    said = cluster.said("redis ended")

    async def run() -> None:
        async with scene(cluster) as one:
            waiting = one.waiting()
            await until(lambda: len(one.silent.seen) == len(waiting), "their calls")
            os.kill(cluster.redis(), signal.SIGKILL)
            began = time.monotonic()
            await until(lambda: is_ready(cluster.backends[0]), "its return")
            record_property("back_s", time.monotonic() - began)
            record_property("right_s", await one.right_again())
            assert one.living == one.ids, "no host lost its connection"
            await one.calls.more(100)
            failed = await one.stop()
            one.figures(record_property, failed)
            record_property("told_s", await one.told_in_time(waiting))
            await one.all_answer()
        assert cluster.said("redis ended") == said + 1

    asyncio.run(run())


@pytest.mark.parametrize("how", ["refuses", "stands still"])
def test_while_redis_is_away_new_calls_are_refused_and_no_host_is_lost(
    cluster: Cluster, how: str, record_property: Figures
) -> None:
    async def run() -> None:
        async with scene(cluster) as one:
            waiting = one.waiting()
            await until(lambda: len(one.silent.seen) == len(waiting), "their calls")
            with away(cluster, how):
                back = time.monotonic() + AWAY_S
                await all_say_that_the_store_is_away(cluster)
                caller = Caller(cluster.url)
                while time.monotonic() < back:
                    reply = await caller.call(one.hosts[0].id, {"n": -1}, WAIT_S)
                    assert (reply.status, reply.code) == (503, "unavailable")
                    assert reply.seconds < 3
                    await asyncio.sleep(0.1)  # paces the asking
                caller.close()
            assert one.living == one.ids
            record_property("right_s", await one.right_again())
            await until(lambda: all(map(is_ready, cluster.backends)), "that all are ready again")
            await one.calls.more(100)
            failed = await one.stop()
            one.figures(record_property, failed)
            record_property("told_s", await one.told_in_time(waiting))
            await one.all_answer()
            assert one.living == one.ids

    asyncio.run(run())


@contextmanager
def away(cluster: Cluster, how: str) -> Iterator[None]:
    """Have Redis not answer, or not be there; then it comes back empty."""
    if how == "stands still":
        with stopped(cluster.redis()):
            yield
    else:
        with cluster.unsupervised():
            os.kill(cluster.redis(), signal.SIGKILL)
            yield


async def all_say_that_the_store_is_away(cluster: Cluster) -> None:
    for url in (cluster.url, *cluster.backends):
        alive = await asyncio.to_thread(health, f"{url}/healthz")
        ready = await asyncio.to_thread(health, f"{url}/readyz")
        assert (alive.status, ready.status) == (200, 503), (url, alive, ready)
        assert (ready.body["status"], ready.body["store"]) == ("not ready", "out of reach")


def test_the_lambdas_of_a_node_that_died_unseen_leave_within_two_pings(
    cluster: Cluster, record_property: Figures
) -> None:
    async def run() -> None:
        async with scene(cluster) as one:
            node = cluster.nodes[2]
            with cluster.unsupervised():
                for pid in cluster.programs(node):
                    os.kill(pid, signal.SIGKILL)
                await until(lambda: one.living != one.ids, "the end of its connections")
                took = await one.right_again()
                record_property("right_s", took)
                refused = one.ids - one.living
            await until(lambda: is_ready(node.url), "its return")
            assert await one.listing() == one.living, "a node that comes back starts empty"
            cut = await one.reopened()
            record_property("cut", cut)
            assert cut < HOSTS / 2, "hosts on other nodes keep their connections"
            await one.right_again()
            assert refused <= one.living
            await one.calls.more(100)
            failed = await one.stop(dropped=True)
            one.figures(record_property, failed)
            await one.all_answer()

    asyncio.run(run())
