"""Configuration of a Pushpin: its files, its ports, and what the backend is told of it."""

from __future__ import annotations

import random
import re
import shutil
import socket
import subprocess
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from string import Template

from ..errors import ConfigError

#: A path of a Unix socket may have 107 bytes; Pushpin's names take up to 30 of them.
_RUNDIR_MAX = 75
_OWN_PORTS = range(20000, 32000)
#: Ports that this process has a use for already, though nobody may listen there yet.
_given: set[int] = set()


@dataclass(frozen=True)
class PushpinConfig:
    """One Pushpin of this machine. All but ``port`` listens on the loopback interface.

    Attributes:
        node: its name.
        port: where clients connect.
        control_port, push_port, sub_port, http_control_port: where the backend publishes.
        backend: ``host:port`` of the backend.
        key: what it signs requests with.
        rundir: the folder for its sockets and files.
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

    @classmethod
    def local(cls, node: str, port: int, backend: str, key: str, rundir: Path) -> PushpinConfig:
        """Return a configuration with free ports for all but ``port``."""
        control, push, sub, http_control = free_ports(4)
        return cls(node, port, control, push, sub, http_control, backend, key, rundir)

    @property
    def control_uri(self) -> str:
        return f"tcp://127.0.0.1:{self.control_port}"

    def write(self) -> list[str]:
        """Write its files, and return the command that starts it."""
        self.rundir.mkdir(parents=True, exist_ok=True, mode=0o700)
        values = vars(self)
        files = resources.files(__package__)
        for name in ("pushpin.conf", "routes"):
            text = Template(files.joinpath(name).read_text()).substitute(values)
            path = self.rundir / name
            path.touch(mode=0o600)
            path.write_text(text)
        return ["pushpin", "--merge-output", f"--config={self.rundir / 'pushpin.conf'}"]

    def proxy_entry(self) -> dict[str, str]:
        """Return its entry of ``GRIP_PROXIES``."""
        return {
            "verify_iss": self.node,
            "control_zmq_uri": self.control_uri,
            "verify_key": self.key,
        }


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
