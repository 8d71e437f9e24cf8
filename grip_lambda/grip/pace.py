"""Messages to one WebSocket, no faster than Pushpin passes them on.

Pushpin drops a message to a WebSocket while its window there is full: about 8,000 bytes, which are
free again when the client's side has taken them, some milliseconds later. So what follows too
close upon another message waits for a moment, here.
"""

from __future__ import annotations

import heapq
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from ..errors import PublishError

log = logging.getLogger(__name__)

#: What a window takes, in bytes, with room for another process that sends at the same moment.
_BURST = 4_000
#: How fast it is emptied, in bytes a second; measured: twice that loses nothing.
_RATE = 1_500_000
#: What a message costs beside its bytes, in bytes.
_EACH = 250
#: So much may wait, in bytes: some seconds' worth.
_WAITING_MAX = 8_000_000
#: After so many lanes, those are forgotten that nobody has used just now.
_LANES_MAX = 1_000


@dataclass
class _Lane:
    """The way to one WebSocket.

    Attributes:
        free_at: when it has passed on all that was sent.
        waiting: what was not sent yet, and its size.
        waiting_bytes: all of that.
    """

    free_at: float = 0.0
    waiting_bytes: int = 0
    waiting: deque[tuple[int, Callable[[], None]]] = field(default_factory=deque)


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

    def send(self, channel: str, size: int, publish: Callable[[], None]) -> None:
        """Publish a message of ``size`` bytes, now or soon.

        Raises:
            PublishError: as ``publish``, if that was now; or too much is waiting already.
        """
        size += _EACH
        with self._changed:
            now = self._clock()
            lane = self._lane(channel, now)
            if lane.waiting or lane.free_at - now > _BURST / _RATE:
                if lane.waiting_bytes > _WAITING_MAX:
                    raise PublishError("its connection takes messages too slowly; try again later")
                if not lane.waiting:
                    self._wake(channel, lane)
                lane.waiting.append((size, publish))
                lane.waiting_bytes += size
                return
            lane.free_at = max(now, lane.free_at) + size / _RATE
        publish()

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
        heapq.heappush(self._due, (lane.free_at - _BURST / _RATE, channel))
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="pacer", daemon=True)
            self._thread.start()
        self._changed.notify()

    def _run(self) -> None:
        while True:
            for publish in self._next():
                try:
                    publish()
                except PublishError as error:
                    log.warning("a message was lost: %s", error)

    def _next(self) -> list[Callable[[], None]]:
        """Wait for room in the next lane; return what it is for."""
        with self._changed:
            while not self._due or self._due[0][0] > (now := self._clock()):
                self._changed.wait(self._due[0][0] - now if self._due else None)
            _, channel = heapq.heappop(self._due)
            lane = self._lanes[channel]
            ready = []
            while lane.waiting and lane.free_at - now <= _BURST / _RATE:
                size, publish = lane.waiting.popleft()
                lane.waiting_bytes -= size
                lane.free_at = max(now, lane.free_at) + size / _RATE
                ready.append(publish)
            if lane.waiting:
                heapq.heappush(self._due, (lane.free_at - _BURST / _RATE, channel))
            return ready
