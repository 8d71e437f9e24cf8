"""What a crash costs: a worker, all workers, Pushpin."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import requests

from tests.integration.conftest import StackFactory
from tests.support.clients import Host, call
from tests.support.load import LoadHost, hosts, listed, load
from tests.support.stack import Stack, ended, wait_until
from tests.support.traffic import Load, check_calls, until

pytestmark = pytest.mark.breaks

#: Each has one request inside the backend at most: its call, or its host's batch with the answer.
CALLERS = 16
#: Each caller has one call inside of a process that dies. Its connections end one after the other:
#: a caller that was told of the first may just have made another call that goes there.
INSIDE = 2 * CALLERS
#: How long a call waits that was lost with a worker.
WAIT_S = 3.0


@asynccontextmanager
async def loaded(stack: Stack, count: int = 200) -> AsyncIterator[tuple[list[LoadHost], Load]]:
    async with hosts(stack.ws_url, count) as to:
        calls = Load(stack.url, to, CALLERS, WAIT_S)
        await calls.more(100)
        try:
            yield to, calls
        finally:
            await calls.stop()


async def check_lambdas(stack: Stack, to: list[LoadHost], cut: int) -> int:
    """Check that no lambda was lost.

    Pushpin drops the connection whose batch was inside a worker that died, as it can't know
    whether the batch had its effect. Such a host has its lambda again as soon as it reopens it.

    Args:
        cut: how many connections may have ended.

    Returns:
        How many have.
    """
    ended = [one for one in to if one.ended.is_set()]
    assert len(ended) <= cut, "connections ended that had nothing to do with it"
    assert {one.id for one in to} - {one.id for one in ended} <= stack.listing().keys()
    again = [LoadHost() for _ in ended]
    for former, one in zip(ended, again, strict=True):
        await one.open(stack.ws_url, f"/lambda/new/{former.id}?token={former.token}")
        assert (one.id, one.recovered) == (former.id, True)
    await listed(stack.url, [one.id for one in to])
    replies = await load(stack.url, to, ({"n": -1 - n} for n in range(len(to))), 8)
    assert {reply.status for reply in replies} == {200}
    for one in again:
        await one.close()
    return len(ended)


@pytest.fixture
def own_stack(start_stack: StackFactory) -> Stack:
    return start_stack()


def test_the_death_of_a_worker_costs_at_most_what_is_inside_it(
    own_stack: Stack, record_property: Any
) -> None:
    async def run() -> None:
        async with loaded(own_stack) as (to, calls):
            first, second = own_stack.workers()
            os.kill(first, signal.SIGKILL)
            await until(lambda: ended(first), "the death of a worker")
            dead = calls.count
            await until(lambda: len(own_stack.workers()) == 2, "a worker in its place")
            assert second in own_stack.workers()
            await calls.more(300)
            replies = await calls.stop()
            failed = check_calls(to, replies)
            record_property("failed", len(failed))
            # A host whose connection was cut does not answer before it reopens.
            cut = {one.id for one in to if one.ended.is_set()}
            inside = [reply.body["n"] for reply in failed if reply.host not in cut]
            assert len(inside) <= INSIDE
            assert max(inside, default=0) <= dead
            record_property("cut", await check_lambdas(own_stack, to, cut=CALLERS))
            record_property("slowest_s", max(reply.seconds for reply in replies))

    asyncio.run(run())


def test_the_death_of_a_worker_costs_hosts_without_websocket_nothing(
    own_stack: Stack, record_property: Any
) -> None:
    """They go on where they were, and post an answer again that was lost."""

    async def run() -> None:
        async with (
            hosts(own_stack.ws_url, 20, transport="sse") as streams,
            hosts(own_stack.ws_url, 20, transport="poll") as polls,
        ):
            to = [*streams, *polls]
            calls = Load(own_stack.url, to, CALLERS, WAIT_S)
            await calls.more(100)
            first, _ = own_stack.workers()
            os.kill(first, signal.SIGKILL)
            await until(lambda: ended(first), "the death of a worker")
            dead = calls.count
            await until(lambda: len(own_stack.workers()) == 2, "a worker in its place")
            await calls.more(200)
            failed = check_calls(to, await calls.stop())
            record_property("failed", len(failed))
            assert len(failed) <= INSIDE
            assert max((reply.body["n"] for reply in failed), default=0) <= dead
            assert {one.id for one in to} <= own_stack.listing().keys()
            replies = await load(own_stack.url, to, ({"n": -1 - n} for n in range(len(to))), 8)
            assert {reply.status for reply in replies} == {200}

    asyncio.run(run())


def test_a_graceful_reload_costs_nothing(own_stack: Stack, record_property: Any) -> None:
    async def run() -> None:
        async with loaded(own_stack) as (to, calls):
            before = set(own_stack.workers())
            os.kill(own_stack.pid, signal.SIGHUP)
            await until(
                lambda: len(own_stack.workers()) == 2 and not before & set(own_stack.workers()),
                "two new workers",
            )
            await calls.more(300)
            replies = await calls.stop()
            assert check_calls(to, replies) == []
            assert await check_lambdas(own_stack, to, cut=0) == 0
            record_property("slowest_s", max(reply.seconds for reply in replies))

    asyncio.run(run())


def test_the_death_of_all_workers_at_once_is_soon_over_and_loses_no_lambda(
    own_stack: Stack, record_property: Any
) -> None:
    def both_answer() -> bool:
        """Each listens on a socket of its own; of twenty connections some come to either."""
        url = f"http://127.0.0.1:{own_stack.backend_port()}/healthz"
        try:
            return all(requests.get(url, timeout=10).ok for _ in range(20))
        except requests.ConnectionError:
            return False

    async def run() -> None:
        async with loaded(own_stack) as (to, calls):
            before = set(own_stack.workers())
            for pid in before:
                os.kill(pid, signal.SIGKILL)
            await until(lambda: len(set(own_stack.workers()) - before) == 2, "two new workers")
            await until(both_answer, "their answers")
            back = calls.count
            await calls.more(300)
            replies = await calls.stop()
            failed = check_calls(to, replies)
            # With nobody to ask, a call is refused before its host is asked.
            assert {reply.status for reply in failed} <= {404, 502, 503, 504}
            # A host whose connection was cut is not there before it reopens.
            cut = {one.id for one in to if one.ended.is_set()}
            assert all(reply.host in cut for reply in failed if reply.status == 404)
            assert all(reply.body["n"] <= back or reply.host in cut for reply in failed)
            record_property("failed", len(failed))
            record_property("cut", await check_lambdas(own_stack, to, cut=CALLERS))

    asyncio.run(run())


def test_when_pushpin_dies_it_is_started_again_and_its_lambdas_leave_the_list(
    own_stack: Stack,
) -> None:
    def answer(method: str, body: Any) -> Any:
        return [method, body]

    former = [Host(own_stack.ws_url, answer) for _ in range(5)]
    wait_until(lambda: {one.id for one in former} <= own_stack.listing().keys())
    handler, workers = own_stack.pushpin("pushpin-handler"), own_stack.workers()

    os.kill(handler, signal.SIGKILL)

    def listing() -> dict[str, object] | None:
        try:
            response = requests.get(f"{own_stack.url}/lambda", timeout=5)
        except requests.RequestException:
            return None
        return response.json() if response.status_code == 200 else None

    # Until the rest of it has ended too, the listing is what it was.
    wait_until(lambda: set(own_stack.pushpins()) - {handler}, what="another Pushpin")

    def first_listing() -> list[dict[str, object]]:
        found = listing()
        return [] if found is None else [found]

    assert wait_until(first_listing, 20, "the first answer") == [{}]
    assert call(own_stack.url, former[0].id).status_code == 404
    assert own_stack.workers() == workers, "the backend outlives Pushpin"
    assert own_stack.pushpin("pushpin-handler") != handler

    # Pushpin takes calls before its programs have found one another: see docs/pushpin.md.
    with Host(own_stack.ws_url, answer) as probe:
        wait_until(lambda: call(own_stack.url, probe.id, wait=1).status_code == 200, 20)

    again = [Host(own_stack.ws_url, answer, f"/lambda/new/{one.id}") for one in former]
    assert [one.id for one in again] == [one.id for one in former]
    assert all(one.details["recovered"] is True for one in again)
    wait_until(lambda: {one.id for one in again} <= own_stack.listing().keys())
    for one in again:
        response = call(own_stack.url, one.id, "m", "1")
        assert (response.status_code, response.json()) == (200, ["m", 1])
        assert len(one.seen) == 1
    for one in (*former, *again):
        one.close()
