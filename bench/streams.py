"""How long messages to many streams wait at most, just after these have begun.

    python -m bench.streams [streams …]

Pushpin asks how each stream goes on, and sends nothing meanwhile (see docs/pushpin.md).
"""

from __future__ import annotations

import asyncio
import itertools
import tempfile
import time
from pathlib import Path
from typing import Any

import click

from grip_lambda.client import AsyncClient, AsyncHost
from tests.support.load import gaps, hosts, load
from tests.support.stack import Stack

_SECONDS = 4.0
_PIECES, _PIECE_S = 40, 0.1


async def to_hosts(stack: Stack, count: int) -> float:
    """Return how long the slowest call took to so many hosts that have a stream, in seconds."""
    async with hosts(stack.ws_url, count, transport="sse", apart_s=0.0) as to:
        end = time.monotonic() + _SECONDS
        bodies = ({"n": n} for n in itertools.count())
        replies = await load(
            stack.url, to, bodies, 60, until=lambda: time.monotonic() > end, rest_s=0.1
        )
    failed = [reply.status for reply in replies if reply.status != 200]
    if failed:
        raise SystemExit(f"{len(failed)} of {len(replies)} calls failed: {sorted(set(failed))}")
    return max(reply.seconds for reply in replies)


async def count(_: Any) -> Any:
    """Answer with pieces, a tenth of a second apart."""
    for n in range(_PIECES):
        await asyncio.sleep(_PIECE_S)
        yield n


async def to_callers(stack: Stack, number: int) -> float:
    """Return the longest gap in so many streamed calls at once, in seconds."""
    async with (
        AsyncHost(stack.url, {"count": count}) as host,
        AsyncClient(stack.url) as client,
    ):
        streams = await asyncio.gather(*(gaps(client, host.id, "count") for _ in range(number)))
    if {len(one) for one in streams} != {_PIECES}:
        raise SystemExit(f"not all of {_PIECES} pieces came")
    return max(map(max, streams))


async def measure(stack: Stack, streams: tuple[int, ...]) -> None:
    """Print a line for each number of streams."""
    for number in streams:
        slowest = await to_hosts(stack, number)
        gap = await to_callers(stack, min(number, 60))
        print(
            f"{number} hosts with a stream: the slowest call took {slowest:.2f} s; "
            f"{min(number, 60)} streamed calls, a piece each {_PIECE_S} s: longest gap {gap:.2f} s"
        )


@click.command()
@click.argument("streams", type=int, nargs=-1)
def main(streams: tuple[int, ...]) -> None:
    """Open so many STREAMS at once (60, then 300), and tell how long messages to them waited."""
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder), GRIP_LAMBDA_MAX_OPENINGS_PER_CLIENT="100000")
        try:
            asyncio.run(measure(stack, streams or (60, 300)))
        finally:
            stack.stop()


if __name__ == "__main__":
    main()
