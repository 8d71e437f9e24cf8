"""Bodies of requests: read no slower than a thread can wait for.

The front has a small body whole before it asks, and a Pushpin makes the batches of WebSockets
itself. Every other body comes as fast as its client sends it. So it is read by a thread of its own,
and the request waits for that: for a moment if many others do, and no longer than it moves on.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import IO, TYPE_CHECKING

from werkzeug.wrappers import Request

from ..errors import RequestTimeout, TooLarge, Unavailable
from .front import front_of

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_PIECE = 65_536
#: A body with more bytes is not read before it is known that somebody takes it.
_SMALL = 65_536
#: A body has mostly come whole by then, in seconds.
_QUICK_S = 0.1
#: So many bodies of a process may be slower than that.
_SLOW_MAX = 32
#: A body may rest for so long, in seconds,
_REST_S = 5.0
#: and has to come this fast on the whole, in bytes a second.
_RATE = 50_000
_LOOK_S = 0.25
#: Bytes of a body that are read only to be dropped.
_DROP_MAX = 33_554_432
#: In the environment of a request of whose body no more is to be read.
_DONE = "grip_lambda.body_done"

_readers = ThreadPoolExecutor(4 * _SLOW_MAX, thread_name_prefix="body")
_slow = threading.BoundedSemaphore(_SLOW_MAX)
#: Those that are only dropped have fewer places, so that they take none from the others.
_slowly_dropped = threading.BoundedSemaphore(_SLOW_MAX // 4)


class _Reading:
    """A body that is being read."""

    def __init__(self, stream: IO[bytes], most: int, keep: int | None = None) -> None:
        """Prepare to read.

        Args:
            most: bytes that are read at most.
            keep: how many of them, the last ones, are returned; None for all.
        """
        self._stream = stream
        self._most = most
        self._keep = keep
        self.read = 0

    def run(self) -> bytes:
        pieces: list[bytes] = []
        while self.read < self._most:
            piece = self._stream.read(min(_PIECE, self._most - self.read))
            if not piece:
                break
            self.read += len(piece)
            if self._keep is not None:
                piece = (b"".join(pieces) + piece)[-self._keep :] if self._keep else b""
                pieces.clear()
            pieces.append(piece)
        return b"".join(pieces)


def read(request: Request, most: int) -> bytes:
    """Return the body of a request, up to ``most`` bytes of it.

    Raises:
        RequestTimeout: it has stopped, or comes too slowly.
        Unavailable: too many others are slow as well.
    """
    if _is_empty(request):
        return b""
    front = front_of(request)
    if front is not None and front.has_body:
        request.environ[_DONE] = True
        return request.stream.read(most)
    body = _paced(request, _Reading(request.stream, most), _slow)
    request.environ[_DONE] = len(body) < most
    return body


def check_size(request: Request, most: int) -> None:
    """Refuse a body that says that it is too large.

    Raises:
        TooLarge: it has more than ``most`` bytes.
    """
    if (request.content_length or 0) > most and request.method != "GET":
        drop(request)
        raise TooLarge(f"the body may have {most} bytes at most")


def is_large(request: Request) -> bool:
    """Tell whether a body is not to be read before it is known that somebody takes it."""
    told = request.content_length
    if told is None:
        return "HTTP_TRANSFER_ENCODING" in request.environ
    return told > _SMALL


def drop(request: Request, keep: int = 0) -> bytes:
    """Read what is left of a body, if that is not too much, and return its last bytes.

    Who is still sending when the connection ends does not hear the answer.

    Args:
        keep: how many bytes to return.
    """
    if _is_empty(request):
        return b""
    return _paced(request, _Reading(request.stream, _DROP_MAX, keep), _slow)


def finish(environ: WSGIEnvironment) -> None:
    """Read what nobody has read of a body, before its request is answered.

    The server closes a connection if more than a little of a body is left. A proxy that is still
    sending then may lose the answer, and tell of a server that has failed.
    """
    if environ.get(_DONE) or not environ.get("wsgi.input_terminated"):
        return
    if is_large(request := Request(environ)):
        with suppress(RequestTimeout, Unavailable):
            _paced(request, _Reading(request.stream, _DROP_MAX, keep=0), _slowly_dropped)


def _is_empty(request: Request) -> bool:
    environ = request.environ
    return not environ.get("CONTENT_LENGTH", "").strip("0") and (
        "HTTP_TRANSFER_ENCODING" not in environ
    )


def _paced(request: Request, reading: _Reading, slow: threading.BoundedSemaphore = _slow) -> bytes:
    request.environ[_DONE] = True
    future = _readers.submit(reading.run)
    with suppress(TimeoutError):
        return future.result(_QUICK_S)
    if not slow.acquire(blocking=False):
        future.cancel()
        raise Unavailable("too many bodies arrive slowly; try again later, and send faster")
    try:
        return _slowly(reading, future)
    finally:
        slow.release()


def _slowly(reading: _Reading, future: Future[bytes]) -> bytes:
    began = moved = time.monotonic()
    had = reading.read
    while True:
        with suppress(TimeoutError):
            return future.result(_LOOK_S)
        now = time.monotonic()
        if reading.read > had:
            had, moved = reading.read, now
        if now - moved > _REST_S or now - began > _REST_S + had / _RATE:
            future.cancel()
            raise RequestTimeout("the body did not arrive in time; send it faster")
