"""What is peculiar to Redis."""

from __future__ import annotations

from contextlib import closing

import pytest

from grip_lambda.store import open_store
from tests.support.redis import RedisServer

pytestmark = pytest.mark.servers


def test_a_server_that_is_full_is_out_of_reach(redis_server: RedisServer) -> None:
    with closing(open_store(redis_server.url)) as store:
        assert store.is_reachable()
        redis_server.client.config_set("maxmemory", "1")
        try:
            assert not store.is_reachable()
        finally:
            redis_server.client.config_set("maxmemory", "0")
        assert store.is_reachable()


def test_a_server_that_takes_no_writes_is_out_of_reach(redis_server: RedisServer) -> None:
    """As a replica that nobody has made the first server yet."""
    with closing(open_store(redis_server.url)) as store:
        redis_server.client.replicaof("127.0.0.1", "1")
        try:
            assert not store.is_reachable()
        finally:
            redis_server.client.replicaof("no", "one")
        assert store.is_reachable()


def test_what_is_written_for_a_try_is_not_kept(redis_server: RedisServer) -> None:
    with closing(open_store(redis_server.url)) as store:
        assert store.is_reachable()
        assert 0 < redis_server.client.pttl("gl:probe") <= 1000
