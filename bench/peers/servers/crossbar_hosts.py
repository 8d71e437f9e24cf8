"""Hosts of Crossbar: WAMP callees on WebSockets that return what they were called with.

``python crossbar_hosts.py PORT COUNT`` answers each line with ``{"ids", "lost"}``.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from autobahn.asyncio.wamp import ApplicationRunner, ApplicationSession

_JOIN_S = 20


class Host(ApplicationSession):
    """One callee; its number is its id."""

    async def onJoin(self, details: Any) -> None:  # noqa: N802
        await self.register(echo, f"bench.{self.config.extra['number']}")
        self.config.extra["joined"].set()

    def onLeave(self, details: Any) -> None:  # noqa: N802
        self.config.extra["joined"].clear()
        self.disconnect()


def echo(content: Any) -> Any:
    """Return what the call carried."""
    return content


class Hosts:
    """The callees of this process."""

    def __init__(self, port: str, count: str) -> None:
        self._url = f"ws://127.0.0.1:{port}/ws"
        self._joined = [asyncio.Event() for _ in range(int(count))]

    async def open(self) -> int:
        """Join those that are not there; return how many they were."""
        gone = [number for number, joined in enumerate(self._joined) if not joined.is_set()]
        for number in gone:
            extra = {"number": number, "joined": self._joined[number]}
            runner = ApplicationRunner(self._url, "bench", extra=extra)
            await runner.run(Host, start_loop=False)
            await asyncio.wait_for(self._joined[number].wait(), _JOIN_S)
        return len(gone)

    async def tell(self) -> dict[str, Any]:
        lost = await self.open()
        return {"ids": [str(number) for number in range(len(self._joined))], "lost": lost}


async def main(port: str, count: str) -> None:
    """Open the hosts, and tell of them as often as asked."""
    hosts = Hosts(port, count)
    await hosts.open()
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps(await hosts.tell()), flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
