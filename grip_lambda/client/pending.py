"""Calls that were submitted: their results, asked for whenever that suits."""

from __future__ import annotations

import time
from typing import Any, Protocol, TypeVar

from . import exchange
from .exchange import Flow, Pauses

T = TypeVar("T")

#: How long one request waits for a result, in seconds; then there is another.
_POLL_S = 30.0


class _Client(Protocol):
    def pauses(self) -> Pauses: ...

    def run(self, flow: Flow[T]) -> T: ...


class _AsyncClient(Protocol):
    def pauses(self) -> Pauses: ...

    async def run(self, flow: Flow[T]) -> T: ...


class _Deadline:
    """How long the next request may wait."""

    def __init__(self, timeout: float | None) -> None:
        self._timeout = timeout
        self._end = None if timeout is None else time.monotonic() + timeout

    def next_wait(self) -> float:
        """Return seconds, and 0 at the end."""
        if self._end is None:
            return _POLL_S
        return max(0.0, min(_POLL_S, self._end - time.monotonic()))

    def error(self) -> TimeoutError:
        return TimeoutError(f"the call has not ended within {self._timeout:g} s")


class PendingCall:
    """A call that was submitted.

    Attributes:
        id: what it is asked for with; who knows it can read the result.
    """

    def __init__(self, client: _Client, call_id: str) -> None:
        self._client = client
        self.id = call_id

    def done(self) -> bool:
        """Tell whether it has ended, with a result or an error.

        Raises:
            NotFound: it is not known, or ended more than ten minutes ago.
        """
        return self._client.run(exchange.has_ended(self.id, self._client.pauses()))

    def result(self, timeout: float | None = None) -> Any:
        """Wait for the result and return it, decoded.

        Args:
            timeout: how long to wait in seconds; None until the call ends, at its deadline at
                the latest.

        Raises:
            TimeoutError: it has not ended by then; it goes on.
            NotFound: it is not known, or ended more than ten minutes ago.
            Cancelled: it was cancelled.
            LambdaError: it ended with an error, as `Client.call` raises it.
        """
        deadline = _Deadline(timeout)
        while True:
            wait_s = deadline.next_wait()
            has_ended, value = self._ask(wait_s)
            if has_ended:
                return value
            if not wait_s:
                raise deadline.error()

    def cancel(self) -> None:
        """End it; its host is told, and its result is not kept.

        Raises:
            NotFound: it is not known, or ended more than ten minutes ago.
        """
        self._client.run(exchange.cancel(self.id, self._client.pauses()))

    def _ask(self, wait_s: float) -> tuple[bool, Any]:
        return self._client.run(exchange.result(self.id, wait_s, self._client.pauses()))


class AsyncPendingCall:
    """A call that was submitted; its methods are those of `PendingCall`, to be awaited."""

    def __init__(self, client: _AsyncClient, call_id: str) -> None:
        self._client = client
        self.id = call_id

    async def done(self) -> bool:
        """Tell whether it has ended."""
        return await self._client.run(exchange.has_ended(self.id, self._client.pauses()))

    async def result(self, timeout: float | None = None) -> Any:
        """Wait for the result and return it, decoded."""
        deadline = _Deadline(timeout)
        while True:
            wait_s = deadline.next_wait()
            has_ended, value = await self._ask(wait_s)
            if has_ended:
                return value
            if not wait_s:
                raise deadline.error()

    async def cancel(self) -> None:
        """End it; its host is told, and its result is not kept."""
        await self._client.run(exchange.cancel(self.id, self._client.pauses()))

    async def _ask(self, wait_s: float) -> tuple[bool, Any]:
        flow = exchange.result(self.id, wait_s, self._client.pauses())
        return await self._client.run(flow)
