"""A real Redis on a free port, for tests."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis

from tests.support.stack import free_port, wait_until


class RedisServer:
    """A `redis-server` without persistence, which can be stopped and started again."""

    def __init__(self, folder: Path, *, cluster: bool = False) -> None:
        assert shutil.which("redis-server"), "redis-server is missing: apt-get install redis-server"
        self.port = free_port()
        self.client: Any = redis.Redis(port=self.port, socket_timeout=10)
        self._folder = folder
        self._cluster = cluster
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0" + ("?cluster" if self._cluster else "")

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        options = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        if self._cluster:
            bus = ["--cluster-port", str(free_port()), "--cluster-config-file", "nodes.conf"]
            options += ["--cluster-enabled", "yes", *bus]
        with (self._folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(
                ["redis-server", "--port", str(self.port), *options],
                cwd=self._folder,
                stdout=log,
                stderr=log,
            )
        wait_until(self._answers, what="the start of Redis")
        if self._cluster:
            if self.client.cluster("info")["cluster_slots_assigned"] == "0":
                self.client.execute_command("CLUSTER ADDSLOTSRANGE", 0, 16383)
            wait_until(
                lambda: self.client.cluster("info")["cluster_state"] == "ok", what="the cluster"
            )

    def _answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.ConnectionError:
            return False

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Have it stand still: who connects is not refused, and gets no answer."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it without a word."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextmanager
def running_redis(folder: Path, *, cluster: bool = False) -> Iterator[RedisServer]:
    server = RedisServer(folder, cluster=cluster)
    try:
        yield server
    finally:
        server.kill()
        server.client.close()
