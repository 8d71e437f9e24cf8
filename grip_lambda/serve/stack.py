"""One machine's deployment: a Pushpin, a Flask backend of several processes, the store."""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
import urllib.request
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import orjson

from .. import metrics, settings
from ..credentials import with_files
from ..errors import GripLambdaError
from ..hub.calls import outcomes
from ..hub.watching import tell_dropped
from ..store import open_store
from ..store.patience import ANSWER_S, Patience
from . import front
from .checks import INSPECTED, check_store, count_keys, is_own, tell_who_may, told_clients, written
from .child import Child, children_of
from .folder import State, held, holding, run_folder
from .listening import Listening
from .pushpin import PushpinConfig, check_pushpin, free_ports
from .relay import Relay
from .supervisor import Supervisor
from .telling import say
from .watchdog import Watchdog

log = logging.getLogger(__name__)

READY_S = 30.0
#: What a backend serves: a factory.
APPLICATION = "grip_lambda.web:create_app"


@dataclass(frozen=True)
class Options:
    """What to run.

    Attributes:
        host: the address of the public port, or ``localhost``.
        port: the public port.
        workers: how many Flask processes.
        demo: whether to open a lambda that echoes.
    """

    host: str
    port: int
    workers: int
    demo: bool


def serve(options: Options) -> None:
    """Run everything in the foreground until SIGINT or SIGTERM.

    Raises:
        ConfigError: something is missing, a setting makes no sense, the port is taken, or another
            process uses the data folder.
        StoreError: the store can't be opened or written.
    """
    check_pushpin()
    data = settings.data_folder(os.environ)
    with held(data, "serve") as state, run_folder() as rundir:
        stack = _Stack(options, data, state, rundir)
        store = stack.store_file
        with nullcontext() if store is None else holding(store, "serve"):
            stack.run()


class _Stack:
    def __init__(self, options: Options, data: Path, state: State, rundir: Path) -> None:
        environ = with_files(os.environ)
        self._state = state
        self._rundir = rundir
        self._listening = Listening.on(options.host, options.port)
        self._url = self._listening.url
        self._public_url = settings.public_url(environ) or self._url
        backend, behind = free_ports(2)
        self._has_front = has_front = front.is_wanted(environ)
        if has_front:
            environ["GRIP_LAMBDA_FRONT_KEY"] = key = settings.kept_secret(data / "front-key")
        self._backend_url = f"http://127.0.0.1:{backend}"
        clients = told_clients(has_front=has_front)
        self._pushpin = PushpinConfig.local(
            "n1",
            behind if has_front else options.port,
            f"127.0.0.1:{backend}",
            settings.signing_key(data),
            rundir,
            env=environ,
            hosts=("127.0.0.1",) if has_front else self._listening.hosts,
            maxconn=clients,
            has_front=has_front,
        )
        environ["GRIP_PROXIES"] = orjson.dumps([self._pushpin.proxy_entry()]).decode()
        environ["GRIP_LAMBDA_DATA"] = str(data)
        if is_own(environ, self._listening):
            environ.setdefault("GRIP_LAMBDA_INSPECT", "1")
        self._settings = settings.load(environ)
        self._key_count = count_keys(self._settings)
        environ[settings.SUPERVISED] = str(signs := rundir / "signs")
        environ[metrics.FOLDER] = metrics.new_folder(rundir)
        self._flask = backend_child("backend", backend, options.workers, environ)
        self._children = [
            self._flask,
            Child(
                "pushpin",
                written(self._pushpin),
                environ,
                on_exit=self._forget,
                relay=Relay("pushpin"),
            ),
        ]
        if has_front:
            nginx = front.FrontConfig(
                self._listening.specs.split(","),
                [f"127.0.0.1:{behind}"],
                [f"127.0.0.1:{backend}"],
                key,
                rundir / "front",
            )
            self._children.append(Child("nginx", nginx.write(), environ, relay=Relay("nginx")))
        self._has_demo = False
        self._opened = rundir / "demo"
        if options.demo and self._settings.api_keys is None:  # it has no key
            url = f"{self._url.replace('http', 'ws', 1)}/lambda/new"
            demo = [sys.executable, "-m", "grip_lambda.serve.demo", url]
            demo += [str(data / "demo.json"), str(self._opened)]
            self._children.append(Child("demo", demo, environ, relay=Relay("demo")))
            self._has_demo = True
        self._supervisor = Supervisor(
            self._children,
            self._reload,
            self._note,
            Watchdog(signs, lambda: workers_of(self._flask)),
        )

    @property
    def store_file(self) -> Path | None:
        """The file of the embedded store; None where the store is another one."""
        scheme, _, path = self._settings.store.partition(":///")
        return Path(path) if scheme == "sqlite" else None

    def run(self) -> None:
        check_store(self._settings.store)
        self._forget()  # whatever an earlier run left in the store
        say(
            "starting the backend, Pushpin and nginx …"
            if self._has_front
            else "starting the backend and Pushpin …",
            err=True,
        )
        self._supervisor.run(self._announce)

    def _forget(self) -> None:
        drop_node(self._settings.store, self._pushpin.node)

    def _reload(self) -> None:
        """Replace the Flask processes, one after the other."""
        self._flask.signal(signal.SIGHUP)

    def _note(self) -> None:
        """Write down what is running."""
        processes = {child.name: child.pid for child in self._children}
        self._state.write(
            {
                "url": self._url,
                "backend": self._backend_url,
                "rundir": str(self._rundir),
                "supervisor": os.getpid(),
                "processes": processes,
                "workers": workers_of(self._flask),
            }
        )

    def _announce(self) -> None:
        """Say how to use it, once it answers."""
        wait_for = self._supervisor.wait_for
        if not wait_for(lambda: answers(f"{self._url}/readyz"), READY_S):
            say(f"grip-lambda does not answer at {self._url} yet; see above", err=True)
            return
        url = self._public_url
        if self._key_count is None:
            say(f"\ngrip-lambda is ready. Open {url}/console to see and call what is open.")
        else:
            say(
                f"\ngrip-lambda is ready. Open {url}/console and sign in with an API key.\n"
                "Whoever opens a lambda or lists them needs an API key:\n\n"
                f"  GRIP_LAMBDA_KEY=… grip-lambda host --url {url} --exec 'jq .name'\n"
            )
        if self._has_demo and wait_for(self._opened.exists, READY_S):
            say(
                "Or call the one that is open already:\n\n"
                f"  curl -X POST {url}/lambda/{self._opened.read_text()}/echo"
                """ -d '{"hello": "world"}'\n"""
            )
        tell_who_may(self._settings, self._key_count, self._listening)
        if self._settings.inspect:
            say(INSPECTED)
        self._note()
        say(f"Process ids: {self._state}\nCtrl-C stops everything.")


def drop_node(store_url: str, node: str) -> None:
    """Close the lambdas of a Pushpin that ended: its connections ended with it."""
    try:
        store = open_store(store_url)
        try:
            with Patience(ANSWER_S):
                closed = store.drop_node(node, outcomes.DISCONNECTED, time.time())
                tell_dropped(store, closed)
        finally:
            store.close()
    except GripLambdaError as error:
        log.error("lambdas of %s were not dropped: %s", node, error)


def backend_child(
    name: str, port: int, workers: int, environ: dict[str, str], host: str = "127.0.0.1"
) -> Child:
    """Return the Flask backend as a child process."""
    threads = settings.threads(environ)
    command = [sys.executable, "-m", *backend_command(port, workers, threads), "--host", host]
    return Child(name, command, environ)


def workers_of(backend: Child) -> list[int]:
    """Return the ids of the processes that serve a backend's requests."""
    return children_of(backend.pid or 0)


def backend_command(port: int, workers: int, threads: int, factory: str = APPLICATION) -> list[str]:
    """Return the arguments of ``python -m`` that serve what the WSGI factory makes."""
    return [
        *("grip_lambda.serve.backend", "--port", str(port), "--workers", str(workers)),
        *("--threads", str(threads), "--factory", factory),
    ]


def answers(url: str) -> bool:
    try:
        # A Pushpin that has just started may lose a request: what was lost is not waited for.
        with urllib.request.urlopen(url, timeout=1) as response:  # noqa: S310
            return bool(response.status == 200)
    except OSError:
        return False
