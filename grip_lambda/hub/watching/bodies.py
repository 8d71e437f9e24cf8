"""What calls were asked with and answered, for whoever develops: off unless a setting turns it on.

A call gives its bodies away here, and never waits: they are cut, kept in the store for a while, and
left out if there are many.
"""

from __future__ import annotations

import threading
import time
from typing import Any

from ...errors import NotFound
from ...store import Call, Store
from ...store.watching import BODIES_MAX, BODY_BYTES, Bodies
from .about import name_of

#: So many calls a second are kept of one process, and so many at once.
_RATE, _BURST = 50.0, 100.0


class Inspection:
    """Keeps bodies. Safe for many threads."""

    def __init__(self, store: Store, secret: bytes) -> None:
        self._store = store
        self._secret = secret
        self._lock = threading.Lock()
        self._waiting: list[Bodies] = []
        #: Calls of this process whose results are to be kept, oldest first.
        self._asked: dict[str, object] = {}
        self._allowed = _BURST
        self._at = time.monotonic()

    def asked(self, call: Call, body: bytes) -> None:
        """Keep the body of a call."""
        if not self._may():
            return
        size = len(body)
        with self._lock:
            self._asked[call.token] = None
            if len(self._asked) > BODIES_MAX:
                self._asked.pop(next(iter(self._asked)))
            self._add(Bodies(self._name(call), call.lambda_id, body[:BODY_BYTES], size))

    def answered(self, call: Call, result: bytes) -> None:
        """Keep the result of a call whose body is kept, or which another process has begun."""
        if self._asked.pop(call.token, self) is self and not self._may():
            return
        size, cut = len(result), result[:BODY_BYTES]
        with self._lock:
            self._add(Bodies(self._name(call), call.lambda_id, result=cut, result_size=size))

    def _may(self) -> bool:
        """Tell whether one more call is kept now."""
        with self._lock:
            now = time.monotonic()
            self._allowed = min(_BURST, self._allowed + (now - self._at) * _RATE)
            self._at = now
            if self._allowed < 1:
                return False
            self._allowed -= 1
            return True

    def _name(self, call: Call) -> str:
        return name_of(self._secret, call.token)

    def _add(self, bodies: Bodies) -> None:
        if len(self._waiting) < 2 * BODIES_MAX:
            self._waiting.append(bodies)

    def flush(self, now: float) -> None:
        """Put into the store what waits for that.

        Raises:
            StoreError: it is out of reach; what was to be kept is dropped.
        """
        with self._lock:
            waiting, self._waiting = self._waiting, []
        if waiting:
            self._store.keep_bodies(waiting, now)

    def names(self) -> set[str]:
        """Return the names of the calls whose bodies are kept."""
        return self._store.with_bodies(time.time())

    def get(self, name: str) -> Bodies:
        """Return the bodies of a call.

        Raises:
            NotFound: they are not kept.
        """
        found = self._store.bodies(name, time.time())
        if found is None:
            raise NotFound("the bodies of this call are not kept, or not any more")
        return found


def shown(bodies: Bodies) -> dict[str, Any]:
    """Return what is shown of them: texts, null if not known, and whether they were cut."""
    return {
        "body": _text(bodies.body),
        "body_truncated": bodies.body_size > BODY_BYTES,
        "result": _text(bodies.result),
        "result_truncated": bodies.result_size > BODY_BYTES,
    }


def _text(data: bytes | None) -> str | None:
    return None if data is None else data.decode("utf-8", "ignore")
