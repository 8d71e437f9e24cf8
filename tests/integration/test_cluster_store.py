"""What the death or absence of the store costs a deployment, with calls going on."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.cluster import Cluster, health
from tests.support.load import Caller
from tests.support.scene import (
    AWAY_S,
    WAIT_S,
    Figures,
    is_ready,
    scene,
    stopped,
)
from tests.support.traffic import until

pytestmark = pytest.mark.breaks


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
