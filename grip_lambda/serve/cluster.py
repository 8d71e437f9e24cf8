"""A whole deployment on one machine: Pushpins, Flask processes, a Redis and a load balancer."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from dataclasses import dataclass
from functools import partial
from importlib import resources
from pathlib import Path
from string import Template

import click
import orjson

from .. import settings
from ..errors import ConfigError
from .pushpin import PushpinConfig, check_pushpin, check_rundir, free_ports
from .stack import READY_S, answers, backend_child, check_port, drop_node, keys_told
from .supervisor import Child, Supervisor

log = logging.getLogger(__name__)

_REDIS = ("--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--logfile", "redis.log")
#: New connections a second that each Pushpin is given; it can open some 800.
_SESSIONS = 300


@dataclass(frozen=True)
class Options:
    """What to run.

    Attributes:
        port: the public port, the load balancer's.
        nodes: how many Pushpins.
        backends: how many Flask processes.
    """

    port: int
    nodes: int
    backends: int


def run(options: Options) -> None:
    """Run everything in the foreground until SIGINT or SIGTERM; SIGHUP restarts the backends.

    Raises:
        ConfigError: something is missing, or the port is taken.
    """
    check_pushpin()
    for program, package in (("haproxy", "haproxy"), ("redis-server", "redis-server")):
        if shutil.which(program) is None:
            raise ConfigError(f"{program} is not installed; on Debian: apt-get install {package}")
    check_port(options.port)
    rundir = check_rundir(Path(tempfile.mkdtemp(prefix="grip-lambda-")))
    try:
        _Cluster(options, rundir).run()
    finally:
        shutil.rmtree(rundir, ignore_errors=True)


class _Cluster:
    def __init__(self, options: Options, rundir: Path) -> None:
        environ = dict(os.environ)
        data = settings.data_folder(environ)
        redis_port, private_port, *ports = free_ports(2 + options.nodes + options.backends)
        self._node_ports = ports[: options.nodes]
        self._backend_ports = ports[options.nodes :]
        self._options = options
        self._rundir = rundir
        self._url = f"http://localhost:{options.port}"
        self._store = f"redis://127.0.0.1:{redis_port}/0"
        key = settings.kept_secret(data / "sig-key")
        self._pushpins = [
            PushpinConfig.local(f"n{n}", port, f"127.0.0.1:{private_port}", key, rundir / f"n{n}")
            for n, port in enumerate(self._node_ports, 1)
        ]
        entries = [one.proxy_entry() for one in self._pushpins]
        environ["GRIP_PROXIES"] = orjson.dumps(entries).decode()
        environ["GRIP_LAMBDA_STORE"] = self._store
        environ["GRIP_LAMBDA_DATA"] = str(data)
        self._keys = keys_told(settings.load(environ))
        environ[settings.SUPERVISED] = "1"
        self._state_file = data / "cluster.json"
        self._backends = [
            backend_child(f"backend {n}", port, 1, environ)
            for n, port in enumerate(self._backend_ports, 1)
        ]
        self._children = [
            Child("redis", ["redis-server", "--port", str(redis_port), *_REDIS], environ, rundir),
            *self._backends,
            *(
                Child(
                    f"pushpin {one.node}",
                    one.write(),
                    environ,
                    on_exit=partial(drop_node, self._store, one.node),
                )
                for one in self._pushpins
            ),
            Child("haproxy", self._haproxy(private_port), environ),
        ]
        self._supervisor = Supervisor(self._children, on_reload=self._restart_backends)

    def run(self) -> None:
        self._supervisor.run(self._announce)

    def _haproxy(self, private_port: int) -> list[str]:
        """Write the load balancer's configuration, and return the command that starts it."""

        def servers(name: str, ports: list[int]) -> str:
            lines = (f"    server {name}{n} 127.0.0.1:{port}" for n, port in enumerate(ports, 1))
            return "\n".join(lines)

        template = resources.files(__package__).joinpath("haproxy.cfg").read_text()
        path = self._rundir / "haproxy.cfg"
        path.write_text(
            Template(template).substitute(
                port=self._options.port,
                private_port=private_port,
                sessions=_SESSIONS * self._options.nodes,
                pushpins=servers("n", self._node_ports),
                flask=servers("b", self._backend_ports),
            )
        )
        return ["haproxy", "-q", "-f", str(path)]

    def _restart_backends(self) -> None:
        """Restart one Flask process after the other, each when the one before serves again."""
        for child, port in zip(self._backends, self._backend_ports, strict=True):
            child.restart()
            if not self._wait_for(f"http://127.0.0.1:{port}/readyz"):
                log.error("%s is not ready; the others are not restarted", child.name)
                return

    def _wait_for(self, *urls: str) -> bool:
        return self._supervisor.wait_for(lambda: all(map(answers, urls)), READY_S)

    def _announce(self) -> None:
        """Say how to use it, once it answers."""
        nodes = {
            one.node: {"url": f"http://localhost:{one.port}", "rundir": str(one.rundir)}
            for one in self._pushpins
        }
        state = {
            "url": self._url,
            "nodes": nodes,
            "backends": [f"http://127.0.0.1:{port}" for port in self._backend_ports],
            "store": self._store,
            "processes": {child.name: child.pid for child in self._children},
        }
        self._state_file.write_bytes(orjson.dumps(state, option=orjson.OPT_INDENT_2))
        every = [f"http://127.0.0.1:{port}/readyz" for port in self._backend_ports]
        every += [f"{node['url']}/readyz" for node in nodes.values()]
        if not self._wait_for(*every, f"{self._url}/readyz"):
            click.echo(f"the cluster does not answer at {self._url} yet; see above", err=True)
            return
        click.echo(
            f"\nThe cluster is ready: {len(nodes)} Pushpins, {len(every) - len(nodes)} backends,"
            f" one Redis, one HAProxy.\n\n  {self._url}/  (everything, through the load balancer)"
        )
        for name, node in nodes.items():
            click.echo(f"  {node['url']}/  (node {name} alone)")
        click.echo(f"\n{self._keys}")
        click.echo(
            f"\nProcess ids and addresses: {self._state_file}\n"
            "Kill any of them: it is started again. SIGHUP restarts the backends one by one.\n"
            "Ctrl-C stops everything."
        )
