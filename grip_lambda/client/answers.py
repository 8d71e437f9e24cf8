"""All hosts of a service asked at once: a request out, answers in as they come."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Generator, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import httpx

from ..protocol.sse import CONTENT_TYPE, Event, Parser
from . import exchange
from .addresses import all_path
from .errors import LambdaError, ServerError, from_response
from .exchange import MARGIN_S, Failure, Pauses, Reply, Request, Terms, error_of, may_try_again
from .server import Server
from .stream_state import CUT, SILENCE_S
from .transport import failure_of, is_stream, options, reply_of


@dataclass(frozen=True)
class Answer:
    """What one host of a service answered.

    Attributes:
        id: its lambda.
        status: as of a call of it: 200 if it succeeded.
        error: how it failed, as `Client.call` would raise it; None if it did not.
    """

    id: str
    status: int
    error: LambdaError | None = None
    _value: Any = field(default=None, repr=False)

    @property
    def result(self) -> Any:
        """The result, decoded; raises ``error`` if the host failed."""
        if self.error is not None:
            raise self.error
        return self._value


class _End:
    """All hosts have answered, or the deadline has passed."""


class AnswersState:
    """One request over all its tries: no sockets and no clock here."""

    def __init__(self, request: Request, pauses: Pauses) -> None:
        self._request = request
        self._pauses = list(pauses)
        self._parser = Parser()

    @property
    def request(self) -> Request:
        """The request to make now."""
        self._parser = Parser()
        return self._request

    def feed(self, piece: bytes) -> Iterator[Answer | _End]:
        """Take a piece of the stream."""
        return map(_told, self._parser.feed(piece))

    def failed(self, outcome: Reply | Failure) -> float:
        """Take that no answers came; return the seconds to wait before the next try.

        Raises:
            LambdaError: there is none.
        """
        error = error_of(self._request, outcome)
        if not self._pauses or not may_try_again(self._request, outcome, error):
            raise error
        return self._pauses.pop(0)


def request(name: str, method: str, body: Any, wait_s: float) -> Request:
    """Return the request that asks all hosts; raises as `exchange.request`."""
    wanted = exchange.request("", method, body, Terms(wait_s))
    headers = {**wanted.headers, "Accept": CONTENT_TYPE}
    silent_s = max(SILENCE_S, wanted.timeout_s + MARGIN_S)
    return replace(wanted, path=all_path(name, method), headers=headers, timeout_s=silent_s)


def ask(http: httpx.Client, server: Server, state: AnswersState) -> Generator[Answer, None, None]:
    """Yield the answers; raises as `Service.all`."""
    while True:
        outcome: Reply | Failure = CUT
        try:
            with http.stream(**options(server, state.request)) as response:
                if is_stream(response):
                    for piece in response.iter_raw():
                        for one in state.feed(piece):
                            if isinstance(one, _End):
                                return
                            yield one
                else:
                    response.read()
                    outcome = reply_of(response)
        except httpx.HTTPError as error:
            outcome = failure_of(server, error)
        time.sleep(state.failed(outcome))


async def ask_async(
    http: httpx.AsyncClient, server: Server, state: AnswersState
) -> AsyncGenerator[Answer, None]:
    """As `ask`, in an event loop."""
    while True:
        outcome: Reply | Failure = CUT
        try:
            async with http.stream(**options(server, state.request)) as response:
                if is_stream(response):
                    async for piece in response.aiter_raw():
                        for one in state.feed(piece):
                            if isinstance(one, _End):
                                return
                            yield one
                else:
                    await response.aread()
                    outcome = reply_of(response)
        except httpx.HTTPError as error:
            outcome = failure_of(server, error)
        await asyncio.sleep(state.failed(outcome))


def _told(event: Event) -> Answer | _End:
    try:
        said = json.loads(event.data)
        if event.name == "end":
            return _End()
        if event.name == "answer":
            id, status = str(said["id"]), int(said["status"])
            if status == 200:
                return Answer(id, status, None, said["result"])
            shown = {name: said[name] for name in ("error", "code") if name in said}
            return Answer(id, status, from_response(status, json.dumps(shown).encode()))
        if event.name == "error":
            raise from_response(int(said["status"]), event.data)
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ServerError("the server's answer can't be read") from error
    raise ServerError(f"the server sent an event that is not known: {event.name[:50]}")
