"""`version`: of this program, and of the server."""

from __future__ import annotations

import platform
from typing import Any

import click

from .. import __version__
from ..client.addresses import base_url
from ..client.errors import Forbidden, LambdaError, NotFound, Unauthorized
from . import options
from .asking import asking
from .exits import one_line
from .printing import show_json


@click.command()
@options.as_json
@options.url
@options.key
def version(url: str, key: str, *, as_json: bool) -> None:
    """Show the versions of this program and of the server.

    If the server is out of reach, it says so after this program's version, and ends with 4.

    \b
    Examples:
      grip-lambda version
      grip-lambda version --json | jq -r .server.version
    """
    here = {"version": __version__, "python": platform.python_version()}
    told: dict[str, Any] = {}
    error: LambdaError | None = None
    try:
        with asking(url, key) as client:
            told = client.status()
    except LambdaError as caught:
        error = caught
    server: dict[str, Any] = {"url": base_url(url)}
    if error is None:
        store = told.get("store") or {}
        server |= {name: told.get(name) for name in ("version", "python", "pushpin")}
        server["store"] = {name: store.get(name) for name in ("kind", "version")}
    if as_json:
        show_json({"client": here, "server": server})
    else:
        click.echo(f"grip-lambda {here['version']} (Python {here['python']})")
        if error is None:
            store = server["store"]
            parts = f"Python {server['python']}, Pushpin {server['pushpin'] or 'elsewhere'}"
            parts += f", {store['kind']} {store['version'] or ''}".rstrip()
            click.echo(one_line(f"server {server['version']} at {server['url']} ({parts})"))
    if isinstance(error, Unauthorized | Forbidden | NotFound):
        click.echo(
            f"grip-lambda: the server at {server['url']} does not tell its version: "
            f"{one_line(str(error))}",
            err=True,
        )
    elif error is not None:
        raise error
