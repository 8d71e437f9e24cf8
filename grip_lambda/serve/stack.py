"""One machine's deployment: a Pushpin, a Flask backend of several processes, the store."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import click
import orjson

from .. import settings
from ..errors import ConfigError, GripLambdaError
from ..hub import outcomes
from ..hub.keyring import KeyRing
from ..store import open_store
from .pushpin import PushpinConfig, check_pushpin, check_rundir, free_ports, keep_port
from .supervisor import Child, Supervisor

log = logging.getLogger(__name__)

READY_S = 30.0
_THREADS = 4
#: A reload gives each new worker this long to start before it stops the old one, in seconds: each
#: listens on a socket of its own, and calls are refused while there is none.
_RELOAD_S = 3
#: A worker that is told to stop while it starts does not hear it; seconds until it is killed.
_KILL_S = 3


@dataclass(frozen=True)
class Options:
    """What to run.

    Attributes:
        port: the public port.
        workers: how many Flask processes.
        demo: whether to open a lambda that echoes.
    """

    port: int
    workers: int
    demo: bool


def serve(options: Options) -> None:
    """Run everything in the foreground until SIGINT or SIGTERM.

    Raises:
        ConfigError: something is missing, or the port is taken.
        StoreError: the store can't be opened.
    """
    check_pushpin()
    check_port(options.port)
    rundir = check_rundir(Path(tempfile.mkdtemp(prefix="grip-lambda-")))
    try:
        _Stack(options, rundir).run()
    finally:
        shutil.rmtree(rundir, ignore_errors=True)


class _Stack:
    def __init__(self, options: Options, rundir: Path) -> None:
        environ = dict(os.environ)
        data = settings.data_folder(environ)
        (backend,) = free_ports(1)
        self._url = f"http://localhost:{options.port}"
        self._demo_file = rundir / "demo"
        key = settings.kept_secret(data / "sig-key")
        self._pushpin = PushpinConfig.local("n1", options.port, f"127.0.0.1:{backend}", key, rundir)
        environ["GRIP_PROXIES"] = orjson.dumps([self._pushpin.proxy_entry()]).decode()
        environ["GRIP_LAMBDA_DATA"] = str(data)
        environ["GRIP_LAMBDA_DEMO_URL"] = f"ws://127.0.0.1:{options.port}/lambda/new"
        environ["GRIP_LAMBDA_DEMO_FILE"] = str(self._demo_file)
        self._settings = settings.load(environ)
        self._keys = keys_told(self._settings)
        environ[settings.SUPERVISED] = "1"
        flask = backend_child("backend", backend, options.workers, environ)
        self._children = [
            flask,
            Child("pushpin", self._pushpin.write(), environ, on_exit=self._forget),
        ]
        if options.demo and self._settings.api_keys is None:  # it has no key
            demo = [sys.executable, "-m", "grip_lambda.serve.demo"]
            self._children.append(Child("demo", demo, environ))
        self._supervisor = Supervisor(self._children, on_reload=lambda: flask.signal(signal.SIGHUP))

    def run(self) -> None:
        self._forget()  # whatever an earlier run left in the store
        self._supervisor.run(self._announce)

    def _forget(self) -> None:
        drop_node(self._settings.store, self._pushpin.node)

    def _announce(self) -> None:
        """Say how to use it, once it answers."""
        wait_for = self._supervisor.wait_for
        if not wait_for(lambda: answers(f"{self._url}/readyz"), READY_S):
            click.echo(f"grip-lambda does not answer at {self._url} yet; see above", err=True)
            return
        click.echo(f"\ngrip-lambda is ready. Open {self._url}/ : that tab is then a function.")
        if len(self._children) > 2 and wait_for(self._demo_file.exists, READY_S):
            click.echo(
                "Or call the one that is open already:\n\n"
                f"  curl -X POST {self._url}/lambda/{self._demo_file.read_text()}/echo"
                """ -d '{"hello": "world"}'\n"""
            )
        click.echo(self._keys)
        click.echo("Ctrl-C stops everything.")


def keys_told(known: settings.Settings) -> str:
    """Return what whoever starts a server should know of its API keys.

    Raises:
        ConfigError: their file can't be used.
    """
    if known.api_keys is None:
        return settings.OPEN
    count = len(KeyRing(known.api_keys, known.secret))
    return f"API keys: {count}, in {known.api_keys}; see `grip-lambda keys`."


def drop_node(store_url: str, node: str) -> None:
    """Close the lambdas of a Pushpin that ended: its connections ended with it."""
    try:
        store = open_store(store_url)
        try:
            store.drop_node(node, outcomes.DISCONNECTED, time.time())
        finally:
            store.close()
    except GripLambdaError as error:
        log.error("lambdas of %s were not dropped: %s", node, error)


def backend_child(name: str, port: int, workers: int, environ: dict[str, str]) -> Child:
    """Return the Flask backend as a child process."""
    return Child(name, [sys.executable, "-m", *backend_command(port, workers)], environ)


def backend_command(
    port: int, workers: int, target: str = "grip_lambda.web:create_app"
) -> list[str]:
    """Return the arguments of ``python -m`` that serve what the WSGI factory ``target`` makes."""
    return [
        *("granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port)),
        *("--workers", str(workers), "--blocking-threads", str(_THREADS), "--backlog", "1024"),
        *(
            "--respawn-failed-workers",
            "--respawn-interval",
            str(_RELOAD_S),
            "--workers-kill-timeout",
            str(_KILL_S),
        ),
        *("--no-ws", "--http", "1", "--log-level", "warning"),
        *("--factory", target),
    ]


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310
            return bool(response.status == 200)
    except OSError:
        return False


def check_port(port: int) -> None:
    """Make sure that the public port can be used, and that no other program is given it.

    Raises:
        ConfigError: it can't.
    """
    keep_port(port)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", port))  # noqa: S104
        except OSError as error:
            raise ConfigError(
                f"port {port} can't be used ({error.strerror}); choose another with PORT=…"
            ) from None
