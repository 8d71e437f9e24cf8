"""A whole deployment as a user starts it, on free ports, for a test."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
import tnetstring
import zmq

from tests.support.stack import Program, command, descendants, parent, program_below, wait_until


@dataclass(frozen=True)
class ClusterNode:
    """One Pushpin of a cluster."""

    name: str
    url: str
    rundir: Path

    @property
    def ws_url(self) -> str:
        return self.url.replace("http://", "ws://")

    def publish_ports(self) -> set[int]:
        """Return all ports where something can be published through it."""
        conf = (self.rundir / "pushpin.conf").read_text()
        names = "push_in_spec|push_in_sub_specs|push_in_http_port"
        return {int(port) for port in re.findall(rf"^(?:{names})=.*?(\d+)$", conf, re.MULTILINE)}


class Cluster(Program):
    """A running `grip-lambda cluster`."""

    arguments = ("cluster",)

    def start(self) -> None:
        super().start()
        # localhost may be tried as ::1 first, where nobody listens
        state = json.loads(
            (self.data / "cluster.json").read_text().replace("localhost", "127.0.0.1")
        )
        self.nodes = [
            ClusterNode(name, one["url"], Path(one["rundir"]))
            for name, one in state["nodes"].items()
        ]
        self.backends: list[str] = state["backends"]
        self.store: str = state["store"]

    def _answers(self) -> bool:
        return "The cluster is ready" in self.log.read_text()

    def pushpin(self, node: ClusterNode) -> int:
        """Return the process id of what started a node's Pushpin and its zurls."""
        return self._child(f"grip_lambda.serve.node {node.rundir} ")

    def program(self, node: ClusterNode, name: str) -> int:
        """Return the process id of a Pushpin, or of one of its programs by its name."""
        main = self.pushpin(node)
        return program_below(main, name)

    def programs(self, node: ClusterNode) -> list[int]:
        """Return the process ids of a node's Pushpin and of all its programs."""
        pid = self.pushpin(node)
        return [pid, *descendants(pid)]

    def redis(self) -> int:
        """Return the process id of Redis."""
        return self._child("redis-server")

    def backend(self, number: int) -> tuple[int, int]:
        """Return the process ids of a backend: its supervisor, and the Flask process."""
        main = self._child(f"--port {self.backends[number].rpartition(':')[2]} ")
        (worker,) = [
            pid
            for pid in descendants(main)
            if parent(pid) == main and "resource_tracker" not in command(pid)
        ]
        return main, worker

    def children(self) -> list[int]:
        """Return the process ids of what the supervisor itself has started."""
        return [pid for pid in descendants(self.pid) if parent(pid) == self.pid]

    def _child(self, word: str) -> int:
        (pid,) = [pid for pid in self.children() if word in command(pid)]
        return pid

    @contextmanager
    def unsupervised(self) -> Iterator[None]:
        """Have nobody start again what ends."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)

    def said(self, words: str) -> int:
        """Return how many lines of the log have these words."""
        return sum(words in line for line in self.log.read_text().splitlines())


@dataclass(frozen=True)
class Health:
    """An answer of /healthz or /readyz; status 0 where none came."""

    status: int
    body: Any
    seconds: float


def health(url: str, timeout_s: float = 3.0) -> Health:
    """Ask for a health page."""
    began = time.monotonic()
    status, body = 0, None
    with contextlib.suppress(requests.RequestException):
        response = requests.get(url, timeout=timeout_s)
        status = response.status_code
        with contextlib.suppress(ValueError):
            body = response.json()
    return Health(status, body, time.monotonic() - began)


class Deliveries:
    """What each Pushpin says that it delivers: its ``message`` statistics."""

    def __init__(self, nodes: Sequence[ClusterNode]) -> None:
        self._context: zmq.Context[Any] = zmq.Context()
        self._sockets: dict[str, zmq.Socket[bytes]] = {}
        for node in nodes:
            socket = self._context.socket(zmq.SUB)
            socket.linger = 0
            monitor = socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED)
            socket.subscribe(b"message ")
            socket.connect(f"ipc://{node.rundir}/gl-stats")
            assert monitor.poll(5000), "the statistics are out of reach"
            socket.disable_monitor()
            self._sockets[node.name] = socket

    def read(self) -> list[tuple[str, str]]:
        """Return what was delivered since: pairs of node and channel."""
        found = []
        for name, socket in self._sockets.items():
            while socket.poll(0):
                packet = tnetstring.loads(socket.recv().partition(b" T")[2])
                found.append((name, packet[b"channel"].decode()))
        return found

    def close(self) -> None:
        self._context.destroy(linger=0)


def published_bytes(nodes: Sequence[ClusterNode]) -> dict[str, int]:
    """Return how many bytes each Pushpin has received where things are published through it.

    What nobody is subscribed to is not in Pushpin's statistics, but the kernel counts it.
    """
    owners = {port: node.name for node in nodes for port in node.publish_ports()}
    ports = " or ".join(f"sport = :{port}" for port in owners)
    shown = subprocess.run(
        ["ss", "-tinHO", "state", "established", f"( {ports} )"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    counts = {node.name: 0 for node in nodes}
    for line in shown.splitlines():
        local = int(line.split()[2].rpartition(":")[2])
        received = re.search(r"bytes_received:(\d+)", line)
        if received:
            counts[owners[local]] += int(received[1])
    return counts


def settled(read: Callable[[], Any], quiet_s: float = 0.3) -> Any:
    """Return a value once it has not changed for a while."""
    seen = [(read(), time.monotonic())]

    def still() -> bool:
        now = read()
        if now != seen[-1][0]:
            seen.append((now, time.monotonic()))
        return time.monotonic() - seen[-1][1] >= quiet_s

    wait_until(still, what="rest")
    return seen[-1][0]
