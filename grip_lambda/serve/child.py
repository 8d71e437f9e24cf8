"""One child process, with all that it starts: started, watched, stopped."""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .relay import Relay

log = logging.getLogger(__name__)

_BACKOFF_MIN_S = 0.2
_BACKOFF_MAX_S = 10.0
#: A child that ran this long starts with the least backoff again, in seconds.
_STEADY_S = 30.0
#: How long it may take to stop, in seconds.
STOP_S = 10.0
_KILL_S = 5.0
_PR_SET_PDEATHSIG = 1  # prctl(2)
_LIBC = ctypes.CDLL(None)


@dataclass
class Child:
    """One program, with everything that it starts in a session of its own.

    Attributes:
        name: what the log calls it.
        command: the program and its arguments.
        environ: its whole environment.
        folder: where it runs; None for here.
        on_exit: called each time it has ended by itself, before it is started again.
        relay: what its output is passed on by; None where it writes to ours itself.
        ends: how often it has ended by itself.
    """

    name: str
    command: Sequence[str]
    environ: Mapping[str, str]
    folder: Path | None = None
    on_exit: Callable[[], None] | None = None
    relay: Relay | None = None
    process: subprocess.Popen[bytes] | None = None
    ends: int = 0
    _backoff_s: float = _BACKOFF_MIN_S
    _started: float = 0.0
    _start_at: float = field(default=0.0)

    def start(self) -> None:
        """Start it; it is told to stop if the thread that does this ends."""
        parent = os.getpid()
        self.process = subprocess.Popen(  # noqa: S603
            self.command,
            env=dict(self.environ),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=None if self.relay is None else self.relay.end,
            stderr=None if self.relay is None else self.relay.end,
            start_new_session=True,
            preexec_fn=lambda: _end_with(parent),  # noqa: PLW1509 - there are no other threads
        )
        self._started = time.monotonic()

    def watch(self) -> None:
        """Start it again if it has ended, later each time."""
        if self.relay is not None:
            self.relay.pass_on()
        now = time.monotonic()
        if self.process is None:
            if now >= self._start_at:
                self._start_again(now)
            return
        status = self.process.poll()
        if status is None:
            return
        self.kill()  # what it leaves behind keeps its ports
        self.process = None
        self.ends += 1
        if now - self._started > _STEADY_S:
            self._backoff_s = _BACKOFF_MIN_S
        log.warning("%s ended (%s); starting again in %.1f s", self.name, status, self._backoff_s)
        self._start_at = now + self._backoff_s
        self._backoff_s = min(self._backoff_s * 2, _BACKOFF_MAX_S)
        if self.on_exit is not None:
            self.on_exit()

    def _start_again(self, now: float) -> None:
        try:
            self.start()
        except OSError as error:  # no memory, or it is being installed anew
            log.error("%s can't be started: %s", self.name, error.strerror)
            self._start_at = now + _BACKOFF_MAX_S

    @property
    def pid(self) -> int | None:
        return None if self.process is None else self.process.pid

    def restart(self) -> None:
        """Stop it as SIGTERM does, and start it again."""
        self.signal(signal.SIGTERM)
        self.wait(time.monotonic() + STOP_S)
        self.kill()
        self.start()

    def signal(self, number: int) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def wait(self, until: float) -> None:
        """Wait for its end, no longer than until a monotonic time."""
        if self.process is not None:
            try:
                self.process.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                log.warning("%s does not stop; killing it", self.name)

    def kill(self) -> None:
        """Kill what is left of it and of what it started, and wait for their end.

        A group is not enough: Pushpin gives each of its programs one of its own.
        """
        if self.process is None:
            return
        self.process.kill()
        self.process.wait()
        until = time.monotonic() + _KILL_S
        while left := _session(self.process.pid):
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            if time.monotonic() > until:
                log.error("%s left processes that don't end: %s", self.name, left)
                return
            time.sleep(0.01)


def _end_with(parent: int) -> None:
    """Have the kernel end this process, as SIGTERM does, when its parent has ended."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it was too late
        os.kill(os.getpid(), signal.SIGTERM)


def _session(leader: int) -> list[int]:
    """Return the process ids of a session, without those that have ended."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                # pid (name) state ppid group session …: see proc(5)
                state, _, _, session = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
                if int(session) == leader and state not in "ZX":
                    found.append(int(entry.name))
    return found


def children_of(pid: int) -> list[int]:
    """Return the process ids of what a process itself has started; none where it has ended."""
    try:
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
