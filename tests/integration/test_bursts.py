"""Very many callers, and hosts that answer in the same instant: no host is lost."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from grip_lambda.client import AsyncClient, AsyncHost
from tests.support.load import LoadHost, Reply, gaps, hosts, load
from tests.support.stack import Stack, command, descendants
from tests.support.traffic import check_calls, until

pytestmark = pytest.mark.alone

SECONDS = 6.0
#: What Pushpin says in plain text to callers that it can't take; see docs/pushpin.md.
REFUSED = {
    (500, b"Accept service unavailable.\n"),
    (502, b"Error while proxying to origin.\n"),
}


@pytest.fixture(scope="module")
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    running = Stack(tmp_path_factory.mktemp("bursts"), GRIP_LAMBDA_MAX_OPENINGS_PER_CLIENT="10000")
    yield running
    running.stop()


def check_all_there(stack: Stack, to: list[LoadHost]) -> None:
    assert not any(one.ended.is_set() for one in to), "a host lost its connection"
    assert {one.id for one in to} <= stack.listing().keys()


@pytest.mark.parametrize("callers", [128, 400])
def test_no_host_is_lost_however_many_call(
    own_stack: Stack, callers: int, record_property: Any
) -> None:
    async def run() -> list[Reply]:
        async with hosts(own_stack.ws_url, 16) as to:
            until_ = time.monotonic() + SECONDS
            bodies = ({"n": n} for n in itertools.count())
            replies = await load(
                own_stack.url, to, bodies, callers, until=lambda: time.monotonic() > until_
            )
            check_all_there(own_stack, to)
            check_calls(to, replies)
            # and each of them answers
            again = await load(own_stack.url, to, ({"n": -1 - n} for n in range(16)), 1)
            assert {reply.status for reply in again} == {200}
            return replies

    replies = asyncio.run(run())

    failed = Counter((one.status, one.content) for one in replies if one.status != 200)
    record_property("calls", len(replies))
    record_property("refused", {f"{status}": count for (status, _), count in failed.items()})
    assert failed.keys() <= REFUSED
    assert failed.total() < len(replies) / 4


def test_no_host_is_lost_if_all_answer_in_the_same_instant(own_stack: Stack) -> None:
    """And the programs that pass their answers on stand still just then."""
    count = 400
    zurls = [
        pid
        for pid in descendants(own_stack.pid)
        if command(pid).partition(" ")[0].rpartition("/")[2] == "zurl"
    ]

    async def run() -> None:
        at_once = asyncio.Event()

        async def answer(method: str, body: Any) -> Any:
            await at_once.wait()
            return {"method": method, "body": body}

        async with hosts(own_stack.ws_url, count, answer) as to:
            callers = [
                asyncio.create_task(load(own_stack.url, [one], [{"n": n}], 1))
                for n, one in enumerate(to)
            ]
            await until(lambda: all(one.seen for one in to), "that all are called")
            for pid in zurls:
                os.kill(pid, signal.SIGSTOP)
            at_once.set()
            await asyncio.sleep(1.0)  # by then all answers are at Pushpin
            for pid in zurls:
                os.kill(pid, signal.SIGCONT)
            replies = [reply for one in await asyncio.gather(*callers) for reply in one]
            check_all_there(own_stack, to)
            failed = {(one.status, one.content) for one in check_calls(to, replies)}
            assert failed <= REFUSED

    asyncio.run(run())


# Pushpin asks ten different links in a second; see hub/feeds.py.


def test_messages_to_hosts_that_have_just_opened_a_stream_wait_for_nothing(
    own_stack: Stack,
) -> None:
    async def run() -> None:
        for _ in range(6):
            async with hosts(own_stack.ws_url, 4, transport="sse") as to:
                replies = await load(own_stack.url, to, ({"n": n} for n in range(160)), 40)
            assert check_calls(to, replies) == []
            assert max(reply.seconds for reply in replies) < 0.9

    asyncio.run(run())


def test_streams_of_hosts_do_not_wait_for_one_another(own_stack: Stack) -> None:
    async def run() -> None:
        async with hosts(own_stack.ws_url, 60, transport="sse", apart_s=0.0) as to:
            until_ = time.monotonic() + 3.0
            bodies = ({"n": n} for n in itertools.count())
            replies = await load(
                own_stack.url, to, bodies, 60, until=lambda: time.monotonic() > until_, rest_s=0.1
            )
        assert check_calls(to, replies) == []
        assert max(reply.seconds for reply in replies) < 1.5

    asyncio.run(run())


def test_streams_of_callers_do_not_wait_for_one_another(own_stack: Stack) -> None:
    pieces = 25

    async def count(_: Any) -> Any:
        for n in range(pieces):
            await asyncio.sleep(0.1)  # paces the stream
            yield n

    async def run() -> None:
        async with (
            AsyncHost(own_stack.url, {"count": count}) as host,
            AsyncClient(own_stack.url) as client,
        ):
            streams = await asyncio.gather(*(gaps(client, host.id, "count") for _ in range(60)))
        assert [len(one) for one in streams] == [pieces] * 60
        assert max(map(max, streams)) < 1.5

    asyncio.run(run())
