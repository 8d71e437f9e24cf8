"""How processes reach one another: Unix sockets, and channels in Redis."""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from grip_lambda.store.links import is_address, is_here, new_address
from grip_lambda.store.redis.link import NearAndFar, RedisLink
from grip_lambda.store.unix_link import UnixLink, _name
from tests.support.redis import RedisServer
from tests.support.stack import wait_until


class Heard:
    """What a process was told."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []

    def __call__(self, data: bytes) -> None:
        self.messages.append(data)


Make = Callable[[], Any]


SERVERS = [pytest.param(name, marks=pytest.mark.servers) for name in ("redis", "near and far")]


@pytest.fixture(params=["unix", *SERVERS])
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Make links that reach one another."""
    links: list[Any] = []

    def one() -> Any:
        if request.param == "unix":
            links.append(UnixLink())
        else:
            server: RedisServer = request.getfixturevalue("redis_server")
            kind = RedisLink if request.param == "redis" else NearAndFar
            links.append(kind(server.client))
        return links[-1]

    yield one
    for link in links:
        link.close()


def reached(link: Any, address: str, data: bytes) -> Callable[[], bool]:
    return lambda: bool(link.send(address, data))


def test_what_is_sent_arrives_whole_and_in_order(make: Make) -> None:
    here, there, heard = make(), make(), Heard()
    address = new_address()
    here.listen(address, heard)
    wait_until(reached(there, address, b"first"), what="somebody who listens")
    sent = [os.urandom(size) for size in (0, 1, 3, 65_535, 65_536, 200_000, 10)]
    for one in sent:
        assert there.send(address, one)

    wait_until(lambda: len(heard.messages) > len(sent), what="the messages")
    assert heard.messages == [b"first", *sent]


def test_nobody_is_reached_where_nobody_listens(make: Make) -> None:
    here, heard = make(), Heard()
    address = new_address()
    assert not make().send(address, b"x")
    here.listen(address, heard)
    wait_until(reached(here, address, b"y"), what="somebody who listens")
    wait_until(lambda: heard.messages == [b"y"], what="the message")
    assert not here.send(new_address(), b"z")


def test_many_threads_send_at_once(make: Make) -> None:
    here, there, heard = make(), make(), Heard()
    address = new_address()
    here.listen(address, heard)
    wait_until(reached(there, address, b""), what="somebody who listens")

    def send(n: int) -> None:
        for k in range(50):
            assert there.send(address, b"%d-%d-" % (n, k) + b"x" * 5000)

    threads = [threading.Thread(target=send, args=(n,)) for n in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(30)
    wait_until(lambda: len(heard.messages) == 401, what="the messages")
    assert len(set(heard.messages)) == 401
    assert all(len(one) > 5000 for one in heard.messages if one)


LISTENER = """
import sys, time
from grip_lambda.store.unix_link import UnixLink
link = UnixLink()
link.listen(sys.argv[1], lambda data: print(len(data), flush=True))
print("ready", flush=True)
time.sleep(60)
"""


@pytest.fixture
def other() -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Another process that listens: its address, and it."""
    address = new_address()
    process = subprocess.Popen(
        [sys.executable, "-c", LISTENER, address], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    yield address, process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_process_that_has_ended_is_not_reached(other: tuple[str, subprocess.Popen[str]]) -> None:
    address, process = other
    with closing(UnixLink()) as link:
        assert link.send(address, b"x" * 10)
        assert process.stdout is not None
        assert process.stdout.readline() == "10\n"
        process.kill()
        process.wait()
        assert not link.send(address, b"x")
        assert not link.send(address, b"x")


def test_a_process_that_stands_still_holds_up_nobody_for_long(
    other: tuple[str, subprocess.Popen[str]],
) -> None:
    address, process = other
    with closing(UnixLink()) as link:
        os.kill(process.pid, signal.SIGSTOP)
        sent = [link.send(address, b"x" * 200_000) for _ in range(8)]
        assert not all(sent), "what is not read must not be waited for"
        os.kill(process.pid, signal.SIGCONT)
        wait_until(lambda: link.send(address, b"again"), what="its return")


def test_half_a_message_is_none() -> None:
    heard = Heard()
    address = new_address()
    with closing(UnixLink()) as link:
        link.listen(address, heard)
        with socket.socket(socket.AF_UNIX) as peer:
            peer.connect(_name(address))
            peer.sendall(struct.pack(">I", 10) + b"half")
        assert link.send(address, b"whole")
        wait_until(lambda: heard.messages == [b"whole"], what="the message")


def test_addresses_are_unlike_names_of_pushpins() -> None:
    one, another = new_address(), new_address()

    assert one != another
    assert is_address(one)
    assert not is_address("n1")
    assert is_here(one)
    assert not is_here("@000000000000.x")
    assert not is_here("n1")
