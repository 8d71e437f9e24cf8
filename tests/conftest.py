"""Servers that several folders of tests share."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.support.redis import RedisServer, running_redis


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--all-in-function",
        action="store_true",
        help="run all tests that are marked function_too with the application as a function, too",
    )


def pytest_configure() -> None:
    """Have programs that tests start heed signals, though a shell in the background does not."""
    for one in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(one) is signal.SIG_IGN:
            usual = signal.default_int_handler if one == signal.SIGINT else signal.SIG_DFL
            signal.signal(one, usual)


# Without a deadline: an example that takes long on a busy machine is no failure.
settings.register_profile("suite", max_examples=50, deadline=None)
settings.load_profile("suite")


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with running_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="session")
def redis_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One server that holds all slots of a cluster: it refuses what spans several of them."""
    with running_redis(tmp_path_factory.mktemp("redis-cluster"), cluster=True) as server:
        yield server
