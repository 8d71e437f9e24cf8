"""Signs between a process and whoever has started it; see serve/watchdog.py, web/parting.py."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from contextlib import suppress

#: How often a process gives a sign, in seconds.
SIGN_S = 0.25
#: Tells a process that another takes its place soon. One that has just started ignores it.
LEAVE = signal.SIGURG


def give_signs(path: str) -> None:
    """Say again and again that this process lives, in a thread of its own.

    Args:
        path: the socket of who listens.
    """
    threading.Thread(target=_give_signs, args=(path,), name="signs", daemon=True).start()


def _give_signs(path: str) -> None:
    pid = str(os.getpid()).encode()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
        link.setblocking(False)
        while True:
            with suppress(OSError):  # nobody listens just now
                link.sendto(pid, path)
            time.sleep(SIGN_S)
