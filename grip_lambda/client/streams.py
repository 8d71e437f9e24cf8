"""Streamed calls, with calls that block and with calls that are awaited."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from types import TracebackType
from typing import Any, Self

import httpx

from .server import Server
from .stream_state import CUT, Done, Failed, StreamState
from .transport import failure_of, is_stream, options, reply_of

_UNFINISHED = "the call has not ended; read the stream first"


class Stream:
    """A streamed call: iterate over what the host reports, then take the `result`.

    Usage::

        with client.stream(lambda_id, "count", 10) as stream:
            for value in stream:
                print(value)
            print(stream.result)

    Iterating raises what `Client.call` raises. Who leaves the ``with`` statement before the end
    cancels the call, some seconds later.
    """

    def __init__(self, http: httpx.Client, server: Server, state: StreamState) -> None:
        self._http, self._server, self._state = http, server, state
        self._events = self._read()
        self._done: Done | None = None

    @property
    def result(self) -> Any:
        """The result; what is reported before it, and was not read yet, is passed over."""
        for _ in self._events:
            pass
        if self._done is None:
            raise RuntimeError(_UNFINISHED)
        return self._done.value

    def close(self) -> None:
        """Read no more."""
        self._events.close()

    def __iter__(self) -> Iterator[Any]:
        return self._events

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _read(self) -> Generator[Any, None, None]:
        while True:
            try:
                with self._http.stream(**options(self._server, self._state.request())) as response:
                    if not is_stream(response):
                        response.read()
                        time.sleep(self._state.refused(reply_of(response)))
                        continue
                    for piece in response.iter_raw():
                        for event in self._state.feed(piece):
                            if isinstance(event, Done):
                                self._done = event
                                return
                            if isinstance(event, Failed):
                                raise event.error
                            yield event.value
                lost = CUT
            except httpx.HTTPError as error:
                lost = failure_of(self._server, error)
            time.sleep(self._state.lost(lost))


class AsyncStream:
    """A streamed call; as `Stream`, with ``async for`` and ``await stream.result()``."""

    def __init__(self, http: httpx.AsyncClient, server: Server, state: StreamState) -> None:
        self._http, self._server, self._state = http, server, state
        self._events = self._read()
        self._done: Done | None = None

    async def result(self) -> Any:
        """Return the result; what was not read yet is passed over."""
        async for _ in self._events:
            pass
        if self._done is None:
            raise RuntimeError(_UNFINISHED)
        return self._done.value

    async def close(self) -> None:
        """Read no more."""
        await self._events.aclose()

    def __aiter__(self) -> AsyncIterator[Any]:
        return self._events

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def _read(self) -> AsyncGenerator[Any, None]:
        while True:
            try:
                wanted = options(self._server, self._state.request())
                async with self._http.stream(**wanted) as response:
                    if not is_stream(response):
                        await response.aread()
                        await asyncio.sleep(self._state.refused(reply_of(response)))
                        continue
                    async for piece in response.aiter_raw():
                        for event in self._state.feed(piece):
                            if isinstance(event, Done):
                                self._done = event
                                return
                            if isinstance(event, Failed):
                                raise event.error
                            yield event.value
                lost = CUT
            except httpx.HTTPError as error:
                lost = failure_of(self._server, error)
            await asyncio.sleep(self._state.lost(lost))
