"""The product as a user starts it, on free ports, for a test."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, TypeVar

import requests

READY_S = 30.0

T = TypeVar("T")


def wait_until(condition: Callable[[], T], timeout_s: float = 10.0, what: str = "it") -> T:
    """Return the condition's value once it is true; fail after ``timeout_s`` seconds."""
    until = time.monotonic() + timeout_s
    while not (value := condition()):
        assert time.monotonic() < until, f"{what} did not happen within {timeout_s} s"
        time.sleep(0.01)
    return value


def free_port() -> int:
    """Return a port below those that the kernel gives to outgoing connections."""
    while True:
        port = random.randrange(15_000, 30_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("0.0.0.0", port))
            return port


def inherited() -> dict[str, str]:
    """Return the environment of the tests, without what would be a setting."""
    return {k: v for k, v in os.environ.items() if not k.startswith("GRIP_") and k != "HOST"}


class Program:
    """A running command of `grip-lambda`; everything that it starts is in its process tree."""

    arguments: ClassVar[tuple[str, ...]]
    #: A command that starts it, where it is not started as it is.
    by: ClassVar[tuple[str, ...]] = ()

    def __init__(self, folder: Path, **environ: str) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.ws_url = f"ws://127.0.0.1:{self.port}"
        self.log = folder / "log"
        self._environ = {
            **inherited(),
            "PORT": str(self.port),
            "GRIP_LAMBDA_DATA": str(self.data),
            **environ,
        }
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self.by, sys.executable, "-m", "grip_lambda", *self.arguments],
                env=self._environ,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
        try:
            wait_until(self._ready, READY_S, "the start")
        except BaseException as error:
            self._end()
            raise AssertionError(f"it did not start:\n{self.log.read_text()}") from error

    def _ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "it ended"
        return self._answers()

    def _answers(self) -> bool:
        return self.is_ready()

    def is_ready(self) -> bool:
        """Tell whether a worker takes requests; one that has just started may not for a while."""
        with contextlib.suppress(requests.RequestException):
            return requests.get(f"{self.url}/readyz", timeout=5).ok
        return False

    def stop(self) -> None:
        """Stop it as Ctrl-C does, and make sure that nothing is left."""
        left = self._end()
        assert not left, f"processes outlived it: {left}\n{self.log.read_text()}"

    def _end(self) -> list[int]:
        """End it, and then what it leaves; return the process ids of that."""
        process = self._process
        if process is None:
            return []
        self._process = None
        started = {*descendants(process.pid), *_with_data(self.data)}
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGCONT)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            started.update(descendants(process.pid))
        process.kill()
        process.wait()
        alive = [pid for pid in {*started, *_with_data(self.data)} if not ended(pid)]
        for pid in alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return alive

    def listing(self) -> dict[str, dict[str, object]]:
        listing: dict[str, dict[str, object]] = requests.get(
            f"{self.url}/lambda", timeout=10
        ).json()
        return listing


class Stack(Program):
    """A running `grip-lambda serve`."""

    arguments: ClassVar[tuple[str, ...]] = ("serve", "--no-demo")

    @property
    def has_front(self) -> bool:
        """Whether an nginx stands before Pushpin."""
        return self._environ.get("GRIP_LAMBDA_FRONT") != "0"

    @property
    def max_body(self) -> int:
        """How many bytes the body of a call may have whose caller waits."""
        return 6_291_456 if self.has_front else 100_000

    def workers(self) -> list[int]:
        """Return the process ids of the Flask workers."""
        return [
            pid
            for pid in descendants(self.pid)
            if "serve.backend" in command(pid)
            and "serve.backend" in command(parent(pid))
            and "resource_tracker" not in command(pid)
        ]

    def kill_workers(self) -> None:
        """Kill all Flask workers, and wait until others have taken their place."""
        before = set(self.workers())
        for pid in before:
            with contextlib.suppress(ProcessLookupError):  # it was about to be replaced
                os.kill(pid, signal.SIGKILL)

        def restarted() -> bool:
            return len(set(self.workers()) - before) >= len(before) and self.is_ready()

        wait_until(restarted, 30, "the restart of the workers")

    def backend_port(self) -> int:
        """Return the port of the Flask workers, which is private."""
        words = command(parent(self.workers()[0])).split()
        return int(words[words.index("--port") + 1])

    def pushpin(self, name: str) -> int:
        """Return the process id of one of Pushpin's programs, like ``pushpin-proxy``."""
        return program_below(self.pid, name)

    def pushpins(self) -> list[int]:
        """Return the process ids of all living handlers of Pushpin: one, as a rule."""
        return [
            pid
            for pid in descendants(self.pid)
            if "/pushpin-handler " in command(pid) and not ended(pid)
        ]


def ended(pid: int) -> bool:
    """Tell whether a process has ended and closed its sockets, collected or not.

    Its sockets are open until the last of its threads has ended.
    """
    try:
        threads = [entry.name for entry in Path(f"/proc/{pid}/task").iterdir()]
    except OSError:
        return True
    return all(_thread_ended(pid, thread) for thread in threads)


def _thread_ended(pid: int, thread: str) -> bool:
    try:
        state = Path(f"/proc/{pid}/task/{thread}/stat").read_text()
    except OSError:
        return True
    return state.rpartition(")")[2].split()[0] in "ZX"


def descendants(pid: int) -> list[int]:
    """Return the process ids of all that a process started and what they did."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            children.setdefault(parent(int(entry.name)), []).append(int(entry.name))
    found: list[int] = []
    queue = [pid]
    while queue:
        found += (below := children.get(queue.pop(), []))
        queue += below
    return found


def program_below(pid: int, name: str) -> int:
    """Return the process id of a program that a process started, by the name of its file."""
    found = [
        one for one in descendants(pid) if command(one).split(" ")[0].rpartition("/")[2] == name
    ]
    return found[0]  # there are several zurls


def _with_data(folder: Path) -> list[int]:
    """Return the process ids of all programs that were given this data folder."""
    wanted = f"GRIP_LAMBDA_DATA={folder}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if wanted in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
    return found


def parent(pid: int) -> int:
    """Return the process id of who started a process; -1 where it has ended."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return -1


def command(pid: int) -> str:
    """Return the command line of a process, empty where it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""
