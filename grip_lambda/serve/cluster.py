"""A whole deployment on one machine: Pushpins, Flask processes, a Redis and an nginx."""

from __future__ import annotations

import logging
import os
import shutil
import signal
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path

import orjson

from .. import metrics, settings
from ..credentials import with_files
from ..errors import ConfigError
from .checks import INSPECTED, count_keys, tell_who_may, told_clients, written
from .child import Child
from .folder import State, held, run_folder
from .front import FrontConfig, check_nginx
from .listening import Listening
from .pushpin import PushpinConfig, check_pushpin, free_ports
from .relay import Relay
from .stack import READY_S, answers, backend_child, drop_node, workers_of
from .supervisor import Supervisor
from .telling import say
from .watchdog import Watchdog

log = logging.getLogger(__name__)

_REDIS = ("--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--loglevel", "warning")


@dataclass(frozen=True)
class Options:
    """What to run.

    Attributes:
        host: the address of the public port, or ``localhost``.
        port: the public port, nginx's.
        nodes: how many Pushpins.
        backends: how many Flask processes.
    """

    host: str
    port: int
    nodes: int
    backends: int


def run(options: Options) -> None:
    """Run everything in the foreground until SIGINT or SIGTERM; SIGHUP restarts the backends.

    Raises:
        ConfigError: something is missing, a setting makes no sense, the port is taken, or another
            process uses the data folder.
    """
    check_pushpin()
    check_nginx()
    if shutil.which("redis-server") is None:
        raise ConfigError("Redis is not installed; on Debian: apt-get install redis-server")
    data = settings.data_folder(os.environ)
    with held(data, "cluster") as state, run_folder() as rundir:
        _Cluster(options, data, state, rundir).run()


class _Cluster:
    def __init__(self, options: Options, data: Path, state: State, rundir: Path) -> None:
        environ = with_files(os.environ)
        self._state = state
        self._listening = Listening.on(options.host, options.port)
        redis_port, private_port, *ports = free_ports(2 + options.nodes + options.backends)
        self._node_ports = ports[: options.nodes]
        self._backend_ports = ports[options.nodes :]
        self._options = options
        self._rundir = rundir
        self._url = self._listening.url
        self._public_url = settings.public_url(environ) or self._url
        self._store = f"redis://127.0.0.1:{redis_port}/0"
        key, clients = settings.signing_key(data), told_clients(has_front=True)
        self._node_urls = {
            f"n{n}": f"http://127.0.0.1:{port}" for n, port in enumerate(self._node_ports, 1)
        }
        self._pushpins = [
            PushpinConfig.local(
                name,
                port,
                f"127.0.0.1:{private_port}",
                key,
                rundir / name,
                env=environ,
                maxconn=clients,
                has_front=True,
            )
            for name, port in zip(self._node_urls, self._node_ports, strict=True)
        ]
        entries = [one.proxy_entry() for one in self._pushpins]
        environ["GRIP_PROXIES"] = orjson.dumps(entries).decode()
        environ["GRIP_LAMBDA_STORE"] = self._store
        environ["GRIP_LAMBDA_FRONT_KEY"] = front_key = settings.kept_secret(data / "front-key")
        environ["GRIP_LAMBDA_DATA"] = str(data)
        self._settings = settings.load(environ)
        self._key_count = count_keys(self._settings)
        environ[settings.SUPERVISED] = str(signs := rundir / "signs")
        environ[metrics.FOLDER] = metrics.new_folder(rundir)
        self._backends = [
            backend_child(f"backend {n}", port, 1, environ)
            for n, port in enumerate(self._backend_ports, 1)
        ]
        nginx = FrontConfig(
            self._listening.specs.split(","),
            [f"127.0.0.1:{port}" for port in self._node_ports],
            [f"127.0.0.1:{port}" for port in self._backend_ports],
            front_key,
            rundir / "front",
            private=f"127.0.0.1:{private_port}",
        )
        self._children = [
            Child(
                "redis",
                ["redis-server", "--port", str(redis_port), *_REDIS],
                environ,
                rundir,
                relay=Relay("redis"),
            ),
            *self._backends,
            *(
                Child(
                    f"pushpin {one.node}",
                    written(one),
                    environ,
                    on_exit=partial(drop_node, self._store, one.node),
                    relay=Relay(f"pushpin {one.node}"),
                )
                for one in self._pushpins
            ),
            Child("nginx", nginx.write(), environ, relay=Relay("nginx")),
        ]
        self._supervisor = Supervisor(
            self._children,
            self._restart_backends,
            self._note,
            Watchdog(signs, lambda: chain.from_iterable(map(workers_of, self._backends))),
        )

    def run(self) -> None:
        say("starting Redis, the backends, the Pushpins and nginx …", err=True)
        self._supervisor.run(self._announce)

    def _restart_backends(self) -> None:
        """Replace one Flask process after the other."""
        for child in self._backends:
            before = set(workers_of(child))
            child.signal(signal.SIGHUP)
            if not self._supervisor.wait_for(partial(_replaced, child, before), READY_S):
                log.error("%s was not replaced; the others are not either", child.name)
                return

    def _wait_for(self, *urls: str) -> bool:
        return self._supervisor.wait_for(lambda: all(map(answers, urls)), READY_S)

    def _note(self) -> None:
        """Write down what is running."""
        nodes = {
            one.node: {"url": self._node_urls[one.node], "rundir": str(one.rundir)}
            for one in self._pushpins
        }
        processes = {child.name: child.pid for child in self._children}
        self._state.write(
            {
                "url": self._url,
                "nodes": nodes,
                "backends": [f"http://127.0.0.1:{port}" for port in self._backend_ports],
                "store": self._store,
                "rundir": str(self._rundir),
                "supervisor": os.getpid(),
                "processes": processes,
            }
        )

    def _announce(self) -> None:
        """Say how to use it, once it answers."""
        self._note()
        nodes = self._node_urls
        every = [f"http://127.0.0.1:{port}/readyz" for port in self._backend_ports]
        every += [f"{url}/readyz" for url in nodes.values()]
        if not self._wait_for(*every, f"{self._url}/readyz"):
            say(f"the cluster does not answer at {self._url} yet; see above", err=True)
            return
        say(
            f"\nThe cluster is ready: {len(nodes)} Pushpins, {len(every) - len(nodes)} backends,"
            f" one Redis, one nginx.\n\n  {self._public_url}/  (everything, through nginx)"
        )
        for name, url in nodes.items():
            say(f"  {url}/  (node {name} alone)")
        say()
        tell_who_may(self._settings, self._key_count, self._listening)
        if self._settings.inspect:
            say(INSPECTED)
        say(
            f"\nProcess ids and addresses: {self._state}\n"
            "Kill any of them: it is started again. SIGHUP restarts the backends one by one.\n"
            "Ctrl-C stops everything."
        )


def _replaced(backend: Child, before: set[int]) -> bool:
    """Tell whether other processes have taken the place of those of before."""
    now = set(workers_of(backend))
    return bool(now) and not now & before
