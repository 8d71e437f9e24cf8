"""python-socketio: `call()` from a node to a client of the other, over Redis."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from grip_lambda.serve.pushpin import free_ports

from .. import install, processes
from ..entry import HOSTS, Entry, Running, with_hosts


@contextmanager
def _start() -> Iterator[Running]:
    python = str(install.environment("python-socketio"))
    url, redis = processes.redis()
    asked, held = free_ports(2)
    node = [python, str(processes.SERVERS / "python_socketio_node.py")]
    hosts = [python, str(processes.SERVERS / "python_socketio_hosts.py")]
    hosts += [str(held), str(HOSTS), str(asked)]
    commands = [redis, [*node, str(asked), url], [*node, str(held), url]]
    with (
        processes.running("python-socketio", asked, commands) as stack,
        with_hosts(stack, asked, hosts) as running,
    ):
        yield running


ENTRY = Entry(
    key="python-socketio",
    title="python-socketio",
    kind="peer",
    how="`call()` of an AsyncServer under uvicorn (uvloop, httptools) to a client of a second one,"
    " over AsyncRedisManager; one process for each",
    start=_start,
)
