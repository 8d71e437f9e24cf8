"""How many calls lose their connection as Pushpin repeats them, a second after they began.

    python -m bench.repeats [seconds]

What is lost is Pushpin's own (see docs/pushpin.md): its log counts as many.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import click

from tests.support.load import hosts, load
from tests.support.stack import Stack

AT_ONCE = 40


async def after(method: str, body: Any) -> Any:
    """Answer after as many seconds as the body says."""
    await asyncio.sleep(body)
    return body


async def measure(stack: Stack, seconds: float) -> Counter[int]:
    """Return how many calls ended with which status; 0 where the connection ended instead."""
    until = time.monotonic() + seconds
    statuses: Counter[int] = Counter()
    async with hosts(stack.ws_url, 1, after) as to:
        while time.monotonic() < until:
            bodies = [random.uniform(1.1, 1.2) for _ in range(4 * AT_ONCE)]
            replies = await load(stack.url, to, bodies, AT_ONCE)
            statuses.update(reply.status for reply in replies)
    return statuses


@click.command()
@click.argument("seconds", type=float, default=60.0)
def main(seconds: float) -> None:
    """Make calls that Pushpin repeats, for so many SECONDS, and count what it loses of them."""
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder))
        try:
            statuses = asyncio.run(measure(stack, seconds))
            counted = stack.log.read_text().count("received message out of sequence")
        finally:
            stack.stop()
    print(f"{statuses.total()} calls of 1.1 to 1.2 s, {AT_ONCE} at once: {statuses[200]} answered,")
    print(f"{statuses[0]} connections lost; Pushpin's log tells of {counted}")


if __name__ == "__main__":
    main()
