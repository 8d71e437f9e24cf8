"""Calls that go on while something breaks, and what is true of them whatever breaks."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tests.support.load import LoadHost, Reply, load
from tests.support.stack import wait_until


class Load:
    """Callers that call one lambda after the other until told to stop."""

    def __init__(
        self, url: str, to: Sequence[LoadHost], at_once: int, wait_s: float, rest_s: float = 0.0
    ) -> None:
        """Begin.

        Args:
            at_once: how many callers.
            wait_s: how long each call waits.
            rest_s: how long a caller rests after each call.
        """
        self.count = 0
        self._stopping = False
        bodies = ({"n": n} for n in self._numbers())
        self._task = asyncio.create_task(
            load(url, to, bodies, at_once, wait_s, lambda: self._stopping, rest_s)
        )

    def _numbers(self) -> Iterator[int]:
        for n in itertools.count():
            self.count = n
            yield n

    async def more(self, calls: int) -> None:
        """Wait until so many more calls have begun."""
        wanted = self.count + calls
        await until(lambda: self.count >= wanted, "the load goes on")

    async def stop(self) -> list[Reply]:
        self._stopping = True
        return await self._task


async def until(condition: Callable[[], Any], what: str, timeout_s: float = 20.0) -> None:
    """Wait for a condition without holding up the load."""
    await asyncio.to_thread(wait_until, condition, timeout_s, what)


def check_calls(to: Sequence[LoadHost], replies: Sequence[Reply]) -> list[Reply]:
    """Check that each call failed or was answered right, and was delivered once at most.

    Returns:
        Those that failed.
    """
    asked: dict[str, list[int]] = {one.id: [] for one in to}
    for reply in replies:
        asked[reply.host].append(reply.body["n"])
        if reply.status == 200:
            assert reply.json() == {"method": "test", "body": reply.body}
    for one in to:
        seen = [body["n"] for body in one.seen]
        assert len(seen) == len(set(seen)), "a call was delivered twice"
        answered = {r.body["n"] for r in replies if r.host == one.id and r.status == 200}
        assert answered <= set(seen) <= set(asked[one.id])
    return [reply for reply in replies if reply.status != 200]
