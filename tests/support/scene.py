"""A cluster with calls going on, of which parts are broken."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from tests.support.cluster import Cluster, Health, health
from tests.support.load import Caller, LoadHost, Reply, hosts, load
from tests.support.traffic import Load, check_calls, until

PING_S = 2
#: Within this, the listing is right again; half a second is for the asking.
TWO_PINGS_S = 2.0 * PING_S + 0.5
HOSTS = 48
CALLERS = 8
WAIT_S = 5.0
#: Pushpin's own timeout serves where nobody keeps deadlines: a second later, and late by another.
LATE_S = 2.5
#: How long the store is away, in the tests where it comes back by itself.
AWAY_S = 5.0

Figures = Callable[[str, object], None]

#: What a Pushpin says itself, with 500, while its handler has ended and the rest of it has not.
_DYING = b"Accept service unavailable"


@dataclass
class Scene:
    """Hosts on all nodes, callers that call them through the load balancer, and who watches."""

    cluster: Cluster
    hosts: list[LoadHost]
    silent: LoadHost
    calls: Load
    health: list[Health] = field(default_factory=list)

    async def stop(self, *, dropped: bool = False) -> list[Reply]:
        """End the load, and check what is true of every call.

        Args:
            dropped: whether connections of callers may have ended without a response.

        Returns:
            The calls that failed.
        """
        replies = await self.calls.stop()
        failed = check_calls(self.hosts, replies)
        seen = {one.id: {body["n"] for body in one.seen} for one in self.hosts}
        for reply in failed:
            if dropped and (reply.status == 0 or reply.content.startswith(_DYING)):
                continue
            assert (reply.status, reply.code) in {
                (404, "not_found"),
                (502, "disconnected"),
                (503, "unavailable"),
                (504, "deadline_exceeded"),
            }, reply
            if reply.code in ("not_found", "unavailable"):
                assert reply.body["n"] not in seen[reply.host], "it was not refused: it was done"
        slowest_reply = max(replies, key=lambda one: one.seconds)
        assert slowest_reply.seconds <= WAIT_S + LATE_S, slowest_reply
        slowest = max(self.health, key=lambda one: one.seconds)
        assert slowest.seconds < 3, slowest
        return failed

    async def listing(self) -> set[str] | None:
        caller = Caller(self.cluster.url)
        try:
            status, content = await asyncio.wait_for(caller.request("GET", "/lambda"), 3)
        except (OSError, EOFError, TimeoutError):
            return None
        finally:
            caller.close()
        return set(json.loads(content)) if status == 200 else None

    async def right_again(self, timeout_s: float = TWO_PINGS_S) -> float:
        """Wait until just the lambdas of living hosts are listed; return how long it took."""
        began = time.monotonic()
        while (found := await self.listing()) != (wanted := self.living):
            wrong = None if found is None else (len(wanted - found), len(found - wanted))
            assert time.monotonic() - began < timeout_s, f"the listing stays wrong: {wrong}"
            await asyncio.sleep(0.02)  # paces the asking
        return time.monotonic() - began

    async def reopened(self) -> int:
        """Have the hosts whose connections have ended open their lambdas again."""
        cut = [one for one in [*self.hosts, self.silent] if one.ended.is_set()]
        for one in cut:
            await one.reopen(self.cluster.ws_url)
        return len(cut)

    async def all_answer(self) -> None:
        replies = await load(
            self.cluster.url, self.hosts, ({"n": -1 - n} for n in range(HOSTS)), 4, 10.0
        )
        assert Counter(reply.status for reply in replies) == {200: HOSTS}
        # and are not part of what is checked of the load
        for one in self.hosts:
            one.seen[:] = [body for body in one.seen if body["n"] >= 0]

    def waiting(self, count: int = 5) -> list[asyncio.Task[Reply]]:
        """Call the host that never answers."""
        callers = [Caller(self.cluster.url) for _ in range(count)]
        return [
            asyncio.create_task(one.call(self.silent.id, {"n": n}, WAIT_S))
            for n, one in enumerate(callers)
        ]

    async def told_in_time(self, waiting: list[asyncio.Task[Reply]]) -> float:
        """Check that callers were told of a deadline; return how long the last one waited."""
        replies = await asyncio.gather(*waiting)
        assert {(reply.status, reply.code) for reply in replies} == {(504, "deadline_exceeded")}
        assert len(self.silent.seen) == len(waiting), "a call was delivered twice, or not at all"
        slowest = max(reply.seconds for reply in replies)
        assert slowest <= WAIT_S + LATE_S
        return slowest

    def figures(self, record: Figures, failed: list[Reply]) -> None:
        record("failed", dict(Counter((reply.status, reply.code) for reply in failed)))
        record("slowest_s", max((reply.seconds for reply in failed), default=0))
        record("slowest_health_s", max(one.seconds for one in self.health))

    @property
    def living(self) -> set[str]:
        return {one.id for one in [*self.hosts, self.silent] if not one.ended.is_set()}

    @property
    def ids(self) -> set[str]:
        return {one.id for one in [*self.hosts, self.silent]}


async def silence(method: str, body: Any) -> Any:
    """Never answer."""
    await asyncio.Event().wait()


@asynccontextmanager
async def scene(cluster: Cluster) -> AsyncIterator[Scene]:
    await until(lambda: all(is_ready(url) for url in cluster.backends), "that all are ready")
    await until(lambda: cluster.listing() == {}, "an empty listing", TWO_PINGS_S)
    async with hosts(cluster.ws_url, HOSTS) as to, hosts(cluster.ws_url, 1, silence) as (silent,):
        one = Scene(cluster, to, silent, Load(cluster.url, to, CALLERS, WAIT_S, rest_s=0.05))
        watch = asyncio.create_task(watch_health(one))
        try:
            await one.calls.more(100)
            yield one
        finally:
            watch.cancel()
            await one.calls.stop()


async def watch_health(one: Scene) -> None:
    """Ask for both health pages of all, again and again."""
    urls = [one.cluster.url, *one.cluster.backends]
    while True:
        for url in urls:
            for page in ("healthz", "readyz"):
                one.health.append(await asyncio.to_thread(health, f"{url}/{page}", 5.0))
        await asyncio.sleep(0.1)  # paces the asking


def is_ready(url: str) -> bool:
    return health(f"{url}/readyz").status == 200


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Have a process stand still; the watchdog may end it meanwhile."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
