"""Socket.IO: `emitWithAck()` from a node to a client of the other, over the Redis adapter."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from grip_lambda.serve.pushpin import free_ports

from .. import install, processes
from ..entry import HOSTS, Entry, Running, with_hosts


@contextmanager
def _start() -> Iterator[Running]:
    install.node_modules()
    url, redis = processes.redis()
    asked, held = free_ports(2)
    node = ["node", str(processes.SERVERS / "socketio_node.mjs")]
    hosts = ["node", str(processes.SERVERS / "socketio_hosts.mjs"), str(held), str(HOSTS)]
    commands = [redis, [*node, str(asked), url], [*node, str(held), url]]
    with (
        processes.running("Socket.IO", asked, commands) as stack,
        with_hosts(stack, asked, hosts) as running,
    ):
        yield running


ENTRY = Entry(
    key="socketio",
    title="Socket.IO",
    kind="peer",
    how="`io.to(client).timeout(…).emitWithAck()` of a Node.js server to a client of a second one,"
    " over @socket.io/redis-adapter; one process for each",
    start=_start,
)
