"""What an open lambda that does nothing costs in each process, beside a client of Socket.IO.

    python -m bench.memory [--counts 1000,10000] [--buffer 65536,16384] [--no-peer]

Memory is the proportional set size, which counts shared memory once.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import click

from bench.peers import install, processes
from grip_lambda.serve.child import Child
from grip_lambda.serve.pushpin import BUFFER, free_ports

from . import stacks
from .remote import remote, running

#: The memory of a process changes for some time after its connections have come, in seconds.
_SETTLE_S = 5.0
_PATIENCE_S = 300.0
_START = (
    "from grip_lambda.serve import pushpin; pushpin.BUFFER = {}; "
    "from grip_lambda.cli import main; main()"
)
Memory = Mapping[str, float]


def _used(stack: stacks.Stack) -> Memory:
    """Return the bytes that each program takes, once all is quiet."""
    time.sleep(_SETTLE_S)
    return stack.memory()


def _per_connection(before: Memory, after: Memory, count: int) -> Memory:
    return {name: (after[name] - before.get(name, 0.0)) / count for name in after}


def product(counts: list[int], buffer: int) -> Iterator[tuple[int, Memory]]:
    """Open so many lambdas one after the other, and yield what each costs, in bytes."""

    class Program(Child):
        def __init__(self, name: str, command: list[str], environ: dict[str, str]) -> None:
            command = [sys.executable, "-c", _START.format(buffer), "serve", "--no-demo"]
            super().__init__(name, command, environ)

    settings = {"GRIP_LAMBDA_MAX_LAMBDAS_PER_CLIENT": "1000000"}
    with (
        stacks.product(settings, Program) as stack,
        remote("bench.swarm", str(stack.port)) as swarm,
    ):
        swarm.ask({"open": 16})  # what every process needs once
        before = _used(stack)
        for count in counts:
            opened = swarm.ask({"open": count + 16})
            if opened["lost"]:
                raise SystemExit(f"{opened['lost']} of {count} lambdas were lost")
            yield count, _per_connection(before, _used(stack), count)


@contextmanager
def _clients(port: int, count: int) -> Iterator[None]:
    command = ["node", str(processes.SERVERS / "socketio_hosts.mjs"), str(port), str(count)]
    with running(command, _PATIENCE_S) as clients:
        clients.ask({})
        yield


def peer(counts: list[int]) -> Iterator[tuple[int, Memory]]:
    """Connect so many clients to one process of Socket.IO, and yield what each costs."""
    install.node_modules()
    url, redis = processes.redis()
    (port,) = free_ports(1)
    node = ["node", str(processes.SERVERS / "socketio_node.mjs"), str(port), url]
    for count in counts:
        with processes.running("Socket.IO", port, [redis, node]) as stack:
            before = _used(stack)
            with _clients(port, count):
                yield count, _per_connection(before, _used(stack), count)


def _line(what: str, count: int, used: Memory) -> str:
    parts = sorted(used.items(), key=lambda one: -one[1])
    shown = ", ".join(f"{name} {size / 1000:.1f}" for name, size in parts if size >= 50)
    return f"{what}, {count:,} open: {sum(used.values()) / 1000:.1f} kB each ({shown})"


def _numbers(text: str) -> list[int]:
    return [int(word) for word in text.split(",")]


@click.command()
@click.option("--counts", default="1000,10000", show_default=True, help="How many are open.")
@click.option(
    "--buffer", default=str(BUFFER), show_default=True, help="Values of client_buffer_size."
)
@click.option("--peer/--no-peer", "with_peer", default=True, help="Measure Socket.IO, too.")
def main(counts: str, buffer: str, with_peer: bool) -> None:
    """Tell what an open lambda that does nothing costs in each process."""
    for size in _numbers(buffer):
        for count, used in product(_numbers(counts), size):
            print(_line(f"grip-lambda, client_buffer_size={size}", count, used), flush=True)
    if with_peer:
        for count, used in peer(_numbers(counts)):
            print(_line("Socket.IO", count, used), flush=True)


if __name__ == "__main__":
    main()
