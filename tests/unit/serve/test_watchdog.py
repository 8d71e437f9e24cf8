"""Processes that stand still are killed, and no others."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from grip_lambda.serve.watchdog import Watchdog

_SIGNS = "from grip_lambda.signs import give_signs; import sys, time, threading; "
IDLE = _SIGNS + "give_signs(sys.argv[1]); time.sleep(60)"
BUSY = (
    _SIGNS
    + "give_signs(sys.argv[1]); "
    + "[threading.Thread(target=exec, args=('while True: pass',)).start() for _ in range(8)]"
)
#: It keeps the interpreter for itself, and has work to do.
GREEDY = _SIGNS + "give_signs(sys.argv[1]); time.sleep(0.5); sum(range(10**12))"
#: It keeps the interpreter for itself, and does nothing with it.
HANGING = (
    _SIGNS + "import ctypes; give_signs(sys.argv[1]); time.sleep(0.5); ctypes.PyDLL(None).sleep(60)"
)

pytestmark = pytest.mark.slow  # what hangs is killed after seconds

Start = Callable[[str], subprocess.Popen[bytes]]


@pytest.fixture
def watchdog(tmp_path: Path) -> Iterator[Watchdog]:
    one = Watchdog(tmp_path / "signs", lambda: LIVING)
    yield one
    one.close()


LIVING: list[int] = []


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[subprocess.Popen[bytes]] = []

    def start_one(code: str) -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "signs")]))
        LIVING.append(started[-1].pid)
        return started[-1]

    yield start_one
    for one in started:
        one.kill()
        one.wait()
    LIVING.clear()


def watched(watchdog: Watchdog, one: subprocess.Popen[bytes], seconds: float) -> float:
    """Watch for so many seconds, or until a process has ended; return how long that was."""
    began = time.monotonic()
    while time.monotonic() - began < seconds and one.poll() is None:
        watchdog.watch()
        time.sleep(0.05)  # as the supervisor does
    return time.monotonic() - began


def test_those_that_work_or_have_nothing_to_do_live(watchdog: Watchdog, start: Start) -> None:
    all_of_them = [start(code) for code in (IDLE, BUSY, GREEDY)]
    watched(watchdog, all_of_them[0], 5)
    assert [one.poll() for one in all_of_them] == [None] * 3


def test_one_that_is_stopped_is_killed_within_a_second_and_a_half(
    watchdog: Watchdog, start: Start
) -> None:
    one, other = start(IDLE), start(IDLE)
    watched(watchdog, one, 1.5)

    one.send_signal(signal.SIGSTOP)

    assert watched(watchdog, one, 10) < 1.5
    assert one.poll() == -signal.SIGKILL
    assert other.poll() is None


def test_one_that_hangs_is_killed(watchdog: Watchdog, start: Start) -> None:
    one = start(HANGING)
    watched(
        watchdog, one, 40
    )  # on a busy machine the watching itself is late, which proves nothing
    assert one.poll() == -signal.SIGKILL


def test_nobody_is_killed_for_what_nobody_has_watched(watchdog: Watchdog, start: Start) -> None:
    one = start(IDLE)
    watched(watchdog, one, 1.5)

    one.send_signal(signal.SIGSTOP)
    time.sleep(1.5)  # as if the machine slept
    watchdog.watch()

    assert one.poll() is None
    one.send_signal(signal.SIGCONT)
    watched(watchdog, one, 1.5)
    assert one.poll() is None


def test_only_those_are_killed_that_it_is_told_of(watchdog: Watchdog, start: Start) -> None:
    one = start(IDLE)
    LIVING.clear()
    watched(watchdog, one, 1.5)
    os.kill(one.pid, signal.SIGSTOP)
    watched(watchdog, one, 2)
    assert one.poll() is None
