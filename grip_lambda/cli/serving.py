"""`serve` and `cluster` run the whole of it on this machine, the others one part of it."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from .. import logs, settings
from ..extras import needs

_F = TypeVar("_F", bound=Callable[..., Any])
_PORT = click.IntRange(1, 65535)
_host = click.option(
    "--host", help="Its address: 0.0.0.0, ::, … (HOST, or the loopback interface)."
)


@click.command()
@click.option("--port", type=_PORT, help="Public port (PORT, or 7999).")
@_host
@click.option("--workers", type=click.IntRange(1, 64), help="Flask processes (WORKERS, or 2).")
@click.option("--demo/--no-demo", default=True, help="Open a lambda that echoes.")
def serve(port: int | None, host: str | None, workers: int | None, demo: bool) -> None:
    """Run Pushpin, the backend and the embedded store on this machine."""
    with needs("server", "`serve`"):
        from ..serve import stack

    _log()
    env = os.environ
    port = port or settings.whole_number(env, "PORT", settings.DEFAULT_PORT, 1, 65535)
    workers = workers or settings.whole_number(env, "WORKERS", 2, 1, 64)
    stack.serve(stack.Options(_address(host), port, workers, demo))


@click.command()
@click.option("--port", type=_PORT, help="Public port (PORT, or 7999).")
@_host
@click.option("--nodes", type=click.IntRange(1, 16), help="Pushpins (NODES, or 3).")
@click.option("--backends", type=click.IntRange(1, 64), help="Flask processes (BACKENDS, or 4).")
def cluster(port: int | None, host: str | None, nodes: int | None, backends: int | None) -> None:
    """Run several Pushpins and backends, a Redis and a load balancer on this machine."""
    with needs("redis", "`cluster`"):
        from ..serve import cluster as run_cluster
        from ..store import redis as _redis  # noqa: F401 - the store of its backends

    _log()
    env = os.environ
    port = port or settings.whole_number(env, "PORT", settings.DEFAULT_PORT, 1, 65535)
    nodes = nodes or settings.whole_number(env, "NODES", 3, 1, 16)
    backends = backends or settings.whole_number(env, "BACKENDS", 4, 1, 64)
    run_cluster.run(run_cluster.Options(_address(host), port, nodes, backends))


_inside = click.option(
    "--host", default="127.0.0.1", show_default=True, help="The address that it listens on."
)


@click.command()
@click.option("--name", default="n1", show_default=True, help="Its verify_iss in GRIP_PROXIES.")
@click.option("--port", type=_PORT, default=7100, show_default=True, help="Where nginx connects.")
@_inside
@click.option(
    "--backend", default="127.0.0.1:8000", show_default=True, help="Where it asks: host:port."
)
@click.option("--front/--no-front", default=True, help="Whether an nginx stands before it.")
def pushpin(name: str, port: int, host: str, backend: str, front: bool) -> None:
    """Run a Pushpin of a deployment, which holds connections."""
    with needs("server", "`pushpin`"):
        from ..serve import parts

    _log()
    parts.pushpin(parts.PushpinOptions(name, _address(host), port, _place(backend), front))


@click.command()
@click.option("--port", type=_PORT, default=8000, show_default=True, help="Where it is asked.")
@_inside
@click.option("--workers", type=click.IntRange(1, 64), help="Flask processes (WORKERS, or 2).")
def backend(port: int, host: str, workers: int | None) -> None:
    """Run a backend of a deployment, which answers requests."""
    with needs("server", "`backend`"):
        from ..serve import parts

    _log()
    workers = workers or settings.whole_number(os.environ, "WORKERS", 2, 1, 64)
    parts.backend(parts.BackendOptions(_address(host), port, workers))


def _place_option(option: str, name: str, default: str, what: str) -> Callable[[_F], _F]:
    told = f"{what}: host:port. May be given several times."
    return click.option(
        option, name, multiple=True, default=[default], help=told, show_default=True
    )


@click.command()
@_place_option("--listen", "listen", "127.0.0.1:7999", "Where clients connect")
@_place_option("--pushpin", "pushpins", "127.0.0.1:7100", "A Pushpin")
@_place_option("--backend", "backends", "127.0.0.1:8000", "A backend")
@click.option("--private", help="Where Pushpins ask, to be spread over the backends: host:port.")
@click.option("--certificate", type=click.Path(path_type=Path), help="TLS: a file, in PEM.")
@click.option("--certificate-key", type=click.Path(path_type=Path), help="Its key, in PEM.")
def front(**options: Any) -> None:
    """Run the nginx of a deployment, which clients connect to."""
    with needs("server", "`front`"):
        from ..serve import parts

    _log()
    places = {
        what: tuple(map(_place, options[what])) for what in ("listen", "pushpins", "backends")
    }
    if options["private"] is not None:
        _place(options["private"])
    parts.front(parts.FrontOptions(**options | places))


def _place(text: str) -> str:
    """Return ``host:port``, in which IPv6 is in brackets."""
    if not re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+):[0-9]{1,5}", text):
        raise click.UsageError(f"{text!r} is not host:port")
    return text


def _address(host: str | None) -> str:
    return settings.host(os.environ if host is None else {"HOST": host})


def _log() -> None:
    settings.log_form(os.environ)
    logs.set_up("supervisor", logging.INFO)
