"""What a host does: messages and events in, actions out.

Nothing here knows sockets, threads, asyncio or the clock. Whoever has those calls one method
for what has happened, and does what it returns, in order.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from . import messages
from .addresses import opening_path
from .backoff import Backoff
from .errors import LambdaError
from .loss import Loss, lasting_error, loss_reason
from .messages import Failure, Message, Outcome
from .writing import Default

DEFAULT_MESSAGE_BYTES = 100_000
#: How long the server may be silent while a lambda is being opened, in seconds.
OPENING_S = 10.0


@dataclass(frozen=True)
class Send:
    """Send a text message."""

    text: str


@dataclass(frozen=True)
class Post:
    """Send a text by HTTP that is too long for a message, to the connection's path.

    Tell how that went with ``posted(key, …)``.
    """

    text: str
    key: int


@dataclass(frozen=True)
class Invoke:
    """Run a method, and tell of its end with ``finished(key, …)``."""

    key: int
    method: str
    params: list[Any]


@dataclass(frozen=True)
class Cancel:
    """Nobody waits for a method any more; ``finished`` is told nevertheless."""

    key: int


@dataclass(frozen=True)
class Up:
    """The lambda is open and can be called."""


@dataclass(frozen=True)
class Down:
    """It is not any more."""

    reason: str


@dataclass(frozen=True)
class Close:
    """Close the connection."""


@dataclass(frozen=True)
class Retry:
    """Connect again after so many seconds."""

    after_s: float
    reason: str


@dataclass(frozen=True)
class End:
    """It is over; because of an error, or because ``stop`` was told."""

    error: LambdaError | None


Action = Send | Post | Invoke | Cancel | Up | Down | Close | Retry | End


class Session:
    """A host's lambda over all its connections.

    Args:
        max_calls: how many calls run at once; None for any number.
        lambda_id: the id to open; empty for a new one.
        token: what reopens it, if it may be open.
        private: whether it is to be callable with an API key only.
        services: the names that it shares with other hosts.
        context: whether to ask for the context of each call.
        default: writes what a function returned, where nothing else does.
    """

    def __init__(
        self,
        max_calls: int | None = None,
        lambda_id: str = "",
        token: str = "",
        backoff: Backoff | None = None,
        *,
        private: bool = False,
        services: Sequence[str] = (),
        context: bool = False,
        default: Default | None = None,
    ) -> None:
        self.id = lambda_id
        self.token = token
        self._private = private
        self._services = tuple(services)
        self.context = context
        self.is_up = False
        #: The names to tell the server; None for any.
        self.methods: tuple[str, ...] | None = None
        #: After so many seconds in which nothing came, not even a ping, the connection is dead.
        self.silence_s = OPENING_S
        self.max_calls = max_calls
        self._default = default
        self._backoff = backoff or Backoff()
        self._connected = self._was_up = self._stopping = self._ended = False
        self._limit = DEFAULT_MESSAGE_BYTES
        self._result_limit = 0
        self._ping_s: float | None = None
        self._next_key = 0
        self._running: set[int] = set()
        self._calls: dict[int, Any] = {}  # of this connection only
        self._posting: dict[int, Any] = {}
        self._waiting: deque[tuple[int, Message]] = deque()

    @property
    def path(self) -> str:
        """The path and query to connect to."""
        return opening_path(self.id, self.token, private=self._private, services=self._services)

    def received(self, data: str | bytes) -> list[Action]:
        """Take a message of the server. What it should not have sent is passed over."""
        message = messages.parse(data)
        if message is None or self._ended:
            return []
        if message.method is None:
            ready = message.id == messages.READY_ID and self._connected
            return self._up() if ready else []
        if message.id is None:
            return self._cancel(message) if message.method == messages.CANCEL else []
        if message.method == "open" and message.id == messages.OPEN_ID:
            return self._open(message)
        return [*self._up(), *self._call(message)] if self._connected else []

    def progressed(self, key: int, value: Any) -> list[Action]:
        """Take what a method reports; its caller may have gone.

        Raises:
            ValueError: it can't be sent.
        """
        if key not in self._calls:
            return []
        return [Send(messages.progress(self._calls[key], value, self._limit, self._default))]

    def finished(self, key: int, outcome: Outcome) -> list[Action]:
        """Take the end of a method."""
        actions: list[Action] = []
        self._running.discard(key)
        if key in self._calls:
            most = max(self._limit, self._result_limit)
            call_id = self._calls.pop(key)
            text = messages.answer(call_id, outcome, most, self._default)
            if self._limit < len(text.encode()) <= self._result_limit:
                self._posting[key] = call_id
                actions.append(Post(text, key))
            else:
                actions.append(Send(text))
        actions += self._begin()
        return actions + (self._close() if self._stopping else [])

    def posted(self, key: int, why: str | None) -> list[Action]:
        """Take the end of a post: why it was not taken, or None. Its call fails then."""
        actions: list[Action] = []
        if key in self._posting:
            call_id = self._posting.pop(key)
            if why is not None:
                failure = Failure(messages.described("NotSent", f"the result was not sent: {why}"))
                actions.append(Send(messages.answer(call_id, failure, self._limit)))
        return actions + (self._close() if self._stopping else [])

    def lost(self, loss: Loss) -> list[Action]:
        """Take the end of a connection, or that there could be none."""
        reason = loss_reason(loss)
        fatal = lasting_error(loss, was_up=self._was_up)
        actions: list[Action] = [Down(reason)] if self.is_up else []
        self._connected = self.is_up = False
        self.silence_s = OPENING_S
        self._calls.clear()
        self._posting.clear()
        self._waiting.clear()
        if self._ended:
            return actions
        if self._stopping or fatal is not None:
            self._ended = True
            return [*actions, End(None if self._stopping else fatal)]
        return [*actions, Retry(self._backoff.next(), reason)]

    def stop(self) -> list[Action]:
        """Finish what runs, then close; calls that come meanwhile get an error."""
        if self._stopping or self._ended:
            return []
        self._stopping = True
        if not self._connected:
            self._ended = True
            return [End(None)]
        return self._close()

    def _open(self, message: Message) -> list[Action]:
        lambda_id, details = [*message.params, None, None][:2]
        if not isinstance(lambda_id, str):
            return []
        details = details if isinstance(details, dict) else {}
        self.id = lambda_id
        self.token = token if isinstance(token := details.get("token"), str) else self.token
        limits = given if isinstance(given := details.get("limits"), dict) else {}
        self._limit = int(_number(limits.get("message")) or DEFAULT_MESSAGE_BYTES)
        self._result_limit = int(_number(limits.get("result")) or 0)
        self._ping_s = _number(details.get("ping"))
        self._connected = True
        acknowledgement = messages.acknowledgement(
            self.methods, self.max_calls, context=self.context
        )
        return [Send(acknowledgement), Send(messages.ready_request())]

    def _up(self) -> list[Action]:
        if self.is_up:
            return []
        self.is_up = self._was_up = True
        # Each interval brings a ping, and the server takes two missed ones for the end, too.
        self.silence_s = math.inf if self._ping_s is None else 2 * self._ping_s + 5
        self._backoff.reset()
        return [Up()]

    def _close(self) -> list[Action]:
        """Close, if nothing runs any more."""
        is_busy = not self._connected or self._running or self._posting
        return [] if is_busy else [Close()]

    def _call(self, message: Message) -> list[Action]:
        if self._stopping:
            return self._refuse(message, "Closing", "the host is closing and has not begun this")
        if not message.readable:
            return self._refuse(message, "BadBody", "the body holds a number with too many digits")
        self._next_key += 1
        if message.method == messages.DISCOVER:  # beside the calls, however many there are
            self._calls[self._next_key] = message.id
            return [Invoke(self._next_key, messages.DISCOVER, [])]
        self._waiting.append((self._next_key, message))
        return self._begin()

    def _refuse(self, message: Message, kind: str, why: str) -> list[Action]:
        failure = Failure(messages.described(kind, why))
        return [Send(messages.answer(message.id, failure, self._limit))]

    def _begin(self) -> list[Action]:
        actions: list[Action] = []
        while self._waiting and len(self._running) < (self.max_calls or math.inf):
            key, message = self._waiting.popleft()
            self._running.add(key)
            self._calls[key] = message.id
            actions.append(Invoke(key, message.method or "", message.params))
        return actions

    def _cancel(self, message: Message) -> list[Action]:
        cancelled = message.params[:1]
        kept = [(key, one) for key, one in self._waiting if [one.id] != cancelled]
        self._waiting = deque(kept)
        return [Cancel(key) for key, call_id in self._calls.items() if [call_id] == cancelled]


def _number(value: object) -> float | None:
    """Return a number of seconds or bytes, if it is one."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if 1 <= value < math.inf else None
