"""`services`: names that hosts share."""

from __future__ import annotations

from collections.abc import Sequence

import click

from ..client.entries import ServiceEntry
from ..protocol.names import is_service
from . import options
from .asking import asking
from .completion import service_names
from .listing import show_lambdas
from .printing import show_json
from .tables import show

_COLUMNS = ("SERVICE", "HOSTS", "METHODS")
#: So many methods are named in a row.
_METHODS = 6


def _name(ctx: click.Context, param: click.Parameter, name: str | None) -> str | None:
    bare = None if name is None else name.removeprefix("service/")
    if bare is not None and not is_service(bare):
        raise click.BadParameter(
            f"{name!r} is not the name of a service: 1 to 64 of A-Z a-z 0-9 . _ -, the first of"
            " them a letter"
        )
    return bare


@click.command()
@click.argument("name", required=False, callback=_name, shell_complete=service_names)
@options.as_json
@options.url
@options.key
def services(url: str, key: str, name: str | None, *, as_json: bool) -> None:
    """Show the services that have a host; or the hosts of the service NAME.

    \b
    Examples:
      grip-lambda services
      grip-lambda services thumbnails
      grip-lambda services --json | jq -r 'keys[]'
    """
    with asking(url, key) as client:
        if name is not None:
            show_lambdas(client.hosts(name), as_json=as_json)
            return
        found = client.services()
    if as_json:
        show_json({one.name: one.raw for one in found})
    elif not found:
        click.echo("no service is open; `grip-lambda host --service NAME` opens one", err=True)
    else:
        show(_COLUMNS, [_row(one) for one in sorted(found, key=lambda one: one.name)])


def _row(entry: ServiceEntry) -> Sequence[str]:
    methods = entry.methods or ()
    more = f" and {len(methods) - _METHODS} more" if len(methods) > _METHODS else ""
    return entry.name, str(entry.hosts), ", ".join(methods[:_METHODS]) + more or "-"
