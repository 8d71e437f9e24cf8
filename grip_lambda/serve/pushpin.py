"""Configuration of a Pushpin: its files, its ports, and what the backend is told of it."""

from __future__ import annotations

import os
import random
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from string import Template

from ..errors import ConfigError
from ..settings import whole_number

#: A path of a Unix socket may have 107 bytes; Pushpin's names take up to 30 of them.
_RUNDIR_MAX = 75
#: Each has a queue of its own for a hundred requests that become due in the same instant.
DEFAULT_ZURLS = min(32, max(8, 2 * (os.cpu_count() or 1)))
#: Clients of a Pushpin where the limit of open files allows them, and the files that it needs
#: for itself: some 60 were counted.
_MAXCONN = 50_000
_OWN_FILES = 100
_OWN_PORTS = range(20000, 32000)
#: Bytes of each of the two buffers of a connection, which is also what may be on its way to a
#: WebSocket; see grip/pace.py.
BUFFER = 65_536
#: Pushpin's own statistics cost messages between its programs for each request.
_NO_STATISTICS = {
    "proxy_stats": "# no statistics: they cost a message for each connection\nstats_spec=",
    "handler_stats": "proxy_stats_spec=\nstats_spec=",
}
_STATISTICS = {
    "proxy_stats": "stats_spec=ipc://{rundir}/{ipc_prefix}proxy-stats",
    "handler_stats": (
        "stats_spec=ipc://{rundir}/{ipc_prefix}stats\n"
        "stats_report_interval=10\nstats_format=tnetstring"
    ),
}
#: Ports that this process has a use for already, though nobody may listen there yet.
_given: set[int] = set()


@dataclass(frozen=True)
class PushpinConfig:
    """One Pushpin of this machine.

    Attributes:
        node: its name.
        port: where clients connect.
        control_port, push_port, sub_port, http_control_port: where the backend publishes.
        backend: ``host:port`` of the backend.
        key: what it signs requests with.
        rundir: the folder for its sockets and files.
        zurls: how many programs make its requests to the backend.
        statistics: whether it publishes its own, at ``ipc://<rundir>/gl-stats``.
        hosts: the addresses that ``port`` is on, in brackets where they are IPv6.
        maxconn: how many clients may be connected at once.
        trusted: how many proxies before it tell a client's address.
        control_host: the address that all ports but ``port`` are on.
    """

    node: str
    port: int
    control_port: int
    push_port: int
    sub_port: int
    http_control_port: int
    backend: str
    key: str
    rundir: Path
    zurls: int = DEFAULT_ZURLS
    statistics: bool = False
    hosts: Sequence[str] = ("127.0.0.1",)
    maxconn: int = 1000
    trusted: int = 0
    control_host: str = "127.0.0.1"

    @classmethod
    def local(
        cls,
        node: str,
        port: int,
        backend: str,
        key: str,
        rundir: Path,
        *,
        env: Mapping[str, str],
        hosts: Sequence[str] = ("127.0.0.1",),
        maxconn: int = 1000,
        has_front: bool = False,
        control: tuple[str, int] | None = None,
    ) -> PushpinConfig:
        """Return a configuration in which all but ``port`` is on one address.

        Args:
            env: settings: how many zurls there are, whether there are statistics, how many proxies
                there are before the front, or before this.
            has_front: whether a front stands before it.
            control: that address, and the first of four ports; free ports of the loopback
                interface if None.

        Raises:
            ConfigError: one makes no sense.
        """
        control_host, first = control or ("127.0.0.1", 0)
        a, b, c, d = range(first, first + 4) if first else free_ports(4)
        zurls = whole_number(env, "GRIP_LAMBDA_ZURLS", DEFAULT_ZURLS, 1, 32)
        statistics = whole_number(env, "GRIP_LAMBDA_PUSHPIN_STATS", 0, 0, 1) == 1
        trusted = whole_number(env, "GRIP_LAMBDA_TRUSTED_PROXIES", 0, 0, 20) + has_front
        ports = (port, a, b, c, d)
        made = cls(node, *ports, backend, key, rundir, zurls, statistics, hosts, maxconn, trusted)
        return replace(made, control_host=control_host)

    @property
    def listen(self) -> str:
        """Where clients connect: addresses with the port, and commas between them."""
        return ",".join(f"{host}:{self.port}" for host in self.hosts)

    @property
    def control_uri(self) -> str:
        return f"tcp://{self.control_host}:{self.control_port}"

    def write(self) -> list[str]:
        """Write its files, and return the command that starts it."""
        self.rundir.mkdir(parents=True, exist_ok=True, mode=0o700)
        names = [f"zurl{number}" for number in range(1, self.zurls + 1)]
        values = vars(self) | {
            "listen": self.listen,
            "buffer": BUFFER,
            **{f"zurl_{kind}_specs": _specs(names, kind) for kind in ("out", "in")},
            "zurl_out_stream_specs": _specs(names, "out_stream"),
            **(_STATISTICS if self.statistics else _NO_STATISTICS),
        }
        self._write("pushpin.conf", "pushpin.conf", values)
        self._write("routes", "routes", values)
        for name in names:
            self._write("zurl.conf", f"{name}.conf", values | {"name": name})
        return [sys.executable, "-m", "grip_lambda.serve.node", str(self.rundir)]

    def _write(self, template: str, name: str, values: Mapping[str, object]) -> None:
        path = self.rundir / name
        path.touch(mode=0o600)
        text = resources.files(__package__).joinpath(template).read_text()
        path.write_text(Template(text).substitute(values))

    def proxy_entry(self) -> dict[str, str]:
        """Return its entry of ``GRIP_PROXIES``."""
        return {
            "verify_iss": self.node,
            "control_zmq_uri": self.control_uri,
            "verify_key": self.key,
        }


def _specs(names: Iterable[str], kind: str) -> str:
    """Return the sockets of one kind of all zurls, as Pushpin names them."""
    ends = {"out": "in", "in": "out", "out_stream": "in-stream"}
    each = (f"ipc://{{rundir}}/{{ipc_prefix}}{name}-{ends[kind]}" for name in names)
    return ",".join(each)


def clients_within(files: int) -> int:
    """Return how many clients a Pushpin can hold that may open so many files."""
    return max(1, min(_MAXCONN, files - _OWN_FILES))


def check_pushpin() -> None:
    """Make sure that Pushpin can be started.

    Raises:
        ConfigError: it is missing, with how to install it.
    """
    if shutil.which("pushpin") is None:
        raise ConfigError("Pushpin is not installed; on Debian: apt-get install pushpin")
    shown = subprocess.run(
        ["pushpin", "--version"],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )
    if not re.search(r"pushpin \d", shown.stdout):
        raise ConfigError(f"`pushpin --version` failed: {(shown.stderr or shown.stdout).strip()}")


def check_rundir(path: Path) -> Path:
    """Return ``path`` if Unix sockets fit in it.

    Raises:
        ConfigError: it is too long.
    """
    if len(str(path).encode()) > _RUNDIR_MAX:
        raise ConfigError(f"the run folder {path} is too long for Unix sockets; set TMPDIR")
    return path


def keep_port(port: int) -> None:
    """Have ``free_ports`` never return ``port``."""
    _given.add(port)


def free_ports(count: int) -> list[int]:
    """Return ports of the loopback interface that nobody listens on now, each of them once.

    They are below those that the system gives to outgoing connections, one of which could
    otherwise have taken the port by the time that its program is started again.

    Raises:
        ConfigError: there are not enough of them.
    """
    found: list[int] = []
    for port in random.sample(_OWN_PORTS, len(_OWN_PORTS)):
        if port in _given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            _given.update(found)
            return found
    raise ConfigError("no ports are free from 20000 to 32000")
