"""One part of a deployment in the foreground: a Pushpin, a backend, or the front.

`serve` and `cluster` run the same programs, all of them. These are for a service manager, on one
machine or several.
"""

from __future__ import annotations

import ipaddress
import os
import re
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from .. import metrics, settings
from ..credentials import with_files
from ..errors import ConfigError
from ..proxies import signing_proxies
from .checks import check_store, count_keys, told_clients, written
from .child import Child
from .folder import run_folder
from .front import FrontConfig, check_nginx
from .listening import Listening
from .pushpin import PushpinConfig, check_pushpin, check_rundir
from .relay import Relay
from .stack import READY_S, answers, backend_child, workers_of
from .supervisor import Supervisor, raise_file_limit
from .telling import ready, say
from .watchdog import Watchdog

#: Where a service manager wants the files of what it runs.
_RUNDIR = "RUNTIME_DIRECTORY"


@dataclass(frozen=True)
class PushpinOptions:
    """A Pushpin.

    Attributes:
        name: its ``verify_iss`` in ``GRIP_PROXIES``.
        host, port: where clients connect; the front, if there is one.
        backend: ``host:port`` where it asks.
        has_front: whether a front stands before it.
    """

    name: str
    host: str
    port: int
    backend: str
    has_front: bool = True


@dataclass(frozen=True)
class BackendOptions:
    """A backend.

    Attributes:
        host, port: where it listens.
        workers: how many processes it has.
    """

    host: str
    port: int
    workers: int


@dataclass(frozen=True)
class FrontOptions:
    """The front.

    Attributes:
        listen: where clients connect, ``host:port``.
        pushpins, backends: where those are, ``host:port``.
        private: where Pushpins ask, to be spread over the backends; None if they ask those.
        certificate, certificate_key: files for TLS; None without.
    """

    listen: Sequence[str]
    pushpins: Sequence[str]
    backends: Sequence[str]
    private: str | None = None
    certificate: Path | None = None
    certificate_key: Path | None = None


def pushpin(options: PushpinOptions) -> None:
    """Run a Pushpin and its zurls until SIGINT or SIGTERM.

    Raises:
        ConfigError: something is missing, a setting makes no sense, or the port is taken.
    """
    check_pushpin()
    env = with_files(os.environ)
    key, host, control = _entry(env, options.name)
    listening = Listening.on(options.host, options.port)
    with _rundir() as rundir:
        config = PushpinConfig.local(
            options.name,
            options.port,
            options.backend,
            key,
            rundir,
            env=env,
            hosts=listening.hosts,
            maxconn=told_clients(has_front=options.has_front),
            has_front=options.has_front,
            control=(host, control),
        )
        child = Child("pushpin", written(config), dict(os.environ), relay=Relay("pushpin"))
        _supervise(child, lambda: _listens(listening), f"pushpin {options.name}")


def _entry(env: dict[str, str], name: str) -> tuple[str, str, int]:
    """Return what a Pushpin signs with, and the address and the first port of its sockets."""
    entry = next((one for one in signing_proxies(env) if one.node == name), None)
    if entry is None:
        raise ConfigError(f"GRIP_PROXIES has no entry whose verify_iss is {name!r}")
    uri = urlsplit(entry.control_uri)
    try:
        ipaddress.ip_address(uri.hostname or "")
        port = uri.port or 0
    except ValueError:
        port = 0
    if uri.scheme != "tcp" or not 0 < port < 65533:
        raise ConfigError(
            f"GRIP_PROXIES: the control_zmq_uri of {name} must be tcp://<IP address>:<port>,"
            " as it listens there"
        )
    key = entry.key.decode(errors="replace")
    if not re.fullmatch(settings.SIGNING_KEY, key):
        raise ConfigError(f"GRIP_PROXIES: the verify_key of {name} {settings.SIGNING_KEY_SAYS}")
    return key, uri.netloc.rpartition(":")[0], port


def backend(options: BackendOptions) -> None:
    """Run a backend until SIGINT or SIGTERM; SIGHUP replaces its processes one by one.

    Raises:
        ConfigError: a setting makes no sense, the port is taken, or it can't be started.
        StoreError: the store can't be opened or written.
    """
    env = dict(os.environ)  # in which its processes find the files of secrets
    known = settings.load(env)
    count_keys(known)
    check_store(known.store)
    listening = Listening.on(options.host, options.port)
    raise_file_limit()
    with run_folder() as rundir:
        env[settings.SUPERVISED] = str(signs := rundir / "signs")
        env[metrics.FOLDER] = metrics.new_folder(rundir)
        address = str(listening.addresses[0])
        child = backend_child("backend", options.port, options.workers, env, address)
        watchdog = Watchdog(signs, lambda: workers_of(child))
        url = f"{listening.url}/healthz"
        _supervise(child, lambda: answers(url), "the backend", watchdog)


def _supervise(
    child: Child, is_ready: Callable[[], bool], what: str, watchdog: Watchdog | None = None
) -> None:
    """Run a program until SIGINT or SIGTERM, and start it again if it ends; pass SIGHUP on.

    Args:
        is_ready: tells whether it can be used.
        what: what is said to be ready then.
    """
    supervisor = Supervisor([child], lambda: child.signal(signal.SIGHUP), lambda: None, watchdog)

    def started() -> None:
        if supervisor.wait_for(is_ready, READY_S):
            say(f"{what} is ready", err=True)
            ready()

    supervisor.run(started)


def _listens(listening: Listening) -> bool:
    """Tell whether somebody takes connections at an address."""
    host = urlsplit(listening.url).hostname
    with suppress(OSError), socket.create_connection((host, listening.port), 1):
        return True
    return False


def front(options: FrontOptions) -> None:
    """Become an nginx that asks backends for calls, and Pushpins for all that is held.

    Raises:
        ConfigError: something is missing, or a setting makes no sense.
    """
    check_nginx()
    key = with_files(os.environ).get("GRIP_LAMBDA_FRONT_KEY", "")
    if not re.fullmatch(settings.SIGNING_KEY, key):
        raise ConfigError(
            "GRIP_LAMBDA_FRONT_KEY is what the backends know the front by: set it for both;"
            f" it {settings.SIGNING_KEY_SAYS}"
        )
    if (options.certificate is None) != (options.certificate_key is None):
        raise ConfigError("TLS takes both --certificate and --certificate-key")
    for file in (options.certificate, options.certificate_key):
        if file is not None and not os.access(file, os.R_OK):
            raise ConfigError(f"{file} can't be read")
    raise_file_limit()
    folder = _given_folder() or settings.data_folder(os.environ) / "front"
    config = FrontConfig(
        options.listen,
        options.pushpins,
        options.backends,
        key,
        folder,
        options.private,
        certificate=options.certificate,
        certificate_key=options.certificate_key,
    )
    try:
        command = config.write()
    except OSError as error:
        raise ConfigError(f"{folder} can't be written: {error.strerror}") from None
    ready()
    os.execv(command[0], command)  # noqa: S606


def _given_folder() -> Path | None:
    """Return the folder that the service manager has made for this; None if it has not."""
    given = os.environ.get(_RUNDIR, "").partition(":")[0]
    return Path(given).absolute() if given else None


@contextmanager
def _rundir() -> Iterator[Path]:
    given = _given_folder()
    if given is not None:
        yield check_rundir(given)
        return
    with run_folder() as made:
        yield made
