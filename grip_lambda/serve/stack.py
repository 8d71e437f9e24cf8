"""One machine's deployment: a Pushpin, a Flask backend of several processes, the store."""

from __future__ import annotations

import logging
import os
import shutil
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
from ..store import open_store
from .pushpin import PushpinConfig, check_pushpin, check_rundir, free_ports
from .supervisor import Child, Supervisor

log = logging.getLogger(__name__)

_READY_S = 30.0
_THREADS = 4
#: A reload gives each new worker this long to start before it stops the old one, in seconds: each
#: listens on a socket of its own, and calls are refused while there is none.
_RELOAD_S = 3


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
    _check_port(options.port)
    rundir = check_rundir(Path(tempfile.mkdtemp(prefix="grip-lambda-")))
    try:
        _Stack(options, rundir).run()
    finally:
        shutil.rmtree(rundir, ignore_errors=True)


class _Stack:
    def __init__(self, options: Options, rundir: Path) -> None:
        environ = dict(os.environ)
        data = settings.data_folder(environ)
        control, push, sub, http_control, backend = free_ports(5)
        self._url = f"http://localhost:{options.port}"
        self._demo_file = rundir / "demo"
        self._pushpin = PushpinConfig(
            node="n1",
            port=options.port,
            control_port=control,
            push_port=push,
            sub_port=sub,
            http_control_port=http_control,
            backend=f"127.0.0.1:{backend}",
            key=settings.kept_secret(data / "sig-key"),
            rundir=rundir,
        )
        environ["GRIP_PROXIES"] = orjson.dumps([self._pushpin.proxy_entry()]).decode()
        environ["GRIP_LAMBDA_DATA"] = str(data)
        environ["GRIP_LAMBDA_DEMO_URL"] = f"ws://127.0.0.1:{options.port}/lambda/new"
        environ["GRIP_LAMBDA_DEMO_FILE"] = str(self._demo_file)
        self._settings = settings.load(environ)
        python = [sys.executable, "-m"]
        flask = Child("backend", [*python, *backend_command(backend, options.workers)], environ)
        self._children = [
            flask,
            Child("pushpin", self._pushpin.write(), environ, on_exit=self._forget),
        ]
        if options.demo:
            self._children.append(Child("demo", [*python, "grip_lambda.serve.demo"], environ))
        self._supervisor = Supervisor(self._children, reloaded=[flask])

    def run(self) -> None:
        self._forget()  # whatever an earlier run left in the store
        self._supervisor.run(self._announce)

    def _forget(self) -> None:
        """A Pushpin that ended took its connections along: none of its lambdas is open."""
        try:
            store = open_store(self._settings.store)
            try:
                store.drop_node(self._pushpin.node, outcomes.DISCONNECTED, time.time())
            finally:
                store.close()
        except GripLambdaError as error:
            log.error("lambdas of %s were not dropped: %s", self._pushpin.node, error)

    def _announce(self) -> None:
        """Say how to use it, once it answers."""
        until = time.monotonic() + _READY_S
        while not _answers(f"{self._url}/lambda") and time.monotonic() < until:
            time.sleep(0.05)
        click.echo(f"\ngrip-lambda is ready. Open {self._url}/ : that tab is then a function.")
        if len(self._children) > 2:
            while not self._demo_file.exists() and time.monotonic() < until:
                time.sleep(0.05)
            click.echo(
                "Or call the one that is open already:\n\n"
                f"  curl -X POST {self._url}/lambda/{self._demo_file.read_text()}/echo"
                """ -d '{"hello": "world"}'\n"""
            )
        click.echo("Ctrl-C stops everything.")


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
            "10",
        ),
        *("--no-ws", "--http", "1", "--log-level", "warning"),
        *("--factory", target),
    ]


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310
            return bool(response.status == 200)
    except OSError:
        return False


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", port))  # noqa: S104
        except OSError as error:
            raise ConfigError(
                f"port {port} can't be used ({error.strerror}); choose another with PORT=…"
            ) from None
