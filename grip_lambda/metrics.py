"""What is counted for whoever operates the server; ``GET /metrics`` shows it.

Processes of one machine count together if ``PROMETHEUS_MULTIPROC_DIR`` names a folder for their
figures, as ``serve`` and ``cluster`` see to: what a process has counted outlives it. No label has
values that a client can choose.

Source: OpenMetrics 1.0, and prometheus_client's multiprocess mode.
"""

from __future__ import annotations

import fcntl
import itertools
import os
import threading
from bisect import bisect_left
from collections import Counter as Tally
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Histogram, values
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector

#: Names the folder in which the processes of a machine keep their figures.
FOLDER = "PROMETHEUS_MULTIPROC_DIR"
#: Bounds of how long calls take, in seconds: a deadline is an hour at most.
_CALL_S = (
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
    *(60.0, 300.0, 3600.0),
)
_STORE_S = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1.0, 5.0)
_LAG_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
#: So many values wait at most until they are counted.
_MANY = 1000

#: The number of this process among those of the machine, by its id: a fork has another.
_numbers: dict[int, int] = {}


def _number() -> int:
    """Return the least number that no living process of the machine has.

    So a process goes on with the files of one that has ended, and there are no more files than
    there were processes at a time.
    """
    pid = os.getpid()
    if pid not in _numbers:
        for number in itertools.count():
            taken = os.open(
                Path(os.environ[FOLDER], f"{number}.lock"), os.O_CREAT | os.O_WRONLY, 0o600
            )
            with suppress(BlockingIOError):
                fcntl.flock(taken, fcntl.LOCK_EX | fcntl.LOCK_NB)  # until this process ends
                _numbers[pid] = number
                break
            os.close(taken)
    return _numbers[pid]


if os.environ.get(FOLDER):
    values.ValueClass = values.MultiProcessValue(_number)  # type: ignore[no-untyped-call]

_registry = CollectorRegistry()


class Later:
    """Values of a metric that are noted now, and counted some time later, many at once.

    To count one takes a lock that all threads share, and writes to a file: too much for each call.
    """

    def __init__(self, metric: Counter | Histogram) -> None:
        """Prepare.

        Args:
            metric: what they are added to; it has no labels, or has their values.
        """
        self._metric = metric
        self._new: deque[float] = deque()
        self._lock = threading.Lock()
        _later.append(self)

    def note(self, value: float = 1.0) -> None:
        """Note a value."""
        self._new.append(value)
        if len(self._new) >= _MANY and self._lock.acquire(blocking=False):
            try:
                self._count()
            finally:
                self._lock.release()

    def settle(self) -> None:
        """Count what was noted so far."""
        with self._lock:
            self._count()

    def _count(self) -> None:
        values = [self._new.popleft() for _ in range(len(self._new))]
        if not values:
            return
        if isinstance(self._metric, Counter):
            self._metric.inc(sum(values))
            return
        # The library takes one observation at a time.
        bounds, buckets = self._metric._upper_bounds, self._metric._buckets
        for place, count in Tally(bisect_left(bounds, one) for one in values).items():
            buckets[place].inc(count)
        self._metric._sum.inc(sum(values))


_later: list[Later] = []


def _counter(name: str, told: str, *labels: str) -> Counter:
    return Counter(f"grip_lambda_{name}", told, labels, registry=_registry)


def _histogram(name: str, told: str, bounds: tuple[float, ...]) -> Later:
    return Later(Histogram(f"grip_lambda_{name}", told, registry=_registry, buckets=bounds))


CALLS = _counter("calls", "Calls that have ended, or were refused, by how.", "outcome")
CALL_SECONDS = _histogram(
    "call_seconds", "How long calls took, from when they were entered to their end.", _CALL_S
)
_call_bytes = _counter("call_bytes", "Bytes of bodies and results.", "direction")
BYTES_IN, BYTES_OUT = (Later(_call_bytes.labels(way)) for way in ("in", "out"))
OPENED = _counter("opened", "Lambdas that were opened, by transport.", "transport")
CLOSED = _counter("closed", "Lambdas that were closed, by why.", "reason")
BATCHES = Later(_counter("batches", "Batches of WebSocket events that Pushpins have sent."))
REFUSED = _counter("refused", "Requests of any kind that were refused, by code.", "code")
PUBLISH_ERRORS = _counter("publish_errors", "Messages that a Pushpin did not take.")
STORE_ERRORS = _counter("store_errors", "Operations that the store did not do.")
STORE_SECONDS = _histogram("store_seconds", "How long operations of the store took.", _STORE_S)
SWEEP_SECONDS = _histogram(
    "sweep_seconds",
    "How long sweeps took that end what is due: so much later than 0.1 s a deadline may be.",
    _LAG_S,
)
EVENTS = _counter("events", "Events that were published for whoever watches.")

# What is there begins at nought: an increase from nothing would not be one.
for _metric, _values in {
    CALLS: ("ok", "error", "busy", "deadline_exceeded", "disconnected", "not_found"),
    OPENED: ("websocket", "sse", "poll"),
    CLOSED: ("gone", "not seen", "deleted", "taken over"),
    REFUSED: ("bad_request", "unauthorized", "forbidden", "not_found", "unavailable"),
}.items():
    for _value in _values:
        _metric.labels(_value)


def new_folder(parent: Path) -> str:
    """Make a folder in which the processes that are to be started keep their figures."""
    folder = parent / "metrics"
    folder.mkdir(mode=0o700)
    return str(folder)


def settle() -> None:
    """Count what was noted so far in this process."""
    for one in _later:
        one.settle()


class Gauges:
    """What is found out when it is asked for, beside what was counted."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def exposition(accept: str, gauges: Iterable[Metric] = ()) -> tuple[bytes, str]:
    """Return all figures, and their content type.

    Args:
        accept: the Accept header of who asks: OpenMetrics, or Prometheus's text format 0.0.4.
        gauges: what else is to be shown.
    """
    settle()
    encode, content_type = choose_encoder(accept)
    registry = CollectorRegistry()
    if os.environ.get(FOLDER):
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    else:
        registry.register(_registry)
    registry.register(Gauges(gauges))
    return encode(registry), content_type
