"""Mixed traffic that is written down: hosts on every transport, calls that are prompt or held."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import random
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.support.links import HttpConnection
from tests.support.load import LoadHost, listed

from .history import Answered, Asked, Delivered, History, Told

#: How long hosts take, in seconds: most answer at once; some so late that a Pushpin holds the call.
_LASTING = (0.0, 0.0, 0.0, 0.0, 0.05, 0.4, 1.5)
#: How long callers wait, in seconds.
_WAIT_S = 5.0
#: How long a host waits before it comes back, and a caller after a failure, in seconds.
_AGAIN_S = 0.1
#: Each so many calls one has an Idempotency-Key, and is made again until it has an end.
_IDEMPOTENT = 4
#: How often it is.
_TIMES = 20


@dataclass
class Traffic:
    """Hosts and callers that go on until told to stop.

    Attributes:
        history: what has happened.
    """

    url: str
    transports: Sequence[str] = ("websocket",) * 4 + ("sse",) * 2 + ("poll",) * 2
    callers: int = 12
    history: History = field(default_factory=History)
    _hosts: list[LoadHost] = field(default_factory=list)
    _keepers: list[asyncio.Task[None]] = field(default_factory=list)
    _callers: list[asyncio.Task[None]] = field(default_factory=list)
    _stopping: bool = False

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Open the hosts and call them, as long as the context lasts; then wait for all ends."""
        ws_url = self.url.replace("http", "ws", 1)
        try:
            for transport in self.transports:
                host = LoadHost(transport=transport)
                host.answering = self._answering(host)
                await host.open(ws_url)
                self._hosts.append(host)
            await listed(self.url, [one.id for one in self._hosts])
            self._keepers = [asyncio.create_task(_keep(one, ws_url)) for one in self._hosts]
            numbers = itertools.count()
            self._callers = [asyncio.create_task(self._call(numbers)) for _ in range(self.callers)]
            yield
            self._stopping = True
            await asyncio.gather(*self._callers)
        finally:
            for task in [*self._callers, *self._keepers]:
                task.cancel()
            for one in self._hosts:
                with contextlib.suppress(Exception):
                    await one.close()

    def _answering(self, host: LoadHost) -> Any:
        async def answer(_: str, body: Any) -> Any:
            self.history.add(Delivered(body["n"], host.id, time.monotonic()))
            await asyncio.sleep(body["after"])
            value = {"n": body["n"], "by": host.id}
            self.history.add(Answered(body["n"], host.id, value, time.monotonic()))
            return value

        return answer

    async def _call(self, numbers: itertools.count[int]) -> None:
        connection = HttpConnection(self.url)
        while not self._stopping:
            call, host = next(numbers), random.choice(self._hosts)
            key = {"Idempotency-Key": f"call-{call}"} if call % _IDEMPOTENT == 0 else {}
            body = json.dumps({"n": call, "after": random.choice(_LASTING)}).encode()
            for _ in range(_TIMES if key else 1):
                self.history.add(Asked(call, host.id, time.monotonic(), _WAIT_S))
                told = await self._told(connection, call, host.id, body, key)
                self.history.add(told)
                if told.status in (200, 504):
                    break
                await asyncio.sleep(_AGAIN_S)
        connection.close()

    async def _told(
        self, connection: HttpConnection, call: int, host: str, body: bytes, key: dict[str, str]
    ) -> Told:
        try:
            async with asyncio.timeout(_WAIT_S + 10):
                status, content = await connection.request(
                    "POST", f"/lambda/{host}/test", body, _WAIT_S, key
                )
        except (OSError, EOFError, TimeoutError) as error:
            connection.close()
            return Told(call, 0, type(error).__name__, None, time.monotonic())
        try:
            value = json.loads(content)
        except ValueError:
            value = content.decode(errors="replace")
        is_error = status != 200 and isinstance(value, dict)
        return Told(
            call, status, value.get("code", "") if is_error else "", value, time.monotonic()
        )


async def _keep(host: LoadHost, ws_url: str) -> None:
    """Open a host on WebSocket again, with its address, each time that it has lost it."""
    while True:
        await host.ended.wait()
        while True:
            await asyncio.sleep(_AGAIN_S)
            with contextlib.suppress(Exception):
                async with asyncio.timeout(5):
                    await host.reopen(ws_url)
                break
