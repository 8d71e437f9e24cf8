"""Hosts that went without a word, and hosts that are there though nobody can see them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from grip_lambda.errors import PublishError
from grip_lambda.grip.zmq_node import ZmqNode
from grip_lambda.hub.channels import host_channel
from tests.support.apart import Apart
from tests.support.clients import Host, Socket, call, calling
from tests.support.scene import stopped
from tests.support.stack import Stack, wait_until

pytestmark = pytest.mark.breaks

#: Within this time a host that went is gone, in seconds; pings are 30 s apart.
SOON_S = 1.0
#: By then whoever closes lambdas for what a new link announced has done so, in seconds.
ANNOUNCED_S = 1.0


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apart]:
    running = Apart(tmp_path_factory.mktemp("apart"))
    yield running
    running.stop()


@pytest.fixture
def there(apart: Apart) -> Iterator[list[Host]]:
    """Some hosts, listed."""
    with ExitStack() as stack:
        found = [stack.enter_context(Host(apart.ws_url, echo)) for _ in range(5)]
        wait_until(lambda: {one.id for one in found} <= apart.listing().keys())
        yield found
    wait_until(lambda: apart.listing() == {}, what="an empty listing")


def echo(method: str, body: object) -> object:
    return body


def check_all_there(apart: Apart, there: list[Host]) -> None:
    assert {one.id for one in there} <= apart.listing().keys()
    for one in there:
        assert call(apart.url, one.id, body='"here"', wait=5).json() == "here"


def newcomer(apart: Apart) -> None:
    """Have a host come and go: what was decided before is done after that."""
    one = Socket(apart.ws_url)
    one.open()
    wait_until(lambda: one.id in apart.listing())
    one.drop()
    wait_until(lambda: one.id not in apart.listing())


@pytest.mark.parametrize("path", ["/lambda/new", "/monologue"])
def test_a_connection_that_pushpin_ends_without_a_word_is_gone_at_once(
    stack: Stack, path: str
) -> None:
    one = Socket(stack.ws_url, path)
    if path == "/monologue":
        one.socket.send("whoami")
        one.id = str(one.socket.recv(10))
    else:
        one.open()
    wait_until(lambda: one.id in stack.listing())
    waiting = [calling(stack.url, one.id, wait=20) for _ in range(5)]
    for _ in waiting:
        one.socket.recv(10)

    one.socket.send("x" * 250_000)  # more than Pushpin takes

    began = time.monotonic()
    for future in waiting:
        assert future.result(10).status_code == 502
    wait_until(lambda: one.id not in stack.listing())
    assert time.monotonic() - began < SOON_S
    one.drop()


def test_a_broken_link_closes_nobody(apart: Apart, there: list[Host]) -> None:
    waiting = [calling(apart.url, one.id, body=f'"{one.id}"', wait=10) for one in there]

    for _ in range(5):
        apart.network.cut()
        wait_until(lambda: not apart.is_ready())
        apart.network.mend()
        wait_until(apart.is_ready)

    newcomer(apart)
    assert [future.result(10).json() for future in waiting] == [one.id for one in there]
    check_all_there(apart, there)


def test_a_link_that_stays_broken_closes_nobody_and_what_went_meanwhile_is_gone_after_it(
    apart: Apart, there: list[Host]
) -> None:
    lost, slow = Socket(apart.ws_url), Socket(apart.ws_url)
    for one in (lost, slow):
        one.open()
        wait_until(lambda one=one: one.id in apart.listing())  # type: ignore[misc]
    waiting = calling(apart.url, slow.id, wait=20)
    asked = slow.receive()
    time.sleep(2.5)  # until Pushpin has asked again: it does so once

    apart.network.cut()
    wait_until(lambda: not apart.is_ready())
    lost.socket.send("x" * 250_000)
    lost.drop()
    assert {lost.id, *(one.id for one in there)} <= apart.listing().keys()
    apart.network.mend()

    wait_until(lambda: lost.id not in apart.listing(), 5)
    check_all_there(apart, there)
    slow.answer(asked, result="late")
    assert waiting.result(1).json() == "late"
    slow.close()


def test_messages_that_a_broken_link_keeps_from_their_host_are_told_to_be_lost(
    apart: Apart,
) -> None:
    node = ZmqNode("n1", apart.control_uri)
    wait_until(lambda: node.is_connected)
    lost: list[PublishError] = []
    count = 60  # for which the pace takes some two seconds

    for _ in range(count):
        node.send(host_channel("A" * 16, "there"), b"x" * 90_000, lost=lost.append)
    apart.network.cut()

    wait_until(lambda: lost, 5)
    apart.network.mend()
    node.stop()
    assert len(lost) < count


def test_a_message_for_a_connection_that_never_comes_is_told_to_be_lost(apart: Apart) -> None:
    node = ZmqNode("n1", apart.pushpin.zmq_control)
    left: list[str] = []
    lost: list[PublishError] = []
    node.on_left = [left.append]
    channel = host_channel("A" * 16, "never")

    node.send(channel, b"{}", lost=lost.append)

    wait_until(lambda: lost and left, 6)
    assert left == [channel]
    assert len(lost) == 1
    node.stop()


def test_a_pushpin_that_stands_still_closes_nobody(apart: Apart, there: list[Host]) -> None:
    with stopped(apart.pushpin.program("pushpin-handler")):
        apart.network.cut()
        apart.network.mend()
        time.sleep(2 * ANNOUNCED_S)  # in which nothing is to happen

    wait_until(apart.is_ready)
    newcomer(apart)
    check_all_there(apart, there)


def test_a_backend_that_just_started_closes_nobody(apart: Apart, there: list[Host]) -> None:
    apart.kill_backend()
    apart.start_backend()
    wait_until(apart.is_ready, 30)

    time.sleep(2 * ANNOUNCED_S)  # in which nothing is to happen
    newcomer(apart)
    check_all_there(apart, there)


def test_the_hosts_of_a_pushpin_that_nobody_looked_after_are_gone_when_it_is_back(
    apart: Apart,
) -> None:
    lost = [Socket(apart.ws_url) for _ in range(5)]
    for one in lost:
        one.open()
    wait_until(lambda: len(apart.listing()) == len(lost))

    apart.pushpin.kill()
    apart.pushpin.start()

    wait_until(lambda: apart.listing() == {}, 5)
    newcomer(apart)


def test_a_backend_that_stood_still_closes_nobody(apart: Apart, there: list[Host]) -> None:
    workers = apart.workers()
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)
    apart.network.cut()
    apart.network.mend()
    for pid in workers:
        os.kill(pid, signal.SIGCONT)

    wait_until(apart.is_ready)
    newcomer(apart)
    check_all_there(apart, there)
