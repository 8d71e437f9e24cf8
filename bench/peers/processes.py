"""The peers' programs."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from bench import stacks
from bench.quiet import Quiet
from grip_lambda.serve.pushpin import free_ports

SERVERS = Path(__file__).with_name("servers")


def running(
    name: str, port: int, commands: Sequence[Sequence[str]], ready: str = "/"
) -> AbstractContextManager[stacks.Stack]:
    """Run the programs of an entry, which start together, until the end of a block.

    Args:
        name: that of the entry.
        port: where callers ask.
        commands: the programs.
        ready: the path at ``port`` that answers once they are ready.

    Raises:
        SystemExit: they don't become ready; with the last lines of their output.
    """
    environ = stacks.environment()
    children = [
        Quiet(f"{name} {Path(command[0]).name} {number}", command, environ)
        for number, command in enumerate(commands)
    ]
    return stacks.running(name, port, children, ready)


def redis() -> tuple[str, list[str]]:
    """Return the URL of a Redis that keeps nothing, and the command that runs it."""
    (port,) = free_ports(1)
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    return f"redis://127.0.0.1:{port}/0", command
