"""Child processes that are started again when they end, and all end together."""

from __future__ import annotations

import contextlib
import logging
import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

log = logging.getLogger(__name__)

_BACKOFF_MIN_S = 0.2
_BACKOFF_MAX_S = 10.0
#: A child that ran this long starts with the least backoff again, in seconds.
_STEADY_S = 30.0
_STOP_S = 10.0
_KILL_S = 5.0
_TICK_S = 0.1


@dataclass
class Child:
    """One program, with everything that it starts in a session of its own.

    Attributes:
        name: what the log calls it.
        command: the program and its arguments.
        environ: its whole environment.
        folder: where it runs; None for here.
        on_exit: called each time it has ended by itself, before it is started again.
    """

    name: str
    command: Sequence[str]
    environ: Mapping[str, str]
    folder: Path | None = None
    on_exit: Callable[[], None] | None = None
    process: subprocess.Popen[bytes] | None = None
    _backoff_s: float = _BACKOFF_MIN_S
    _started: float = 0.0
    _start_at: float = field(default=0.0)

    def start(self) -> None:
        self.process = subprocess.Popen(  # noqa: S603
            self.command,
            env=dict(self.environ),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._started = time.monotonic()

    def watch(self) -> None:
        """Start it again if it has ended, later each time."""
        now = time.monotonic()
        if self.process is None:
            if now >= self._start_at:
                self.start()
            return
        status = self.process.poll()
        if status is None:
            return
        self.kill()  # what it leaves behind keeps its ports
        self.process = None
        if now - self._started > _STEADY_S:
            self._backoff_s = _BACKOFF_MIN_S
        log.warning("%s ended (%s); starting again in %.1f s", self.name, status, self._backoff_s)
        self._start_at = now + self._backoff_s
        self._backoff_s = min(self._backoff_s * 2, _BACKOFF_MAX_S)
        if self.on_exit is not None:
            self.on_exit()

    @property
    def pid(self) -> int | None:
        return None if self.process is None else self.process.pid

    def restart(self) -> None:
        """Stop it as SIGTERM does, and start it again."""
        self.signal(signal.SIGTERM)
        self.wait(time.monotonic() + _STOP_S)
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


class Supervisor:
    """Runs children until SIGINT or SIGTERM."""

    def __init__(self, children: Sequence[Child], on_reload: Callable[[], None]) -> None:
        """Prepare to run.

        Args:
            children: in the order in which they start; they stop in the opposite one.
            on_reload: called after SIGHUP; it may take its time.
        """
        self._children = children
        self._on_reload = on_reload
        self._stopping = False
        self._reload = False

    def run(self, started: Callable[[], None]) -> None:
        """Start all, call ``started``, and watch them until told to stop."""
        signal.signal(signal.SIGINT, self._on_stop)
        signal.signal(signal.SIGTERM, self._on_stop)
        signal.signal(signal.SIGHUP, self._on_hangup)
        _raise_file_limit()
        try:
            for child in self._children:
                child.start()
            started()
            while not self._stopping:
                self._watch()
                if self._reload:
                    self._reload = False
                    self._on_reload()
                time.sleep(_TICK_S)
        finally:
            self._stop()

    def wait_for(self, condition: Callable[[], object], timeout_s: float) -> bool:
        """Wait until ``condition`` holds, and go on watching the children.

        Returns:
            False where it does not hold within ``timeout_s`` seconds, or all are to stop.
        """
        until = time.monotonic() + timeout_s
        while not condition():
            if self._stopping or time.monotonic() > until:
                return False
            self._watch()
            time.sleep(_TICK_S / 2)
        return True

    def _watch(self) -> None:
        for child in self._children:
            child.watch()

    def _stop(self) -> None:
        until = time.monotonic() + _STOP_S
        for child in reversed(self._children):
            child.signal(signal.SIGTERM)
            child.wait(until)
        for child in self._children:
            child.kill()

    def _on_stop(self, number: int, frame: object) -> None:
        self._stopping = True

    def _on_hangup(self, number: int, frame: object) -> None:
        self._reload = True


def _raise_file_limit() -> None:
    """Let children open as many files as the system allows: each connection is one.

    The limit that programs start with is 1,024 as a rule, and Pushpin stays below it.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
