"""``python -m trust.soak``: run mixed traffic for an hour, and tell whether anything grows.

Hosts come and go; callers make half of the calls that the server can answer. Memory, open files
and rows of the store are looked at again and again: in the second half of the time they must stay
as they are, and no call may fail but those to hosts that have just gone.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.stacks import memory_by_name
from tests.support.load import Caller, LoadHost, Reply, listed
from tests.support.stack import Stack, descendants

from .page import write

_TRANSPORTS = ("websocket",) * 8 + ("sse", "poll")
_CALLERS = 24
#: How long the calls are made without a rest, to learn how many the server can answer, in seconds.
_FULL_S = 10.0
#: How long a host stays on average, and how often the server is looked at, in seconds.
_STAY_S, _LOOK_S = 60.0, 10.0
#: What may grow by so much in the second half, and is flat all the same.
_NOISE = 0.05
#: How calls may end whose host has gone.
_GONE = {404, 502, 504}
_SETTINGS = {"GRIP_LAMBDA_MAX_OPENINGS_PER_CLIENT": "1000000"}


async def _answer(_: str, body: Any) -> Any:
    if body["after"]:
        await asyncio.sleep(body["after"])
    return body["n"]


@dataclass
class Soak:
    """Hosts that come and go, and their callers.

    Attributes:
        count: how many hosts are open.
        ended: how many calls ended in which way.
        rest_s: how long a caller rests after a call.
    """

    url: str
    count: int
    ended: Counter[str] = field(default_factory=Counter)
    rest_s: float = 0.0
    _hosts: list[LoadHost] = field(default_factory=list)
    _gone: set[str] = field(default_factory=set)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Open the hosts, and call them as long as the context lasts."""
        try:
            for n in range(self.count):
                self._hosts.append(await self._open(n))
            self._tasks = [asyncio.create_task(self._change())]
            self._tasks += [asyncio.create_task(self._call()) for _ in range(_CALLERS)]
            yield
            failed = [task for task in self._tasks if task.done()]
            if failed:
                await failed[0]
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*(one.close() for one in self._hosts), return_exceptions=True)

    async def _open(self, n: int) -> LoadHost:
        host = LoadHost(_answer, _TRANSPORTS[n % len(_TRANSPORTS)])
        await host.open(self.url.replace("http", "ws", 1))
        await listed(self.url, [host.id])
        return host

    async def _change(self) -> None:
        """Let one host after the other go, and open another in its place."""
        while True:
            await asyncio.sleep(random.expovariate(self.count / _STAY_S))
            n = random.randrange(self.count)
            gone, self._hosts[n] = self._hosts[n], await self._open(n)
            self._gone.add(gone.id)
            await gone.close()

    async def _call(self) -> None:
        caller = Caller(self.url)
        while True:
            to = random.choice(self._hosts)
            after = 1.5 if random.random() < 0.01 else 0.0
            body = {"n": random.getrandbits(32), "after": after}
            reply = await caller.call(to.id, body, 10.0)
            self.ended[self._end(reply)] += 1
            await asyncio.sleep(self.rest_s)

    def _end(self, reply: Reply) -> str:
        if reply.status == 200:
            return "answered" if reply.json() == reply.body["n"] else "wrong"
        if reply.status in _GONE and reply.host in self._gone:
            return "host has gone"
        return f"{reply.status} {reply.code}"


def look(stack: Stack) -> dict[str, float]:
    """Return what the server takes: memory in MB, open files, and rows of the store."""
    pids = [stack.pid, *descendants(stack.pid)]
    found = {
        f"memory of {name}, MB": used / 1e6
        for name, used in memory_by_name((stack.pid,)).items()
        if used > 1e6
    }
    found["open files"] = sum(map(_files, pids))
    with contextlib.closing(
        sqlite3.connect(f"file:{stack.data / 'grip-lambda.db'}?mode=ro", uri=True)
    ) as store:
        tables = store.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in tables:
            ((rows,),) = store.execute(f'SELECT count(*) FROM "{table}"').fetchall()
            if rows >= 10:
                found[f"rows of {table}"] = rows
    return found


def _files(pid: int) -> int:
    with contextlib.suppress(OSError):
        return len(list(Path(f"/proc/{pid}/fd").iterdir()))
    return 0


def growth(looks: Sequence[dict[str, float]], name: str) -> tuple[float, float]:
    """Return what a figure was in the third quarter of the time, and in the fourth."""
    values = [one.get(name, 0.0) for one in looks]
    half, last = len(values) // 2, len(values) * 3 // 4
    return statistics.median(values[half:last]), statistics.median(values[last:])


def report(looks: Sequence[dict[str, float]], ended: Counter[str]) -> tuple[str, bool]:
    """Return a table in Markdown, and whether all is as it should be."""
    names = sorted({name for one in looks for name in one})
    lines = ["| what | third quarter | fourth quarter | growth |", "| --- | --- | --- | --- |"]
    is_flat = True
    for name in names:
        before, after = growth(looks, name)
        if max(before, after) < 1:
            continue
        grown = after / before - 1 if before else 1.0
        is_flat &= grown <= _NOISE
        lines.append(f"| {name} | {before:,.0f} | {after:,.0f} | {grown:+.1%} |")
    told = ", ".join(f"{name}: {count:,}" for name, count in ended.most_common())
    lines += ["", f"Calls: {told}.", ""]
    return "\n".join(lines), is_flat and not set(ended) - {"answered", "host has gone"}


async def run(stack: Stack, count: int, minutes: float) -> tuple[str, bool]:
    """Run the traffic, and return what `report` does."""
    soak, looks = Soak(stack.url, count), []
    async with soak.running():
        await asyncio.sleep(_FULL_S)
        rate = soak.ended.total() / _FULL_S
        soak.rest_s = _CALLERS / rate
        soak.ended.clear()
        began = time.monotonic()
        print(f"{rate:.0f} calls/s at most; half of that from now on", file=sys.stderr, flush=True)
        while time.monotonic() - began < minutes * 60:
            await asyncio.sleep(_LOOK_S)
            looks.append(await asyncio.to_thread(look, stack))
            shown = json.dumps({name: round(value) for name, value in looks[-1].items()})
            print(f"{time.monotonic() - began:.0f} s {shown}", file=sys.stderr, flush=True)
    return report(looks, soak.ended)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m trust.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0, help="how long (default: 60)")
    parser.add_argument("--hosts", type=int, default=500, help="open at a time (default: 500)")
    parser.add_argument("--write", action="store_true", help="write the table into docs/trust.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="trust-") as folder:
        stack = Stack(Path(folder), **_SETTINGS)
        try:
            table, is_well = asyncio.run(run(stack, options.hosts, options.minutes))
        finally:
            stack.stop()
    print(table)
    if options.write:
        write("soak", table)
    sys.exit(not is_well)


if __name__ == "__main__":
    main()
