"""Large calls to few hosts at once: how many arrive, how long they take, and what buffers cost.

    python -m bench.large [--workers N] [--calls N] [--store URL]

What is sent to a WebSocket while its buffer in Pushpin is full is lost. grip/pace.py keeps that
from happening, in all processes together.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import click

from tests.support.load import Reply, hosts, load
from tests.support.stack import Stack, descendants

from .load import percentile
from .stacks import memory_of

HOSTS = 5
CALLERS = 6
#: Kilobytes of a call's body; the last column is of calls that all go to one host at once.
SIZES = (0, 5, 20, 60, 90)
BURST, BURST_KB = 200, 1
WAIT_S = 10.0


async def length(method: str, body: Any) -> Any:
    """Answer with the number alone: what goes back is not what is measured."""
    return body["n"]


async def measure(stack: Stack, calls: int, kilobytes: int, to_: int, at_once: int) -> list[Reply]:
    """Make calls of a size, and check that each was delivered once at most."""
    async with hosts(stack.ws_url, to_, length) as to:
        pad = "x" * (1000 * kilobytes)
        bodies = ({"n": n, "pad": pad} for n in range(calls))
        replies = await load(stack.url, to, bodies, at_once, WAIT_S)
        for one in to:
            seen = [body["n"] for body in one.seen]
            assert len(seen) == len(set(seen)), "a call was delivered twice"
    return replies


@click.command
@click.option("--workers", default=2, help="Flask processes.")
@click.option("--calls", default=1500, help="Calls of each size.")
@click.option("--store", default="", help="URL of the store; the embedded one by default.")
def main(workers: int, calls: int, store: str) -> None:
    """Print a line for each size."""
    settings = {"WORKERS": str(workers)} | ({"GRIP_LAMBDA_STORE": store} if store else {})
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder), **settings)
        try:
            click.echo(f"{workers} processes, {CALLERS} callers, {HOSTS} hosts")
            for size in SIZES:
                replies = asyncio.run(measure(stack, calls, size, HOSTS, CALLERS))
                _line(stack, f"{size} kB", replies)
            replies = asyncio.run(measure(stack, BURST, BURST_KB, 1, BURST))
            _line(stack, f"{BURST_KB} kB, all at once", replies)
        finally:
            stack.stop()


def _line(stack: Stack, name: str, replies: list[Reply]) -> None:
    seconds = sorted(one.seconds for one in replies if one.status == 200)
    lost = sum(one.status == 504 for one in replies)
    refused = len(replies) - len(seconds) - lost
    p50, p99, longest = (percentile(seconds, part) for part in (0.5, 0.99, 1.0))
    used = memory_of(descendants(stack.pid)) / 1e6
    took = f"p50 {p50:.1f}, p99 {p99:.1f}, max {longest:.1f} ms"
    counts = f"{lost:4} of {len(replies)} lost, {refused} refused"
    click.echo(f"{name:20} {counts}; {took}; Pushpin {used:.0f} MB")


if __name__ == "__main__":
    main()
