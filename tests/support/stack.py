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
from typing import TypeVar

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


class Stack:
    """A running `grip-lambda serve`; everything that it starts is in its process tree."""

    def __init__(self, folder: Path, **environ: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.ws_url = f"ws://127.0.0.1:{self.port}"
        self.log = folder / "log"
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("GRIP_")}
        self._environ = {
            **inherited,
            "PORT": str(self.port),
            "GRIP_LAMBDA_DATA": str(folder / "data"),
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
                [sys.executable, "-m", "grip_lambda", "serve", "--no-demo"],
                env=self._environ,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
        wait_until(self._ready, READY_S, f"the start of the stack ({self.log.read_text()})")

    def _ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text()
        try:
            return requests.get(f"{self.url}/lambda", timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def stop(self) -> None:
        """Stop it as Ctrl-C does, and make sure that nothing is left."""
        process = self._process
        if process is None:
            return
        self._process = None
        left = descendants(process.pid)
        process.send_signal(signal.SIGINT)
        try:
            process.wait(20)
        finally:
            process.kill()
            process.wait()
            alive = [pid for pid in left if Path(f"/proc/{pid}").exists()]
            for pid in alive:
                os.kill(pid, signal.SIGKILL)
        assert not alive, f"processes outlived the stack: {alive}\n{self.log.read_text()}"

    def workers(self) -> list[int]:
        """Return the process ids of the Flask workers."""
        return [
            pid
            for pid in descendants(self.pid)
            if "granian" in _command(pid)
            and "granian" in _command(_parent(pid))
            and "resource_tracker" not in _command(pid)
        ]

    def backend_port(self) -> int:
        """Return the port of the Flask workers, which is private."""
        command = _command(_parent(self.workers()[0])).split()
        return int(command[command.index("--port") + 1])

    def pushpin(self, name: str) -> int:
        """Return the process id of one of Pushpin's programs, like ``pushpin-proxy``."""
        (pid,) = [
            pid
            for pid in descendants(self.pid)
            if _command(pid).split(" ")[0].rpartition("/")[2] == name
        ]
        return pid

    def listing(self) -> dict[str, dict[str, object]]:
        listing: dict[str, dict[str, object]] = requests.get(
            f"{self.url}/lambda", timeout=10
        ).json()
        return listing


def ended(pid: int) -> bool:
    """Tell whether a process has ended and closed its sockets, collected or not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def descendants(pid: int) -> list[int]:
    """Return the process ids of all that a process started and what they did."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            children.setdefault(_parent(int(entry.name)), []).append(int(entry.name))
    found: list[int] = []
    queue = [pid]
    while queue:
        found += (below := children.get(queue.pop(), []))
        queue += below
    return found


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return -1


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""
