"""`serve` and `cluster`: run the whole of it on this machine."""

from __future__ import annotations

import logging
import os

import click

from .. import logs, settings
from ..extras import needs

_host = click.option(
    "--host", help="Its address: 0.0.0.0, ::, … (HOST, or the loopback interface)."
)


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), help="Public port (PORT, or 7999).")
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
@click.option("--port", type=click.IntRange(1, 65535), help="Public port (PORT, or 7999).")
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


def _address(host: str | None) -> str:
    return settings.host(os.environ if host is None else {"HOST": host})


def _log() -> None:
    settings.log_form(os.environ)
    logs.set_up("supervisor", logging.INFO)
