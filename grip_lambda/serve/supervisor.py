"""Child processes that are started again when they end, and all end together."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import time
from collections.abc import Callable, Sequence

from ..errors import ConfigError
from .child import STOP_S, Child
from .watchdog import Watchdog

_TICK_S = 0.1
#: How often what is running is told, in seconds.
_NOTE_S = 1.0
#: A child that ends so often before all is ready can't be started.
_ENDS_MAX = 3


class Supervisor:
    """Runs children until SIGINT or SIGTERM, or until its terminal is closed."""

    def __init__(
        self,
        children: Sequence[Child],
        on_reload: Callable[[], None],
        on_note: Callable[[], None],
        watchdog: Watchdog | None = None,
    ) -> None:
        """Prepare to run.

        Args:
            children: in the order in which they start; they stop in the opposite one.
            on_reload: called after SIGHUP; it may take its time.
            on_note: called once a second, to tell what is running.
            watchdog: ends backend processes that stand still; None if there are none.
        """
        self._children = children
        self._on_reload = on_reload
        self._on_note = on_note
        self._watchdog = watchdog
        self._note_at = 0.0
        self._has_terminal = _has_terminal()
        self._starting = True
        self._stopping = False
        self._reload = False

    def run(self, started: Callable[[], None]) -> None:
        """Start all, call ``started``, and watch them until told to stop.

        Raises:
            ConfigError: one ends again and again while ``started`` waits for them.
        """
        self._has_terminal &= signal.getsignal(signal.SIGHUP) != signal.SIG_IGN  # as nohup does
        signal.signal(signal.SIGINT, self._on_stop)
        signal.signal(signal.SIGTERM, self._on_stop)
        signal.signal(signal.SIGHUP, self._on_hangup)
        try:
            for child in self._children:
                child.start()
            started()
            self._starting = False
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
        if self._watchdog is not None:
            self._watchdog.watch()
        for child in self._children:
            child.watch()
            if self._starting and child.ends >= _ENDS_MAX:
                raise ConfigError(f"{child.name} can't be started; see above")
        if time.monotonic() >= self._note_at:
            self._note_at = time.monotonic() + _NOTE_S
            self._on_note()

    def _stop(self) -> None:
        if self._watchdog is not None:
            self._watchdog.close()
        until = time.monotonic() + STOP_S
        for child in reversed(self._children):
            child.signal(signal.SIGTERM)
            child.wait(until)
        for child in self._children:
            child.kill()
            if child.relay is not None:
                child.relay.pass_on()

    def _on_stop(self, number: int, frame: object) -> None:
        self._stopping = True

    def _on_hangup(self, number: int, frame: object) -> None:
        if self._has_terminal and not _has_terminal():  # its window was closed
            self._stopping = True
        self._reload = True


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True


def raise_file_limit() -> int:
    """Let this process and its children open as many files as the system allows.

    The limit that programs start with is 1,024 as a rule, and each connection is a file.

    Returns:
        The limit.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    now, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return now if now != resource.RLIM_INFINITY else 2**31
