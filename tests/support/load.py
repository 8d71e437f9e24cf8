"""Many hosts and callers in one process: asyncio, and HTTP/1.1 without a library between."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from grip_lambda.client import AsyncClient
from tests.support.links import LINKS, HttpConnection, Link

#: Answers a call: the method and the body in, the result out, at once or later.
Answering = Callable[[str, Any], Awaitable[Any]]


@dataclass(frozen=True)
class Reply:
    """What a caller got.

    Attributes:
        body: the body that it had sent.
        status: the HTTP status; 0 where the connection ended instead.
        content: the response's body.
        seconds: how long it took.
        host: the id of the lambda that it called.
    """

    body: Any
    status: int
    content: bytes
    seconds: float
    host: str

    def json(self) -> Any:
        return json.loads(self.content)

    @property
    def code(self) -> str:
        """The word for what went wrong; empty where there is none."""
        try:
            return str(self.json()["code"])
        except (ValueError, TypeError, KeyError):
            return ""


async def echo(method: str, body: Any) -> Any:
    """Answer at once, with what was sent."""
    return {"method": method, "body": body}


@dataclass
class LoadHost:
    """A lambda in this event loop.

    Attributes:
        seen: the bodies of its calls, in the order in which they came.
        ended: set when its connection has ended.
    """

    answering: Answering = echo
    transport: str = "websocket"
    id: str = ""
    token: str = ""
    recovered: bool = False
    seen: list[Any] = field(default_factory=list)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    _link: Link | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def open(self, ws_url: str, path: str = "/lambda/new") -> None:
        """Open it, and acknowledge."""
        self._link = LINKS[self.transport](ws_url.replace("ws://", "http://"))
        messages = self._link.messages(path)
        await self._opened(self._link, json.loads(await anext(messages)))
        self._start(self._run(self._link, messages))

    async def _opened(self, link: Link, message: dict[str, Any]) -> None:
        self.id, details = message["params"]
        self.token, self.recovered = details["token"], details["recovered"]
        link.address = f"/lambda/new/{self.id}?token={self.token}"
        await link.send('{"id":0,"result":"ok"}')

    async def reopen(self, ws_url: str) -> None:
        """Open it again after its connection has ended."""
        former = self.id
        self.ended.clear()
        await self.open(ws_url, f"/lambda/new/{former}?token={self.token}")
        assert self.id == former

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        if self._link is not None:
            await self._link.close()

    def _start(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, link: Link, messages: AsyncIterator[str]) -> None:
        async for text in messages:
            message = json.loads(text)
            if message.get("id") == 0:  # the server has forgotten it, and it came back by itself
                await self._opened(link, message)
                continue
            self.seen.append(message["params"][0])
            if self.answering is echo and self.transport == "websocket":
                await self._answer(link, message)
            else:
                self._start(self._answer(link, message))
        self.ended.set()

    async def _answer(self, link: Link, message: dict[str, Any]) -> None:
        result = await self.answering(message["method"], message["params"][0])
        await link.send(json.dumps({"id": message["id"], "result": result}))


@contextlib.asynccontextmanager
async def hosts(
    ws_url: str,
    count: int,
    answering: Answering = echo,
    apart_s: float = 0.005,
    transport: str = "websocket",
) -> AsyncIterator[list[LoadHost]]:
    """Open lambdas, some milliseconds apart, and wait until they can be called."""
    opened = [LoadHost(answering, transport) for _ in range(count)]
    try:
        openings = []
        for one in opened:
            openings.append(asyncio.create_task(one.open(ws_url)))
            await asyncio.sleep(apart_s)  # paces the load
        await asyncio.gather(*openings)
        await listed(ws_url.replace("ws://", "http://"), [one.id for one in opened])
        yield opened
    finally:
        await asyncio.gather(*(one.close() for one in opened))


async def listed(url: str, ids: Iterable[str], timeout_s: float = 10.0) -> None:
    """Wait until all these lambdas are listed."""
    wanted = set(ids)
    caller = Caller(url)
    until = time.monotonic() + timeout_s
    while True:
        status, content = await caller.request("GET", "/lambda")
        missing = wanted - set(json.loads(content)) if status == 200 else wanted
        if not missing:
            break
        assert time.monotonic() < until, f"not listed: {sorted(missing)[:5]} ({len(missing)})"
        await asyncio.sleep(0.02)
    caller.close()


class Caller(HttpConnection):
    """One keep-alive connection; a request at a time."""

    async def call(self, lambda_id: str, body: Any, wait_s: float = 30.0) -> Reply:
        """Call a lambda; a connection that ends instead of an answer is status 0."""
        began = time.perf_counter()
        try:
            status, content = await self.request(
                "POST", f"/lambda/{lambda_id}/test", json.dumps(body).encode(), wait_s
            )
        except (OSError, EOFError) as error:
            self.close()
            status, content = 0, repr(error).encode()
        return Reply(body, status, content, time.perf_counter() - began, lambda_id)


async def load(
    url: str,
    to: Sequence[LoadHost],
    bodies: Iterable[Any],
    at_once: int,
    wait_s: float = 30.0,
    until: Callable[[], bool] = lambda: False,
    rest_s: float = 0.0,
) -> list[Reply]:
    """Send each body to one host after the other, ``at_once`` at a time, until all are answered.

    Args:
        until: ends the load earlier.
        rest_s: how long a caller rests after each call.
    """
    replies: list[Reply] = []
    queue = iter(enumerate(bodies))

    async def work() -> None:
        caller = Caller(url)
        for n, body in queue:
            replies.append(await caller.call(to[n % len(to)].id, body, wait_s))
            if until():
                break
            if rest_s:
                await asyncio.sleep(rest_s)
        caller.close()

    await asyncio.gather(*(work() for _ in range(at_once)))
    return replies


async def gaps(client: AsyncClient, lambda_id: str, method: str) -> list[float]:
    """Make a streamed call, and return how long each piece took after the one before it."""
    found, last = [], time.monotonic()
    async with client.stream(lambda_id, method) as stream:
        async for _ in stream:
            found.append(time.monotonic() - last)
            last = time.monotonic()
    return found
