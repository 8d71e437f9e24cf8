"""Thousands of hosts, and callers, in one lean asyncio process.

``python -m bench.swarm PORT,PORT,…`` reads lines of JSON and answers each: ``{"open": N}`` opens
hosts until there are N, spread evenly over the ports, and tells how many of them have lost their
connection; ``{"calls", "callers", "lambdas"}`` measures as bench.load does, to so many of the
hosts that are left, or with ``"service"`` to those of that name, of which it then tells how many
calls each has had. With ``"service"``, ``"open"`` opens hosts of that name until it has so many.
The process ends with its input.
"""

from __future__ import annotations

import asyncio
import random
import struct
import sys
import time
from functools import partial
from typing import Any, TypedDict

import orjson

from . import load

#: Openings under way at each port. Pushpin answers 502 to more than a hundred that come at once.
_OPENING = 32
_TRIES = 8
_OPEN_S = 30.0
_HANDSHAKE = (
    b"GET /lambda/new%b HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
_TEXT, _CLOSE, _PING, _PONG = 0x1, 0x8, 0x9, 0xA


class Opened(TypedDict):
    """How the opening went: the hosts that are open, how many were lost, the tries it took more."""

    hosts: int
    lost: int
    again: int
    seconds: float
    cpu: float


class Host(asyncio.Protocol):
    """A host on a bare WebSocket, which answers each call with what it was sent."""

    def __init__(self, service: str = "") -> None:
        self.id = b""
        self.service = service
        self.calls = 0
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._upgraded = False
        self.ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(_HANDSHAKE % (f"?service={self.service}" if self.service else "").encode())

    def connection_lost(self, error: Exception | None) -> None:
        self.ended = True
        if not self.opened.done():
            self.opened.set_exception(error or ConnectionError("the connection ended"))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._upgraded:
            head, end, rest = self._buffer.partition(b"\r\n\r\n")
            if not end:
                return
            if head[9:12] != b"101":
                self.close()
                return
            self._upgraded, self._buffer = True, rest
        while (frame := self._next_frame()) is not None:
            self._on_frame(*frame)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def _next_frame(self) -> tuple[int, bytes] | None:
        """Take a frame off the buffer: what Pushpin sends is neither masked nor in fragments."""
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        size, start = buffer[1] & 0x7F, 2
        if size > 125:
            start = 4 if size == 126 else 10
            if len(buffer) < start:
                return None
            size = int.from_bytes(buffer[2:start], "big")
        if len(buffer) < start + size:
            return None
        self._buffer = buffer[start + size :]
        return buffer[0] & 0xF, buffer[start : start + size]

    def _on_frame(self, kind: int, content: bytes) -> None:
        if kind == _PING:
            self._send(_PONG, content)
        elif kind == _CLOSE:
            self.close()
        elif kind == _TEXT:
            message = orjson.loads(content)
            if message["id"] != 0:
                self.calls += 1
                answer = {"id": message["id"], "result": message["params"][0]}
                self._send(_TEXT, orjson.dumps(answer))
                return
            self.id = message["params"][0].encode()
            self._send(_TEXT, b'{"id":0,"result":"ok"}')
            if not self.opened.done():
                self.opened.set_result(None)

    def _send(self, kind: int, content: bytes) -> None:
        """Send a frame, masked with zeros, which change nothing."""
        assert self._transport is not None
        size = len(content)
        head = struct.pack(">BB", 0x80 | kind, 0x80 | size)
        if size > 125:
            head = struct.pack(">BBH", 0x80 | kind, 0x80 | 126, size)
        self._transport.write(head + b"\0\0\0\0" + content)


class Swarm:
    """The hosts of this process."""

    def __init__(self, ports: list[int]) -> None:
        self._ports = ports
        self._hosts: list[Host] = []
        self._gates = [asyncio.Semaphore(_OPENING) for _ in ports]
        self._again = 0

    async def open(self, count: int, service: str = "") -> Opened:
        """Open hosts until there are so many, of a service or in all."""
        begun, cpu, self._again = time.perf_counter(), time.process_time(), 0
        wanted = range(len(self._of(service)), count)
        # One after the other through the ports, so that any run of hosts is spread evenly.
        self._hosts += await asyncio.gather(
            *(self._open(n % len(self._ports), service) for n in wanted)
        )
        hosts = self._of(service)
        return Opened(
            hosts=len(hosts),
            lost=sum(host.ended for host in hosts),
            again=self._again,
            seconds=time.perf_counter() - begun,
            cpu=time.process_time() - cpu,
        )

    def _of(self, service: str) -> list[Host]:
        return [host for host in self._hosts if not service or host.service == service]

    async def _open(self, number: int, service: str) -> Host:
        loop = asyncio.get_running_loop()
        for attempt in range(_TRIES):
            async with self._gates[number]:
                _, host = await loop.create_connection(
                    partial(Host, service), "127.0.0.1", self._ports[number]
                )
                try:
                    async with asyncio.timeout(_OPEN_S):
                        await host.opened
                    return host
                except (OSError, TimeoutError):
                    host.close()
                    self._again += 1
            await asyncio.sleep(random.uniform(0.1, 0.5) * 2**attempt)
        raise SystemExit(f"port {self._ports[number]} opens no lambda")

    async def measure(self, lambdas: int, callers: int, calls: int) -> load.Measured:
        """Make calls to so many of the hosts, from callers spread over the ports."""
        called = [host.id for host in self._hosts[:lambdas] if not host.ended]
        if lambdas > callers:
            random.shuffle(called)
        return await load.measure(self._ports, called, callers, calls)

    async def measure_service(self, service: str, callers: int, calls: int) -> dict[str, Any]:
        """Make calls to a service; tell also how many of them each of its hosts has had."""
        hosts = self._of(service)
        before = [host.calls for host in hosts]
        callee = f"service/{service}".encode()
        measured = await load.measure(self._ports, [callee], callers, calls)
        had = [host.calls - count for host, count in zip(hosts, before, strict=True)]
        return {**measured, "had": had}


async def main(ports: list[int]) -> None:
    """Do what is asked for."""
    swarm = Swarm(ports)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        wanted: dict[str, Any] = orjson.loads(line)
        service = wanted.get("service", "")
        answer: Opened | load.Measured | dict[str, Any]
        if "open" in wanted:
            answer = await swarm.open(wanted["open"], service)
        elif service:
            answer = await swarm.measure_service(service, wanted["callers"], wanted["calls"])
        else:
            answer = await swarm.measure(wanted["lambdas"], wanted["callers"], wanted["calls"])
        print(orjson.dumps(answer).decode(), flush=True)


if __name__ == "__main__":
    asyncio.run(main([int(port) for port in sys.argv[1].split(",")]))
