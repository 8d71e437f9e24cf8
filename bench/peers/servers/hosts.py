"""Hosts of this product and of the floors: WebSockets that answer with what they were sent.

``python -m bench.peers.servers.hosts PORT COUNT`` answers each line with ``{"ids", "lost"}``.
"""

from __future__ import annotations

import asyncio
import sys

import orjson
from websockets.exceptions import WebSocketException

from bench import load

_TRIES = 20
_PAUSE_S = 0.2

Host = tuple[str, asyncio.Task[None]]


async def open_host(port: int) -> Host:
    """Open one, and again if the opening fails.

    Raises:
        SystemExit: it fails each time.
    """
    for _ in range(_TRIES):
        tasks: set[asyncio.Task[None]] = set()
        try:
            lambda_id = await load.open_host(port, tasks)
        except (OSError, WebSocketException):
            await asyncio.sleep(_PAUSE_S)
            continue
        (task,) = tasks
        return lambda_id.decode(), task
    raise SystemExit(f"port {port} opens no host")


async def main(port: int, count: int) -> None:
    """Open the hosts; tell of them as often as asked, with new ones for those that were lost."""
    hosts = [await open_host(port) for _ in range(count)]
    await asyncio.sleep(0.5)  # the last one's acknowledgement is on its way
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, sys.stdin.readline):
        lost = [number for number, (_, task) in enumerate(hosts) if task.done()]
        for number in lost:
            hosts[number][1].exception()
            hosts[number] = await open_host(port)
        if lost:
            await asyncio.sleep(0.5)
        told = {"ids": [lambda_id for lambda_id, _ in hosts], "lost": len(lost)}
        print(orjson.dumps(told).decode(), flush=True)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
