"""The end of a process whose place another takes: it keeps no connection open for a next request.

A request is lost if it is sent on an open connection in the moment in which this end closes it:
neither nginx nor Pushpin may send a call, or what a host has said, once more.
"""

from __future__ import annotations

import atexit
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from multiprocessing.util import Finalize
from typing import TYPE_CHECKING, Any

from ..signs import LEAVE

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

_leaving = threading.Event()


def heed_leave() -> None:
    """Have ``LEAVE`` tell this process that it is about to be replaced; in its main thread."""
    signal.signal(LEAVE, lambda *_: _leave())


def at_end(do: Callable[[], None]) -> None:
    """Have something done, once, when this process ends: also one that was forked."""
    done = threading.Event()

    def once() -> None:
        if not done.is_set():
            done.set()
            do()

    atexit.register(once)  # which multiprocessing passes over in processes that it has forked
    Finalize(None, once, exitpriority=0)


def part(start_response: StartResponse) -> StartResponse:
    """Return what begins a response, and tells the client if the connection ends with it."""
    if not _leaving.is_set():
        return start_response

    def start(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
        return start_response(status, [*headers, ("Connection", "close")], *exc_info)

    return start


def _leave() -> None:
    """Take no more connections: from the same socket the other process takes them.

    The server knows the socket by its number, so another one gets that, which nobody connects to.
    """
    _leaving.set()
    with socket.socket(socket.AF_UNIX) as unused:
        unused.bind("")  # to an address that Linux chooses, and which is no file
        unused.listen()
        unused.setblocking(False)
        for descriptor in _listening():
            os.dup2(unused.fileno(), descriptor)


def _listening() -> Iterator[int]:
    """Yield the descriptors of the TCP sockets that take connections."""
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError), socket.socket(fileno=os.dup(int(name))) as one:
            if one.family in (socket.AF_INET, socket.AF_INET6) and one.getsockopt(
                socket.SOL_SOCKET, socket.SO_ACCEPTCONN
            ):
                yield int(name)
