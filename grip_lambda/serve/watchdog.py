"""Kills a backend process that stands still, so that another one takes what comes for it.

Each process says four times a second that it is there (signs.py). Silence alone proves little: its
thread may wait for the interpreter, and the process for a processor. So it is looked at what the
system says of a silent process.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger(__name__)

#: After so much silence, in seconds, a process is looked at, and ends
_LOOK_S = 0.5
#: if it is stopped, as by SIGSTOP,
_STOPPED_S = 1.0
#: if it has had no processor all the time, though it should have done something,
_STILL_S = 3.0
#: and in any case.
_BUSY_S = 20.0
#: Who looks less often, in seconds, knows nothing of what happened meanwhile.
_UNSEEN_S = 0.5
_MESSAGE_MAX = 64


@dataclass
class _Process:
    """One that has given a sign.

    Attributes:
        heard: when that was, on a monotonic clock.
        moved: when it was last seen to have worked since.
        work: how much time of processors it had had by then, in ticks.
    """

    heard: float
    moved: float
    work: int = -1


class Watchdog:
    """Listens for signs of life."""

    def __init__(self, path: Path, living: Callable[[], Iterable[int]]) -> None:
        """Listen.

        Args:
            path: the socket to make, in a folder that nobody else may use.
            living: the ids of the processes that may be killed.
        """
        self._living = living
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.setblocking(False)
        self._processes: dict[int, _Process] = {}
        self._looked = 0.0

    def watch(self) -> None:
        """Kill what stands still; to be called several times a second."""
        now = time.monotonic()
        for pid in self._heard():
            self._processes[pid] = _Process(now, now)
        if now - self._looked > _UNSEEN_S:
            for one in self._processes.values():
                one.heard = one.moved = now
        self._looked = now
        silent = [pid for pid, one in self._processes.items() if now - one.heard > _LOOK_S]
        if silent:
            living = set(self._living())
            for pid in silent:
                if pid not in living:  # it has ended by itself
                    del self._processes[pid]
                elif _stands_still(pid, self._processes[pid], now):
                    silent_s = now - self._processes.pop(pid).heard
                    log.warning("process %d has stood still for %.1f s; killing it", pid, silent_s)
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)

    def _heard(self) -> set[int]:
        heard = set()
        with suppress(BlockingIOError):
            while True:
                heard.add(int(self._socket.recv(_MESSAGE_MAX)))
        return heard

    def close(self) -> None:
        """Listen no longer."""
        self._socket.close()


def _stands_still(pid: int, process: _Process, now: float) -> bool:
    """Tell whether a silent process is one that others should not wait for."""
    try:  # pid (name) state ppid … utime stime …: see proc(5)
        found = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return False
    state, work = found[0], int(found[11]) + int(found[12])
    if work != process.work:
        process.work, process.moved = work, now
    silent_s = now - process.heard
    if state == "T":
        return silent_s > _STOPPED_S
    return now - process.moved > _STILL_S or silent_s > _BUSY_S
