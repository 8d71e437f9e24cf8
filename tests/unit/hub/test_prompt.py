"""Answers that do not find the thread that waits for them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from grip_lambda.grip.nodes import Nodes
from grip_lambda.hub.calls import Calls, PromptCalls, Replies, Waiters
from grip_lambda.hub.calls.waiting import Waiter
from grip_lambda.hub.delivery import Delivery
from grip_lambda.protocol import ids
from grip_lambda.store import Call, Outcome, Store
from tests.support.stack import wait_until
from tests.support.stores import store_with_host

ID = "A" * 16
SECRET = b"secret"
OK = Outcome(200, b"1")


class NobodyThere:
    """A link to processes that take nothing."""

    takes = False

    def listen(self, address: str, receive: Callable[[bytes], None]) -> None:
        pass

    def send(self, address: str, data: bytes) -> bool:
        return self.takes

    def close(self) -> None:
        pass


class StandingStill(NobodyThere):
    """A link to processes that do nothing with what they are sent."""

    takes = True


class FakeNode:
    """Notes what it is told to reply."""

    def __init__(self) -> None:
        self.replies: list[bytes] = []

    def reply(self, channel: str, status: int, body: bytes, headers: Any = None) -> None:
        self.replies.append(body)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with store_with_host(tmp_path, ID) as opened:
        yield opened


@pytest.fixture
def node() -> FakeNode:
    return FakeNode()


@pytest.fixture
def waiting(store: Store, node: FakeNode) -> Callable[[NobodyThere], Waiters]:
    """Make the waiters of a process that reaches others by a link."""

    def make(link: NobodyThere) -> Waiters:
        nodes = cast(Nodes, {"n1": node})
        delivery = Delivery(store, nodes, SECRET)
        calls = Calls(store, delivery, Replies(store, nodes))
        waiters = Waiters(link, threads=8, patience_s=0.2)
        PromptCalls(store, delivery, calls, waiters, secret=SECRET)
        return waiters

    return make


@pytest.mark.parametrize("is_entered_first", [True, False])
def test_an_answer_that_its_process_does_not_take_waits_for_the_call(
    store: Store,
    node: FakeNode,
    waiting: Callable[[NobodyThere], Waiters],
    is_entered_first: bool,
) -> None:
    waiters = waiting(NobodyThere())
    token = ids.new_prompt_token(SECRET, "elsewhere", time.time())
    now = time.time()

    def enter() -> None:
        store.begin_call(Call(token, ID, "n1", now + 30), now, connection="connection")

    if is_entered_first:
        enter()
    waiters.answered("elsewhere", token, ID, "connection", OK)
    if not is_entered_first:
        enter()

    wait_until(lambda: node.replies == [b"1"], what="the answer")
    known = store.get_call(ID, token, time.time())
    assert known is not None
    assert known.outcome == OK


def test_an_answer_to_a_call_that_was_handed_over_does_not_wait_for_its_process(
    store: Store, node: FakeNode, waiting: Callable[[NobodyThere], Waiters]
) -> None:
    waiters = waiting(StandingStill())
    token = ids.new_prompt_token(SECRET, "elsewhere", time.time())
    now = time.time()
    store.begin_call(Call(token, ID, "n1", now + 30), now, connection="connection")
    waiters.answered("elsewhere", token, ID, "connection", OK, age_s=0.3)
    assert node.replies == [b"1"]


def test_a_token_says_where_its_call_is_waited_for_and_since_when() -> None:
    token = ids.new_prompt_token(SECRET, "@machine.process", 1234.5)
    assert ids.prompt_place(SECRET, token) == ("@machine.process", 1234.5)
    assert ids.prompt_place(b"another", token) is None
    assert ids.prompt_place(SECRET, token.replace("@", "x")) is None


def test_an_answer_that_arrives_after_the_news_that_its_host_has_gone_counts() -> None:
    waiter = Waiter("connection")
    waiter.wake()  # the host's channel was left
    assert waiter.wait(0)
    waiter.wake()
    telling = threading.Timer(0.05, waiter.tell, [OK])
    telling.start()

    waiter.wait_told(10)

    assert waiter.told == OK
    telling.join()


def test_who_is_told_nothing_waits_no_longer_than_it_may() -> None:
    waiter = Waiter("connection")
    waiter.wake()

    waiter.wait_told(0.05)

    assert waiter.told is None
