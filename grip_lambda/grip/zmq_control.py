"""What Pushpin's control socket is asked."""

from __future__ import annotations

import threading
import time
from typing import Any

import tnetstring
import zmq

_ASK = tnetstring.dumps({b"method": b"get-zmq-uris"})
_TIMEOUT_S = 1.0


class ZmqControl:
    """Asks where to publish, which also tells that Pushpin does its work. Safe for many threads."""

    def __init__(self, context: zmq.Context[Any], uri: str) -> None:
        self._context = context
        self._uri = uri
        self._lock = threading.Lock()
        self._socket: zmq.Socket[bytes] | None = None

    def ask(self, timeout_s: float = _TIMEOUT_S) -> dict[bytes, bytes] | None:
        """Return the addresses of its sockets, by name; None if nobody answers in time."""
        until = time.monotonic() + timeout_s
        if not self._lock.acquire(timeout=timeout_s):
            return None
        try:
            return self._ask(until)
        finally:
            self._lock.release()

    def _ask(self, until: float) -> dict[bytes, bytes] | None:
        socket, self._socket = self._socket, None
        if socket is None:
            socket = self._context.socket(zmq.REQ)
            socket.linger = 0
            socket.connect(self._uri)
        socket.send(_ASK)
        left_ms = max(0, int(1000 * (until - time.monotonic())))
        if not socket.poll(left_ms, zmq.POLLIN):
            socket.close()  # an answer that comes later would be taken for the next one
            return None
        self._socket = socket
        value = tnetstring.loads(socket.recv()).get(b"value")
        return value if isinstance(value, dict) else {}
