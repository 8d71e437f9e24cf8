"""Hosts of python-socketio: clients that acknowledge each event with what it carried.

``python python_socketio_hosts.py PORT COUNT OTHER_PORT`` answers each line with ``{"ids",
"lost"}``. One more client is connected to the other node: a node listens to Redis, and so hears of
answers, only once it has had a client of its own.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import socketio


class Hosts:
    """The clients of this process, and how often one of them was disconnected."""

    def __init__(self) -> None:
        self.clients: list[socketio.AsyncClient] = []
        self.lost = 0

    async def open(self, url: str) -> None:
        client = socketio.AsyncClient()

        async def echo(content: Any) -> Any:
            return content

        async def disconnected(*reason: Any) -> None:
            self.lost += 1

        client.on("echo", echo)
        client.on("disconnect", disconnected)
        await client.connect(url, transports=["websocket"], retry=True)
        self.clients.append(client)

    async def tell(self) -> dict[str, Any]:
        """Wait until all are connected, and return their ids."""
        while not all(client.connected for client in self.clients):
            await asyncio.sleep(0.05)
        told = {"ids": [client.get_sid() for client in self.clients], "lost": self.lost}
        self.lost = 0
        return told


async def main(port: str, count: str, other_port: str) -> None:
    """Open the hosts, and tell of them as often as asked."""
    hosts = Hosts()
    for _ in range(int(count)):
        await hosts.open(f"http://127.0.0.1:{port}")
    idle = socketio.AsyncClient()
    await idle.connect(f"http://127.0.0.1:{other_port}", transports=["websocket"], retry=True)
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps(await hosts.tell()), flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
