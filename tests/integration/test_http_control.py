"""Publishing through Pushpin's HTTP control port, where ZeroMQ can't reach."""

from __future__ import annotations

import re
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from grip_lambda.errors import PublishError
from grip_lambda.grip.http_node import HttpNode
from grip_lambda.hub.channels import call_channel, host_channel, log_channel
from grip_lambda.protocol import sse
from grip_lambda.proxies import Proxy
from grip_lambda.store import Call, Outcome, open_store
from tests.integration.conftest import ConnectionFactory, SocketFactory
from tests.support.clients import calling
from tests.support.stack import Stack, free_port


@pytest.fixture
def stack(bare_stack: Stack) -> Stack:
    """Without a front every caller is held at once."""
    return bare_stack


@pytest.fixture
def node(stack: Stack) -> HttpNode:
    command = Path(f"/proc/{stack.pushpin('pushpin-handler')}/cmdline").read_bytes().decode()
    (path,) = re.findall(r"--config=([^\0]+)", command)
    (port,) = re.findall(r"push_in_http_port=(\d+)", Path(path).read_text())
    return HttpNode(Proxy("n1", f"http://127.0.0.1:{port}"))


def connection_of(stack: Stack, lambda_id: str) -> str:
    with closing(sqlite3.connect(stack.folder / "data" / "grip-lambda.db")) as db:
        query = "SELECT connection FROM lambdas WHERE id = ?"
        (connection,) = db.execute(query, (lambda_id,)).fetchone()
    return str(connection)


def test_a_message_reaches_the_host(stack: Stack, node: HttpNode, opened: SocketFactory) -> None:
    one = opened()

    node.ensure_reachable()
    node.send(host_channel(one.id, connection_of(stack, one.id)), b'{"hello":"world"}')

    assert one.receive() == {"hello": "world"}


def test_a_reply_reaches_the_caller_once(
    stack: Stack, node: HttpNode, opened: SocketFactory
) -> None:
    one = opened()
    future = calling(stack.url, one.id)
    token = one.receive()["id"]

    node.reply(call_channel(Call(token, one.id, "n1", 0.0)), 200, b'"by HTTP"')

    assert future.result(10).json() == "by HTTP"


def test_a_connection_is_closed_with_code_and_reason(
    stack: Stack, node: HttpNode, opened: SocketFactory
) -> None:
    one = opened()

    node.close(host_channel(one.id, connection_of(stack, one.id)), 4410, "the lambda was deleted")

    assert one.closed() == (4410, "the lambda was deleted")


def test_a_proxy_that_is_gone_is_an_error() -> None:
    gone = HttpNode(Proxy("n1", f"http://127.0.0.1:{free_port()}"))

    assert not gone.is_connected
    with pytest.raises(PublishError):
        gone.ensure_reachable()
    with pytest.raises(PublishError):
        gone.send("host-x", b"{}")


def test_a_reply_beyond_what_the_port_takes_is_asked_for(
    stack: Stack, node: HttpNode, opened: SocketFactory
) -> None:
    one = opened()
    future = calling(stack.url, one.id)
    token = one.receive()["id"]
    large = b'"%b"' % (b"x" * 2_000_000)
    store = open_store(f"sqlite:///{stack.folder / 'data' / 'grip-lambda.db'}")
    with closing(store):
        ended = {token: Outcome(200, large)}
        assert store.end_calls(one.id, connection_of(stack, one.id), ended, time.time())

    node.reply(call_channel(Call(token, one.id, "n1", 0.0)), 200, large)

    assert future.result(10).content == large


@pytest.mark.parametrize("size", [1, 2_000_000])
def test_a_piece_reaches_its_stream(
    stack: Stack, node: HttpNode, hosting: ConnectionFactory, size: int
) -> None:
    one = hosting("sse")
    connection = connection_of(stack, one.id)
    message = b'{"method":"%b","params":[],"id":null}' % (b"x" * size)
    store = open_store(f"sqlite:///{stack.folder / 'data' / 'grip-lambda.db'}")
    with closing(store):
        later = time.time() + 60
        added = store.logs.append(
            one.id, connection, message, time.time(), until=later, lives_s=60.0
        )
    assert added is not None

    node.stream(log_channel(one.id, connection, added.reader.hold), 1, sse.encode(message, "x"))

    assert one.receive(60)["method"] == "x" * size
