"""Services in the Python library: hosts that share a name, and callers of it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from grip_lambda.client import (
    AsyncClient,
    AsyncHost,
    BadRequest,
    Client,
    Disconnected,
    Host,
    NotFound,
    RemoteError,
    progress,
)
from tests.support.stack import Stack, wait_until


class Worker:
    """What the hosts of these tests can do."""

    def __init__(self) -> None:
        self.began = threading.Event()
        self.released = threading.Event()

    def resize(self, width: int, height: int = 1) -> int:
        return width * height

    def fail(self) -> None:
        raise ValueError("no")

    def count(self, until: int) -> int:
        for number in range(until):
            progress(number)
        return until

    def hold(self) -> str:
        self.began.set()
        self.released.wait(20)
        return "released"


@pytest.fixture
def client(stack: Stack) -> Iterator[Client]:
    with Client(stack.url) as client:
        yield client


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A name of its own for each test."""
    return str(request.node.name).replace("[", ".").strip("]")[:60]


@pytest.fixture
def hosts(stack: Stack, name: str) -> Iterator[list[Host]]:
    with ExitStack() as opened:
        yield [opened.enter_context(Host(stack.url, Worker(), service=name)) for _ in range(2)]


def test_a_call_goes_to_one_of_the_hosts(client: Client, hosts: list[Host], name: str) -> None:
    service = client.service(name)

    assert service.resize(width=3, height=4) == 12
    assert service.call("resize", {"width": 2}, wait=5) == 2
    assert client.call(f"service/{name}", "resize", 5) == 5
    assert service.submit("resize", {"width": 3}).result(10) == 3
    with service.stream("count", 2) as stream:
        assert list(stream) == [0, 1]
        assert stream.result == 2
    assert {one["name"] for one in service.describe()["methods"]} >= {"resize", "count"}


def test_an_error_tells_which_host_it_is_of(client: Client, hosts: list[Host], name: str) -> None:
    with pytest.raises(RemoteError) as raised:
        client.service(name).fail()

    assert raised.value.host in {host.id for host in hosts}


def test_all_hosts_answer(client: Client, hosts: list[Host], name: str) -> None:
    answers = list(client.service(name).all("resize", {"width": 7}))
    failed = list(client.service(name).all("fail"))

    assert {one.id: one.result for one in answers} == {host.id: 7 for host in hosts}
    assert {one.status for one in failed} == {400}
    for one in failed:
        assert isinstance(one.error, RemoteError)
        with pytest.raises(RemoteError, match="no"):
            _ = one.result


def test_an_answer_comes_before_the_slow_ones(stack: Stack, client: Client, name: str) -> None:
    slow, quick = Worker(), Worker()
    quick.released.set()
    with Host(stack.url, slow, service=name), Host(stack.url, quick, service=name) as first:
        answers = iter(client.service(name).all("hold"))
        assert next(answers).id == first.id
        slow.released.set()
        assert next(answers).result == "released"
        assert list(answers) == []


def test_one_who_reads_no_further_has_the_others_cancelled(
    stack: Stack, client: Client, name: str
) -> None:
    cancelled = threading.Event()

    async def wait(_: Any) -> None:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    with Host(stack.url, {"m": wait}, service=name), Host(stack.url, {"m": str}, service=name):
        answers = client.service(name).all("m", 1)
        assert next(iter(answers)).result == "1"
        answers.close()
        assert cancelled.wait(10)


def test_what_is_open_is_listed(client: Client, hosts: list[Host], name: str) -> None:
    (entry,) = [one for one in client.services() if one.name == name]

    assert entry.hosts == 2
    assert set(entry.methods or ()) >= {"resize", "count", "hold", "fail"}
    assert {one.id for one in client.service(name).hosts()} == {host.id for host in hosts}
    assert {one.id for one in client.hosts(name)} == {host.id for host in hosts}


def test_a_service_without_hosts_is_not_found(client: Client, name: str) -> None:
    service = client.service(name)

    for ask in (service.hosts, lambda: list(service.all("m")), service.resize):
        with pytest.raises(NotFound):
            ask()


@pytest.mark.parametrize("wrong", ["", "1st", "a/b", "ö", "a" * 65])
def test_a_name_that_is_none_is_told(stack: Stack, client: Client, wrong: str) -> None:
    with pytest.raises(BadRequest, match="service"):
        Host(stack.url, Worker(), service=wrong).start()
    with pytest.raises((BadRequest, NotFound)):
        client.service(wrong).resize()


def test_a_host_that_dies_costs_its_own_call_alone(stack: Stack, client: Client, name: str) -> None:
    workers = [Worker(), Worker()]
    hosts = [Host(stack.url, one, service=name) for one in workers]
    for host in hosts:
        host.start()
    pending = [client.service(name).submit("hold") for _ in hosts]
    for worker in workers:
        assert worker.began.wait(10), "each has one call"

    hosts[0].close(0)
    workers[1].released.set()

    ended: list[Any] = []
    for one in pending:
        try:
            ended.append(one.result(20))
        except Disconnected as error:
            ended.append(type(error))
    assert sorted(map(str, ended)) == sorted(map(str, [Disconnected, "released"]))
    workers[0].released.set()
    hosts[1].close(0)


def test_a_host_may_have_several_names_and_keeps_them(stack: Stack, client: Client) -> None:
    names = ["several.one", "several.two"]
    with Host(stack.url, Worker(), service=names) as host:
        for one in names:
            assert client.service(one).resize(width=2) == 2
            assert [known.id for known in client.hosts(one)] == [host.id]
    wait_until(lambda: "several.one" not in {one.name for one in client.services()})


def test_in_an_event_loop(stack: Stack, name: str) -> None:
    async def run() -> None:
        async with (
            AsyncHost(stack.url, Worker(), service=name) as host,
            AsyncClient(stack.url) as client,
        ):
            service = client.service(name, wait=10)
            assert await service.resize(width=3) == 3
            assert [one.result async for one in client.ask_all(name, "resize", 4)] == [4]
            assert [one.result async for one in service.all("resize", 4)] == [4]
            assert [one.id for one in await client.hosts(name)] == [host.id]
            assert name in {one.name for one in await client.services()}
            assert await client.bind(host.id).resize(5, **{}) == 5
            async with service.stream("count", 1) as stream:
                assert [value async for value in stream] == [0]

    asyncio.run(run())


def test_a_lambda_is_called_like_an_object(stack: Stack, client: Client) -> None:
    def temperature(city: str) -> str:
        return f"mild in {city}"

    functions = {"call": str, "temperature": temperature, "nothing": lambda: 1}
    with Host(stack.url, functions) as host:
        weather = client.bind(host.id)

        assert weather.temperature(city="Oslo") == "mild in Oslo"
        assert weather.temperature("Oslo") == "mild in Oslo"
        assert weather.nothing() == 1
        assert weather.call("call", 5) == "5"
        assert repr(weather) == f"<Bound {host.id}>"
        with pytest.raises(TypeError, match="temperature takes one value"):
            weather.temperature("Oslo", "Bergen")
        with pytest.raises(AttributeError):
            _ = weather._private
