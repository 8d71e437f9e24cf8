"""What breaks about the front, with calls going on: nginx, a backend, Pushpin, the store."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any

import pytest
import requests

from tests.integration.conftest import StackFactory
from tests.support import raw
from tests.support.clients import Socket, call, calling
from tests.support.load import Reply, echo, hosts, load
from tests.support.redis import RedisServer
from tests.support.scene import stopped
from tests.support.stack import Stack, command, descendants, ended, parent, wait_until
from tests.support.traffic import Load, check_calls, until

pytestmark = pytest.mark.breaks

CALLERS = 16
WAIT_S = 5.0
#: By then a call has been handed over, in seconds.
HELD_S = 0.6
#: So short that nobody ends a process for it, in seconds.
STILL_S = 0.3


async def sometimes_slow(method: str, body: Any) -> Any:
    """Answer each third call only after it was handed over."""
    if body["n"] % 3 == 0:
        await asyncio.sleep(HELD_S)
    return await echo(method, body)


def nginx(stack: Stack) -> int:
    """Return the process id of nginx's master."""
    (pid,) = [
        one
        for one in descendants(stack.pid)
        if parent(one) == stack.pid and "nginx" in command(one).split(" ")[0]
    ]
    return pid


@contextmanager
def opened(stack: Stack) -> Iterator[Socket]:
    with closing(Socket(stack.ws_url)) as one:
        one.open()
        wait_until(lambda: one.id in stack.listing(), what="the listing of a lambda")
        yield one


@pytest.fixture
def own_stack(start_stack: StackFactory) -> Stack:
    return start_stack(WORKERS="2")


def fine(replies: list[Reply], *allowed: tuple[int, str]) -> list[Reply]:
    """Check how calls failed; return which did."""
    failed = [reply for reply in replies if reply.status != 200]
    assert {(reply.status, reply.code) for reply in failed} <= set(allowed), Counter(
        (reply.status, reply.code, reply.content[:100]) for reply in failed
    )
    return failed


def test_nginx_that_is_reloaded_costs_nothing(own_stack: Stack, record_property: Any) -> None:
    async def run() -> None:
        async with hosts(own_stack.ws_url, 20, sometimes_slow) as to:
            calls = Load(own_stack.url, to, CALLERS, WAIT_S)
            await calls.more(50)
            master = nginx(own_stack)
            before = [one for one in descendants(master) if not ended(one)]
            for _ in range(3):
                os.kill(master, signal.SIGHUP)
                await calls.more(60)
            await until(lambda: set(descendants(master)) - set(before), "new workers of nginx")
            replies = await calls.stop()
            # A keep-alive connection may end between two requests: that is no answer to one.
            failed = fine(replies, (0, ""))
            record_property("failed", len(failed))
            assert len(failed) <= 3 * CALLERS
            check_calls(to, replies)
            assert not [one for one in to if one.ended.is_set()], "a host lost its connection"

    asyncio.run(run())


def test_nginx_that_is_killed_comes_back_and_no_lambda_is_lost(own_stack: Stack) -> None:
    with opened(own_stack) as one:
        master = nginx(own_stack)
        waiting = calling(own_stack.url, one.id, wait=WAIT_S)
        one.receive()
        for pid in (master, *descendants(master)):
            os.kill(pid, signal.SIGKILL)
        with pytest.raises(requests.ConnectionError):
            waiting.result(10)
        wait_until(lambda: call_or_none(own_stack, "A" * 16) == 404, 20, "its return")
        again = Socket(own_stack.ws_url, f"/lambda/new/{one.id}?token={one.token}")
        again.open()
        with closing(again):
            wait_until(lambda: call_or_none(own_stack, one.id, wait=0.1) == 504, 10, "the lambda")


def call_or_none(stack: Stack, lambda_id: str, **options: Any) -> int | None:
    try:
        return call(stack.url, lambda_id, **options).status_code
    except requests.RequestException:
        return None


@pytest.mark.parametrize("how", ["killed", "reloaded"])
def test_a_held_call_outlives_the_process_that_made_it(own_stack: Stack, how: str) -> None:
    """Its token says that this process waits, which is not so any more."""
    with opened(own_stack) as one:
        waiting = [calling(own_stack.url, one.id, body=str(n), wait=30) for n in range(8)]
        asked = [one.receive() for _ in waiting]
        time.sleep(1.5)  # until all are held, and Pushpin has asked again
        one.settle()
        if how == "killed":
            own_stack.kill_workers()
        else:
            before = set(own_stack.workers())
            os.kill(own_stack.pid, signal.SIGHUP)
            wait_until(
                lambda: len(own_stack.workers()) == 2 and not before & set(own_stack.workers()),
                30,
                "two new workers",
            )
        began = time.monotonic()
        for message in asked:
            one.answer(message, result=message["params"][0])
        assert [future.result(20).json() for future in waiting] == list(range(8))
        assert time.monotonic() - began < 5


def test_a_process_that_is_killed_while_it_waits_costs_its_own_calls(
    own_stack: Stack, record_property: Any
) -> None:
    async def run() -> None:
        async with hosts(own_stack.ws_url, 20, sometimes_slow) as to:
            calls = Load(own_stack.url, to, CALLERS, WAIT_S)
            await calls.more(60)
            first, _ = own_stack.workers()
            os.kill(first, signal.SIGKILL)
            await until(lambda: ended(first), "the death of a worker")
            await until(lambda: len(own_stack.workers()) == 2, "a worker in its place")
            await calls.more(100)
            replies = await calls.stop()
            cut = {one.id for one in to if one.ended.is_set()}
            failed = fine(
                [reply for reply in replies if reply.host not in cut],
                (502, "disconnected"),
                (503, "unavailable"),
                (504, "deadline_exceeded"),
            )
            record_property("failed", len(failed))
            assert len(failed) <= CALLERS
            assert len(cut) <= CALLERS
            check_calls(to, replies)

    asyncio.run(run())


def test_a_process_that_stands_still_holds_up_only_what_it_has(own_stack: Stack) -> None:
    with opened(own_stack) as one:
        held = calling(own_stack.url, one.id, body='"held"', wait=20)
        message = one.receive()
        time.sleep(HELD_S)  # until it is handed over
        first, _ = own_stack.workers()
        with stopped(first):
            one.answer(message, result="held")
            time.sleep(STILL_S)  # what came to it meanwhile
        assert held.result(20).json() == "held"
        for n in range(8):
            waiting = calling(own_stack.url, one.id, body=str(n), wait=10)
            asked = one.receive()
            one.answer(asked, result=asked["params"][0])
            assert waiting.result(10).json() == n


def test_a_pushpin_that_dies_is_told_to_those_that_it_held(own_stack: Stack) -> None:
    with opened(own_stack) as one:
        waiting = [calling(own_stack.url, one.id, body=str(n), wait=20) for n in range(4)]
        for _ in waiting:
            one.receive()
        time.sleep(HELD_S)  # until they are held
        os.kill(own_stack.pushpin("pushpin-handler"), signal.SIGKILL)
        for future in waiting:
            response = future.result(20)
            assert (response.status_code, response.json()["code"]) == (502, "disconnected")
    wait_until(lambda: call_or_none(own_stack, "A" * 16) == 404, 20, "its return")


def test_without_backends_and_without_a_pushpin_the_answer_is_json(own_stack: Stack) -> None:
    with opened(own_stack) as one:
        held = calling(own_stack.url, one.id, wait=20)
        one.receive()
        time.sleep(HELD_S)  # until it is held
        workers = own_stack.workers()
        granian = parent(workers[0])
        with stopped(own_stack.pid):
            for pid in (granian, *workers):
                os.kill(pid, signal.SIGKILL)
            wait_until(lambda: all(map(ended, (granian, *workers))), what="their end")
            check_all_say(own_stack, one, {502, 503})
        response = held.result(20)
        assert (response.status_code, response.json()["code"]) == (502, "disconnected")
        wait_until(lambda: call_or_none(own_stack, "A" * 16) == 404, 20, "their return")
        pushpins = [
            pid
            for pid in descendants(own_stack.pid)
            if any(name in command(pid) for name in ("pushpin", "condure", "zurl"))
        ]
        with stopped(own_stack.pid):
            for pid in pushpins:
                with suppress(ProcessLookupError):  # it has ended with one of the others
                    os.kill(pid, signal.SIGKILL)
            wait_until(lambda: all(map(ended, pushpins)), what="their end")
            check_all_say(own_stack, one, {400, 404, 503})


def check_all_say(stack: Stack, one: Socket, statuses: set[int]) -> None:
    """Check that every address answers in JSON that it can't do anything now."""
    large = '"' + "x" * 200_000 + '"'
    answers = [
        call(stack.url, one.id, body="1"),
        call(stack.url, one.id, body=large),
        call(stack.url, one.id, headers={"Accept": "text/event-stream"}),
        requests.put(f"{stack.url}/lambda/{one.id}/m", data="1", timeout=10),
        requests.get(f"{stack.url}/lambda", timeout=10),
        requests.get(f"{stack.url}/lambda/new", timeout=10),
        requests.post(f"{stack.url}/lambda/new/{one.id}?token={one.token}", data="{", timeout=10),
        requests.get(f"{stack.url}/calls/{'A' * 22}", timeout=10),
        requests.post(f"{stack.url}/invoke/{one.id}/m", data="{}", timeout=10),
    ]
    for response in answers:
        assert response.status_code in statuses, response.text
        assert response.headers["Content-Type"] == "application/json"
        # A backend that has just ended may have had what was sent on a connection to it.
        assert response.json()["code"] in {
            "unavailable",
            "not_found",
            "bad_request",
            "disconnected",
        }
        assert response.json()["error"]
    connection, reply = raw.handshake(stack.port)
    connection.close()
    assert reply.status in {502, 503}


@pytest.mark.parametrize("how", ["stands still", "is not there"])
def test_calls_that_wait_while_redis_is_away_are_answered(
    start_stack: StackFactory, redis_server: RedisServer, how: str
) -> None:
    """What was asked already is answered; what is new is refused before its host is asked."""
    url = redis_server.url.removesuffix("0") + "8"
    own = start_stack(
        GRIP_LAMBDA_STORE=url, GRIP_LAMBDA_PATIENCE="1", GRIP_LAMBDA_PING="1", WORKERS="2"
    )
    with opened(own) as one:
        waiting = [calling(own.url, one.id, body=str(n), wait=20) for n in range(6)]
        asked = [one.receive() for _ in waiting]
        with redis_away(redis_server, how):
            refused = call(own.url, one.id, wait=5)
            assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
            time.sleep(1.5)  # until each has tried to enter its call
            for message in asked:
                one.answer(message, result=message["params"][0])
            assert [future.result(10).json() for future in waiting] == list(range(6))
        wait_until(lambda: call_or_none(own, one.id, wait=0.1) == 504, 20, "the store's return")


@contextmanager
def redis_away(server: RedisServer, how: str) -> Iterator[None]:
    """Have Redis not answer, or not be there; then it comes back empty."""
    if how == "stands still":
        with stopped(server.pid):
            yield
        return
    server.kill()
    try:
        yield
    finally:
        server.start()


def test_all_processes_answer_after_all_of_this(own_stack: Stack) -> None:
    async def run() -> None:
        async with hosts(own_stack.ws_url, 8) as to:
            os.kill(own_stack.workers()[0], signal.SIGKILL)
            await until(lambda: len(own_stack.workers()) == 2, "a worker in its place")
            await asyncio.to_thread(
                wait_until, lambda: call_or_none(own_stack, "A" * 16) == 404, 20, "an answer"
            )
            alive = [one for one in to if not one.ended.is_set()]
            replies = await load(own_stack.url, alive, ({"n": n} for n in range(400)), 32)
            assert {reply.status for reply in replies} == {200}

    asyncio.run(run())
