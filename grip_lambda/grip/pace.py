"""Messages to one WebSocket, no faster than Pushpin passes them on.

Pushpin drops a message to a WebSocket while its window there is full. That has
``client_buffer_size`` bytes (serve/pushpin.py), which are free again when the client's side has
taken them, some milliseconds later. So what follows too close upon another message waits for a
moment, here. Each process paces small messages by itself: the bursts of several processes fit into
one window. A large message has a turn, which the store gives to one process after the other.
"""

from __future__ import annotations

import heapq
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from ..errors import GripLambdaError, PublishError

log = logging.getLogger(__name__)

#: A message with more bytes takes a turn.
SMALL = 500
#: What one process sends at once, in bytes; a small message more may follow.
_BURST = 4_000
#: How fast the window is emptied, in bytes a second, on a busy machine that sends from several
#: processes.
_RATE = 1_000_000
#: The same for large messages, one at a time: so long a turn lasts.
_TURN_RATE = 800_000
#: What a message costs beside its bytes, in bytes.
_EACH = 250
#: So much may wait, in bytes: some seconds' worth.
_WAITING_MAX = 8_000_000
#: After so many lanes, those are forgotten that nobody has used just now.
_LANES_MAX = 1_000

#: Is told of a message that was lost later.
Lost = Callable[[PublishError], None]


def turn_s(size: int) -> float:
    """Return how long the turn of a message lasts, in seconds; 0 if it takes none."""
    return (size + _EACH) / _TURN_RATE if size > SMALL else 0.0


class _Waiting:
    """A message that waits for its turn, which begins at ``start`` at the earliest."""

    def __init__(
        self, size: int, start: float, publish: Callable[[], None], lost: Lost | None
    ) -> None:
        self.size = size
        self.start = start
        self._publish = publish
        self._lost = lost
        self._done = threading.Event()
        self._error: PublishError | None = None

    def send(self) -> None:
        try:
            self._publish()
        except PublishError as error:
            log.warning("a message was lost: %s", error)
            self._error = error
        self._done.set()
        if self._error is not None and self._lost is not None:
            self._lost(self._error)

    def wait(self) -> None:
        """Wait until it has left, and raise what went wrong."""
        self._done.wait()
        if self._error is not None:
            raise self._error


@dataclass
class _Lane:
    """The way to one WebSocket.

    Attributes:
        free_at: when it has passed on all that was sent.
        waiting: what was not sent yet.
        waiting_bytes: all of that.
    """

    free_at: float = 0.0
    waiting_bytes: int = 0
    waiting: deque[_Waiting] = field(default_factory=deque)

    @property
    def ready_at(self) -> float:
        """When there is room for the next message, and it is its turn."""
        return max(self.free_at - _BURST / _RATE, self.waiting[0].start)


class Pacer:
    """Sends now what there is room for, and the rest in order as soon as there is.

    Safe for many threads; has one of its own from the first time that something waits.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lanes: dict[str, _Lane] = {}
        self._due: list[tuple[float, str]] = []
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def send(
        self,
        channel: str,
        size: int,
        publish: Callable[[], None],
        *,
        after_s: float = 0.0,
        lost: Lost | None = None,
        wait: bool = False,
    ) -> None:
        """Publish a message of ``size`` bytes, now or soon.

        Args:
            after_s: when its turn begins, in seconds from now.
            lost: is told if ``publish`` fails later; else that is logged.
            wait: whether to return only when it has left.

        Raises:
            PublishError: as ``publish``, if that was now; or too much is waiting already.
        """
        size += _EACH
        with self._changed:
            now = self._clock()
            lane = self._lane(channel, now)
            if lane.waiting or after_s > 0 or lane.free_at - now > _BURST / _RATE:
                if lane.waiting_bytes > _WAITING_MAX:
                    raise PublishError("its connection takes messages too slowly; try again later")
                waiting = _Waiting(size, now + after_s, publish, None if wait else lost)
                lane.waiting.append(waiting)
                lane.waiting_bytes += size
                if len(lane.waiting) == 1:
                    self._wake(channel, lane)
            else:
                lane.free_at = max(now, lane.free_at) + size / _RATE
                waiting = None
        if waiting is None:
            publish()
        elif wait:
            waiting.wait()

    def _lane(self, channel: str, now: float) -> _Lane:
        lane = self._lanes.get(channel)
        if lane is None:
            if len(self._lanes) >= _LANES_MAX:
                self._forget(now)
            lane = self._lanes[channel] = _Lane()
        return lane

    def _forget(self, now: float) -> None:
        self._lanes = {
            name: lane for name, lane in self._lanes.items() if lane.waiting or lane.free_at > now
        }

    def _wake(self, channel: str, lane: _Lane) -> None:
        """Have the thread look at a lane when there is room again."""
        heapq.heappush(self._due, (lane.ready_at, channel))
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="pacer", daemon=True)
            self._thread.start()
        self._changed.notify()

    def _run(self) -> None:
        while True:
            for one in self._next():
                try:
                    one.send()
                except GripLambdaError as error:
                    log.error("nobody was told of a lost message: %s", error)
                except Exception:
                    log.exception("nobody was told of a lost message")

    def _next(self) -> list[_Waiting]:
        """Wait for room in the next lane; return what it is for."""
        with self._changed:
            while not self._due or self._due[0][0] > (now := self._clock()):
                self._changed.wait(self._due[0][0] - now if self._due else None)
            _, channel = heapq.heappop(self._due)
            lane = self._lanes[channel]
            ready = []
            while lane.waiting and lane.ready_at <= now:
                one = lane.waiting.popleft()
                lane.waiting_bytes -= one.size
                lane.free_at = max(now, lane.free_at) + one.size / _RATE
                ready.append(one)
            if lane.waiting:
                heapq.heappush(self._due, (lane.ready_at, channel))
            return ready
