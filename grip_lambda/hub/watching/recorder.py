"""What this process has seen of calls: cheap to note, and worked out only if somebody asks."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from typing import Any

from ... import metrics
from ...store import Call, Outcome
from ...store.watching import Count
from .about import begun, instant
from .series import Series

#: So many calls are kept of this process.
RECENT_MAX = 500
#: For so long, in seconds.
RECENT_S = 3600.0
#: So many calls that have ended wait at most until they are counted.
_MANY = 1000


class Seen:
    """A call, and its end if there was one.

    Attributes:
        call: the call.
        ended: when it ended, in seconds since 1970; 0 before.
        status: the HTTP status of its end.
        word: its outcome, as in the metrics.
        ms: how long it took, in milliseconds.
        bytes_out: how many bytes the result has.
    """

    __slots__ = ("bytes_out", "call", "ended", "ms", "status", "word")

    def __init__(self, call: Call) -> None:
        self.call = call
        self.ended = 0.0
        self.status = 0
        self.word = ""
        self.ms = 0.0
        self.bytes_out = 0

    def end(self, status: int, word: str, bytes_out: int, now: float) -> None:
        """Note the end."""
        self.status, self.word, self.bytes_out = status, word, bytes_out
        self.ms = max(0.0, now - self.call.created) * 1000
        self.ended = now

    def shown(self, secret: bytes) -> dict[str, Any]:
        """Return the data of the event ``ended``, or of ``call`` if it has not ended."""
        told = begun(self.call, secret)
        if not self.ended:
            return told
        return told | {
            "time": instant(self.ended),
            "status": self.status,
            "code": None if self.word in ("ok", "error") else self.word,
            "ms": round(self.ms, 3),
            "bytes_out": self.bytes_out,
        }


class Recorder:
    """Safe for many threads.

    On the way of a call it is only noted what has happened; what that comes to is worked out later,
    for many calls at once.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._recent: deque[Seen] = deque(maxlen=RECENT_MAX)
        #: Calls that threads of this process wait for, which the store does not know.
        self._waiting: dict[str, Seen] = {}
        #: Calls that have ended, and the connections that were asked, until they are counted.
        self._ended: deque[tuple[Seen, str]] = deque()
        self._counts: dict[tuple[str, str], list[Any]] = {}
        self._series = Series()

    def begun(self, call: Call, bytes_in: int, *, in_thread: bool) -> None:
        """Note a call whose host was asked, or is about to be.

        Args:
            bytes_in: how many bytes its body has.
            in_thread: whether a thread of this process waits for it, and the store knows nothing.
        """
        seen = Seen(call)
        self._recent.append(seen)
        metrics.BYTES_IN.note(bytes_in)
        if in_thread:
            self._waiting[call.token] = seen

    def handed_over(self, call: Call) -> None:
        """Note that a call is in the store from now on."""
        self._waiting.pop(call.token, None)

    def ended(self, call: Call, outcome: Outcome, connection: str) -> Seen:
        """Note the end of a call.

        Args:
            connection: that of the host which was asked; empty if it is not known.
        """
        now = time.time()
        seen = self._waiting.pop(call.token, None)
        if seen is None:
            seen = Seen(call)
            self._recent.append(seen)
        seen.end(outcome.status, outcome.word(), len(outcome.body), now)
        self._note(seen, connection)
        return seen

    def refused(self, call: Call, status: int, word: str) -> Seen:
        """Note a call that was refused by its lambda's state; its host was not asked."""
        seen = Seen(call)
        seen.end(status, word, 0, time.time())
        self._recent.append(seen)
        self._note(seen, "")
        return seen

    def _note(self, seen: Seen, connection: str) -> None:
        self._ended.append((seen, connection))
        if len(self._ended) >= _MANY:
            self.settle()

    def settle(self) -> None:
        """Count the calls that have ended so far."""
        words: Counter[str] = Counter()
        with self._lock:
            for _ in range(len(self._ended)):
                seen, connection = self._ended.popleft()
                words[seen.word] += 1
                metrics.CALL_SECONDS.note(seen.ms / 1000)
                metrics.BYTES_OUT.note(seen.bytes_out)
                self._count(seen, connection)
        for word, count in words.items():
            metrics.CALLS.labels(word).inc(count)
        metrics.settle()

    def _count(self, seen: Seen, connection: str) -> None:
        call, ms, is_error = seen.call, seen.ms, seen.status != 200
        self._series.add(seen.ended, ms, is_error=is_error)
        count = self._counts.get((call.lambda_id, connection))
        if count is None:
            first = [call.created, 1, int(is_error), ms, ms, seen.ended]
            self._counts[call.lambda_id, connection] = first
            return
        count[0] = min(count[0], call.created)
        count[1] += 1
        count[2] += is_error
        count[3] += ms
        count[4] = max(count[4], ms)
        count[5] = max(count[5], seen.ended)

    def taken_counts(self) -> list[Count]:
        """Return what was counted since this was asked last."""
        self.settle()
        if not self._counts:
            return []
        with self._lock:
            counts, self._counts = self._counts, {}
        return [Count(*key, *values) for key, values in counts.items()]

    def give_back(self, counts: list[Count]) -> None:
        """Take counts back that the store did not take."""
        with self._lock:
            for one in counts:
                key = one.lambda_id, one.connection
                later = self._counts.get(key, [one.since, 0, 0, 0.0, 0.0, 0.0])
                self._counts[key] = [
                    min(one.since, later[0]),
                    one.calls + later[1],
                    one.errors + later[2],
                    one.total_ms + later[3],
                    max(one.max_ms, later[4]),
                    max(one.last, later[5]),
                ]

    def in_flight(self) -> Counter[str]:
        """Count the calls that threads of this process wait for, by lambda."""
        now = time.time()
        found: Counter[str] = Counter()
        for token, seen in list(self._waiting.items()):
            if seen.call.deadline + 60 < now:  # its thread failed
                self._waiting.pop(token, None)
            else:
                found[seen.call.lambda_id] += 1
        return found

    def recent(self) -> list[Seen]:
        """Return the last calls, oldest first; one that is in the store may be there twice."""
        since = time.time() - RECENT_S
        return [one for one in list(self._recent) if one.call.created > since]

    def series(self) -> bytes:
        """Return how many calls ended within the last quarter of an hour; see series.py."""
        self.settle()
        with self._lock:
            return self._series.encode()


def merged(every: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what several processes have shown of calls, newest first, each call once."""
    every.sort(key=lambda one: (str(one["time"]), "status" in one))
    by_name = {one["call"]: one for one in every if "status" not in one}
    by_name |= {one["call"]: one for one in every if "status" in one}
    return sorted(by_name.values(), key=lambda one: str(one["time"]), reverse=True)
