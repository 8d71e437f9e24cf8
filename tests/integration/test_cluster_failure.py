"""What the death of any part of a deployment costs, with calls going on."""

from __future__ import annotations

import asyncio
import os
import signal
import time

import pytest

from tests.support.cluster import Cluster, health
from tests.support.scene import (
    CALLERS,
    HOSTS,
    Figures,
    is_ready,
    scene,
)
from tests.support.stack import ended
from tests.support.traffic import until

pytestmark = pytest.mark.breaks


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
            before = [cluster.backend(n)[1] for n in range(4)]
            began = time.monotonic()
            os.kill(cluster.pid, signal.SIGHUP)
            await until(lambda: all(map(ended, before)), "their end", 40)
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
