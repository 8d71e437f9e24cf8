"""What is measured: the product as a user starts it, and the floor in the same surroundings."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from grip_lambda.serve.child import Child
from grip_lambda.serve.pushpin import PushpinConfig, free_ports
from grip_lambda.serve.stack import backend_command

from .quiet import last_lines

WORKERS = 2
_READY_S = 30.0
_STOP_S = 15.0
_TICKS = os.sysconf("SC_CLK_TCK")
_PUSHPIN = ("pushpin", "condure", "zurl")
#: The kinds of processes in a cluster, and those that a Pushpin consists of.
KINDS = ("backend", "pushpin", "nginx", "redis")
PARTS = ("condure", "zurl", "pushpin-proxy", "pushpin-handler")


@dataclass(frozen=True)
class Cpu:
    """Seconds of CPU that the processes of a stack have used."""

    backend: float
    pushpin: float
    nginx: float


@dataclass(frozen=True)
class Stack:
    """A running stack.

    Attributes:
        name: what the tables call it.
        port: the public port.
        roots: the processes that were started; their descendants belong to it.
    """

    name: str
    port: int
    roots: tuple[int, ...]

    def cpu(self) -> Cpu:
        """Return what it has used so far."""
        used = Cpu(0.0, 0.0, 0.0)
        for pid in _tree(self.roots):
            name, _, seconds = _stat(pid)
            if name.startswith(_PUSHPIN):
                used = replace(used, pushpin=used.pushpin + seconds)
            elif name == "nginx":
                used = replace(used, nginx=used.nginx + seconds)
            else:
                used = replace(used, backend=used.backend + seconds)
        return used

    def memory(self) -> dict[str, float]:
        """Return the proportional set size in bytes, by the names of the programs."""
        return memory_by_name(self.roots)


@dataclass(frozen=True)
class Cluster:
    """A running cluster.

    Attributes:
        ports: those of the Pushpins.
        backend: the URL of one Flask process.
        store: the URL of the Redis.
        roots: the process that was started for each child of the supervisor, by its name.
    """

    ports: tuple[int, ...]
    backend: str
    store: str
    roots: Mapping[str, int]

    def cpu(self) -> dict[str, float]:
        """Return the seconds of CPU used so far, by kind, and by part of the Pushpins."""
        used = dict.fromkeys((*KINDS, *PARTS), 0.0)
        for kind, pid in self._processes():
            name, _, seconds = _stat(pid)
            used[kind] += seconds
            if name in PARTS:
                used[name] += seconds
        return used

    def memory(self) -> dict[str, float]:
        """Return the proportional set size in bytes, by kind."""
        used = dict.fromkeys(KINDS, 0.0)
        for kind, pid in self._processes():
            used[kind] += _pss(pid)
        return used

    def _processes(self) -> Iterator[tuple[str, int]]:
        for name, root in self.roots.items():
            for pid in _tree([root]):
                yield name.partition(" ")[0], pid


@contextmanager
def product(
    settings: Mapping[str, str] | None = None, program: type[Child] = Child
) -> Iterator[Stack]:
    """Run `grip-lambda serve` on a free port, with these settings more."""
    with temporary_folder() as folder:
        (port,) = free_ports(1)
        environ = environment(PORT=str(port), WORKERS=str(WORKERS), GRIP_LAMBDA_DATA=str(folder))
        environ |= settings or {}
        command = [sys.executable, "-m", "grip_lambda", "serve", "--no-demo"]
        with running("product", port, [program("product", command, environ)]) as stack:
            yield stack


@contextmanager
def floor(program: type[Child] = Child) -> Iterator[Stack]:
    """Run the floor behind a Pushpin, both started as the product starts its own."""
    (backend,) = free_ports(1)
    command = backend_command(backend, WORKERS, 4, "bench.floor:create_app")
    with behind_pushpin("floor", backend, command, program) as stack:
        yield stack


@contextmanager
def behind_pushpin(
    name: str, backend: int, command: Sequence[str], program: type[Child] = Child
) -> Iterator[Stack]:
    """Run a module as the backend of a Pushpin; ``FLOOR_CONTROL`` and ``FLOOR_PUSH`` say where.

    Args:
        name: what the tables call it.
        backend: where the module listens.
        command: the module and its arguments.
        program: as what it is run, and Pushpin.
    """
    with temporary_folder() as folder:
        (port,) = free_ports(1)
        pushpin = PushpinConfig.local(name, port, f"127.0.0.1:{backend}", "floor", folder, env={})
        environ = environment(
            FLOOR_CONTROL=pushpin.control_uri,
            FLOOR_PUSH=f"tcp://127.0.0.1:{pushpin.push_port}",
        )
        children = [
            program("backend", [sys.executable, "-m", *command], environ),
            program("pushpin", pushpin.write(), environ),
        ]
        with running(name, port, children) as stack:
            yield stack


@contextmanager
def cluster(nodes: int, backends: int, ping_s: int) -> Iterator[Cluster]:
    """Run `grip-lambda cluster` on a free port."""
    with temporary_folder() as folder:
        (port,) = free_ports(1)
        environ = environment(
            PORT=str(port),
            NODES=str(nodes),
            BACKENDS=str(backends),
            GRIP_LAMBDA_DATA=str(folder),
            GRIP_LAMBDA_PING=str(ping_s),
        )
        child = Child("cluster", [sys.executable, "-m", "grip_lambda", "cluster"], environ)
        with running("cluster", port, [child]):
            state: dict[str, Any] = orjson.loads((folder / "cluster.json").read_bytes())
            ports = tuple(int(node["url"].rpartition(":")[2]) for node in state["nodes"].values())
            for one in ports:
                _wait_until_ready(one, [child])
            yield Cluster(ports, state["backends"][0], state["store"], state["processes"])


@contextmanager
def running(
    name: str, port: int, children: Sequence[Child], ready: str = "/lambda"
) -> Iterator[Stack]:
    """Run programs until the end of the block, which begins once the port answers.

    Raises:
        SystemExit: it does not, or one of them ended.
    """
    with ExitStack() as stopping:
        for child in children:
            stopping.callback(_stop, child)
            child.start()
        roots = tuple(child.process.pid for child in children if child.process is not None)
        _wait_until_ready(port, children, ready)
        yield Stack(name, port, roots)


def _stop(child: Child) -> None:
    if child.process is None:
        return  # it could not be started
    left = _tree([child.process.pid])
    child.signal(signal.SIGINT)
    child.wait(time.monotonic() + _STOP_S)
    child.kill()
    for pid in left:
        if Path(f"/proc/{pid}").exists():
            os.kill(pid, signal.SIGKILL)


def _wait_until_ready(port: int, children: Sequence[Child], path: str = "/lambda") -> None:
    until = time.monotonic() + _READY_S
    while time.monotonic() < until:
        for child in children:
            if child.process is not None and child.process.poll() is not None:
                status = child.process.returncode
                raise SystemExit(f"{child.name} ended with {status}{last_lines(children)}")
        if _answers(f"http://127.0.0.1:{port}{path}"):
            return
        time.sleep(0.1)
    raise SystemExit(f"nothing answers on port {port} after {_READY_S:.0f} s{last_lines(children)}")


def _answers(url: str) -> bool:
    """Tell whether a backend stands behind the port."""
    try:
        with urllib.request.urlopen(url, timeout=1):
            return True
    except OSError:
        return False


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Keep a folder until the end of the block."""
    with tempfile.TemporaryDirectory(prefix="grip-bench-") as name:
        yield Path(name)


def environment(**settings: str) -> dict[str, str]:
    """Return this process's environment with such settings of the product and no others."""
    return {k: v for k, v in os.environ.items() if not k.startswith("GRIP_")} | settings


def _tree(roots: tuple[int, ...] | list[int]) -> list[int]:
    """Return processes and all that they started."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            pid = int(entry.name)
            children.setdefault(_stat(pid)[1], []).append(pid)
    found: list[int] = []
    queue = list(roots)
    while queue:
        pid = queue.pop()
        found.append(pid)
        queue += children.get(pid, [])
    return found


def _stat(pid: int) -> tuple[str, int, float]:
    """Return a process's name, its parent, and the seconds of CPU that it has used."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return "", -1, 0.0
    head, _, tail = text.rpartition(")")
    fields = tail.split()
    return head.partition("(")[2], int(fields[1]), (int(fields[11]) + int(fields[12])) / _TICKS


def memory_of(pids: Iterable[int]) -> float:
    """Return what the Pushpin programs among processes take of memory, in bytes."""
    return sum(_pss(pid) for pid in pids if _stat(pid)[0].startswith(_PUSHPIN))


def memory_by_name(roots: tuple[int, ...]) -> dict[str, float]:
    """Return the proportional set size of processes and all below them, by name, in bytes."""
    used: dict[str, float] = {}
    for pid in _tree(roots):
        name = _stat(pid)[0]
        used[name] = used.get(name, 0.0) + _pss(pid)
    return used


def _pss(pid: int) -> float:
    """Return what a process takes of memory, its part of what it shares included, in bytes."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    return float(text.partition("\nPss:")[2].split()[0]) * 1024
