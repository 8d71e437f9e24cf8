"""The load: hosts and callers in one lean asyncio process.

``python -m bench.load PORT HOSTS`` opens the hosts, then reads lines of JSON, ``{"callers",
"calls"}``, and answers each with what it measured. It ends with its input.
"""

from __future__ import annotations

import asyncio
import math
import sys
import time
from collections.abc import Sequence
from itertools import count
from typing import Any, TypedDict

import orjson
from websockets.asyncio.client import ClientConnection, connect

#: A round that takes longer has lost an answer.
_ROUND_S = 120.0


class Measured(TypedDict):
    """One round: calls per second, milliseconds, and what went wrong."""

    rate: float
    p50: float
    p99: float
    max: float
    cpu: float
    failed: int
    failure: str


class Caller(asyncio.Protocol):
    """One connection of a caller: HTTP/1.1, kept alive, one call at a time."""

    def __init__(self) -> None:
        self._buffer = b""
        self._answer: asyncio.Future[tuple[bytes, bytes]] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, end, body = self._buffer.partition(b"\r\n\r\n")
        if not end or self._answer is None:
            return
        length = head.lower().partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0]
        whole = body if length and len(body) == int(length) else None
        if not length and body.endswith(b"0\r\n\r\n"):  # in chunks, here one of them
            whole = body.partition(b"\r\n")[2].partition(b"\r\n")[0]
        if whole is not None:
            self._buffer = b""
            self._answer.set_result((head[9:12], whole))

    def connection_lost(self, error: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error or ConnectionError("the connection ended"))

    async def call(self, callee: bytes, body: bytes) -> tuple[bytes, bytes]:
        """Return the status and the body of the answer of a lambda, or of ``service/<name>``."""
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(
            b"POST /%b/echo HTTP/1.1\r\nHost: bench\r\nContent-Length: %d\r\n\r\n%b"
            % (callee if b"/" in callee else b"lambda/" + callee, len(body), body)
        )
        return await self._answer

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


async def open_host(port: int, tasks: set[asyncio.Task[None]]) -> bytes:
    """Open a lambda that answers with what it was sent; return its id."""
    socket = await connect(
        f"ws://127.0.0.1:{port}/lambda/new", compression=None, ping_interval=None
    )
    lambda_id: str = orjson.loads(await socket.recv())["params"][0]
    await socket.send('{"id":0,"result":"ok"}')
    tasks.add(asyncio.create_task(_answer(socket)))
    return lambda_id.encode()


async def _answer(socket: ClientConnection) -> None:
    async for text in socket:
        message = orjson.loads(text)
        answer = {"id": message["id"], "result": message["params"][0]}
        await socket.send(orjson.dumps(answer), text=True)


async def measure(
    ports: Sequence[int], lambdas: Sequence[bytes], callers: int, calls: int
) -> Measured:
    """Make calls, from all callers at once, and see that each gets its own answer.

    Args:
        ports: where the callers connect, one after the other.
        lambdas: whom they call, one after the other.
        callers: how many there are.
        calls: how many they make together.
    """
    loop = asyncio.get_running_loop()
    latencies: list[float] = []
    failures: list[str] = []
    serial = count()

    async def run(caller: Caller) -> None:
        while (number := next(serial)) < calls:
            body = b'{"call":%d,"of":%d}' % (number, calls)
            begun = time.perf_counter()
            status, answer = await caller.call(lambdas[number % len(lambdas)], body)
            latencies.append(time.perf_counter() - begun)
            if (status, answer) != (b"200", body):
                failures.append(f"{status!r}: {answer!r} for {body!r}")

    made = [
        await loop.create_connection(Caller, "127.0.0.1", ports[n % len(ports)])
        for n in range(callers)
    ]
    cpu = time.process_time()
    begun = time.perf_counter()
    async with asyncio.timeout(_ROUND_S):
        ended = await asyncio.gather(*(run(caller) for _, caller in made), return_exceptions=True)
    seconds = time.perf_counter() - begun
    cpu = time.process_time() - cpu
    failures += [repr(error) for error in ended if error is not None]
    for _, caller in made:
        caller.close()
    latencies.sort()
    return Measured(
        rate=len(latencies) / seconds,
        p50=percentile(latencies, 0.5),
        p99=percentile(latencies, 0.99),
        max=percentile(latencies, 1.0),
        cpu=cpu * 1000 / max(1, len(latencies)),
        failed=len(failures),
        failure=failures[0] if failures else "",
    )


def percentile(ordered: list[float], part: float) -> float:
    """Return a percentile of seconds that are in order, in milliseconds."""
    return ordered[math.ceil(part * len(ordered)) - 1] * 1000 if ordered else math.nan


async def main(port: int, hosts: int) -> None:
    """Open the hosts, then measure what is asked for."""
    tasks: set[asyncio.Task[None]] = set()
    lambdas = [await open_host(port, tasks) for _ in range(hosts)]
    await asyncio.sleep(0.5)  # the last one's acknowledgement is on its way
    print(orjson.dumps({"hosts": len(lambdas)}).decode(), flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        wanted: dict[str, Any] = orjson.loads(line)
        measured = await measure([port], lambdas, wanted["callers"], wanted["calls"])
        print(orjson.dumps(measured).decode(), flush=True)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
