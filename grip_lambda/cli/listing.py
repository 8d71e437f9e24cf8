"""`list`, `info` and `close`: lambdas that are open."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..client.addresses import lambda_path
from ..client.entries import Lambda
from . import options
from .addresses import Target, target_of
from .asking import asking
from .completion import lambdas
from .exits import one_line
from .kept import kept
from .printing import is_terminal, show_json, show_live
from .tables import show

if TYPE_CHECKING:
    from rich.table import Table

_COLUMNS = ("ID", "OPEN FOR", "CODE", "CLIENT")
_NONE = "no lambda is open; `grip-lambda host` opens one"


@click.command("list")
@options.as_json
@click.option("-w", "--watch", is_flag=True, help="Show it until Ctrl-C, as it changes.")
@options.url
@options.key
def listing(url: str, key: str, *, as_json: bool, watch: bool) -> None:
    """Show the lambdas that are open.

    \b
    Examples:
      grip-lambda list
      grip-lambda list --watch
      grip-lambda list --json | jq -r 'keys[]'
    """
    if watch and (as_json or not is_terminal()):
        raise click.UsageError("--watch is for a terminal; `grip-lambda events -f` is for programs")
    with asking(url, key) as client:
        if watch:
            show_live(lambda: _table(client.list()), 1.0)
        found = client.list()
    show_lambdas(found, as_json=as_json)


def show_lambdas(found: Sequence[Lambda], *, as_json: bool) -> None:
    """Print lambdas, as a table or as JSON."""
    if as_json:
        show_json({one.id: one.raw for one in found})
    elif not found:
        click.echo(_NONE, err=True)
    else:
        show(_COLUMNS, _rows(found))


def _rows(found: Iterable[Lambda]) -> list[tuple[str, str, str, str]]:
    now = datetime.now(UTC)
    return [
        (one.id, age(now - one.timestamp), one.code, one.headers.get("User-Agent", ["-"])[0])
        for one in sorted(found, key=lambda one: one.timestamp)
    ]


def _table(found: list[Lambda]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, caption=f"{len(found)} open; Ctrl-C ends", caption_justify="left")
    for column in _COLUMNS:
        table.add_column(column, no_wrap=True, overflow="ellipsis")
    for row in _rows(found):
        table.add_row(*(Text(one_line(cell)) for cell in row))
    return table


@click.command(cls=options.Plainly)
@options.address
@options.as_json
@options.url
@options.key
def info(url: str, key: str, address: str, *, as_json: bool) -> None:
    """Show what is known of the lambda at ADDRESS: its host, its methods, its figures.

    \b
    Examples:
      grip-lambda info EHNFvAiBioATCzw4
      grip-lambda info EHNFvAiBioATCzw4 --json | jq .stats
    """
    target = _lambda(url, address, "info")
    with asking(target.url, key, is_foreign=target.is_foreign) as client:
        found = client.get(target.name)
        where = client.url + lambda_path(found.id)
    if as_json:
        show_json(found.raw)
        return
    raw, stats = found.raw, found.raw.get("stats") or {}
    open_for = age(datetime.now(UTC) - found.timestamp)
    facts = [
        ("address", where),
        ("open for", f"{open_for}, since {found.timestamp:%Y-%m-%d %H:%M:%S} UTC"),
        ("host", f"{raw.get('client') or '-'}, {found.code} by {raw.get('transport') or '-'}"),
        ("services", ", ".join(map(str, raw.get("services") or [])) or "none"),
        ("methods", ", ".join(found.methods or ()) or "not said"),
        ("at once", str(raw.get("max_calls") or "any number of calls")),
        ("calls", f"{stats.get('calls', 0)}, {stats.get('errors', 0)} of them failed"),
        ("running", str(stats.get("in_flight", 0))),
        ("took", f"{_ms(stats.get('mean_ms'))} on average, {_ms(stats.get('max_ms'))} at most"),
        ("last call", str(stats.get("last_call") or "none")),
    ]
    for name, fact in facts:
        click.echo(f"{click.style(name.ljust(10), bold=True)} {one_line(fact)}")


def _ms(value: Any) -> str:
    return f"{value:.1f} ms" if isinstance(value, int | float) else "-"


@click.command(cls=options.Plainly)
@click.argument("address", required=False, callback=options.plain, shell_complete=lambdas)
@click.option("--token", metavar="TOKEN", help="What it was opened with; others may see it here.")
@click.option(
    "--keep",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The file that `host --keep` has written, with id and token.",
)
@options.as_json
@options.url
@options.key
def close(
    *, url: str, key: str, address: str | None, token: str | None, keep: Path | None, as_json: bool
) -> None:
    """Close the lambda at ADDRESS: its host is told, and does not open it again.

    That takes the token that it was opened with, or an API key that may host.

    \b
    Examples:
      grip-lambda close --keep ~/.mymodule-lambda
      grip-lambda close EHNFvAiBioATCzw4 --key "$KEY"
    """
    kept_id = None
    if keep is not None:
        if not keep.exists():
            raise click.UsageError(f"{keep} is not there")
        kept_id, kept_token = kept(keep)
        token = token or kept_token
    address = address or kept_id
    if address is None:
        raise click.UsageError("name the ADDRESS, or with --keep a file that has it")
    target = _lambda(url, address, "close")
    with asking(target.url, key, is_foreign=target.is_foreign) as client:
        client.delete(target.name, token or "")
    if as_json:
        show_json({"id": target.name, "closed": True})
    else:
        click.echo(f"{target.name} is closed")


@click.command(cls=options.Plainly)
@options.address
@options.as_json
@options.url
@options.key
def ping(url: str, key: str, address: str, *, as_json: bool) -> None:
    """Tell whether the lambda at ADDRESS is open, and how fast the server says so.

    The host is not asked, so that nothing can run there: the server knows whether it is
    connected, and pings it by itself.

    \b
    Examples:
      grip-lambda ping EHNFvAiBioATCzw4 && echo open
    """
    target = _lambda(url, address, "ping")
    with asking(target.url, key, is_foreign=target.is_foreign) as client:
        began = time.perf_counter()
        found = client.get(target.name)
        took_ms = (time.perf_counter() - began) * 1000
        where = client.url + lambda_path(found.id)
    open_for = datetime.now(UTC) - found.timestamp
    if as_json:
        seconds = round(max(0.0, open_for.total_seconds()), 3)
        show_json({"address": where, "open_s": seconds, "asked_ms": round(took_ms, 3)})
    else:
        click.echo(f"{where} is open for {age(open_for)}; asked in {took_ms:.0f} ms")


def _lambda(url: str, address: str, command: str) -> Target:
    target = target_of(url, address).without_method(command)
    if target.is_service:
        raise click.UsageError(f"{command} takes a lambda; a service is not one")
    return target


def age(span: timedelta) -> str:
    """Return a span of time in its largest unit, like ``3 min``."""
    seconds = max(0, int(span.total_seconds()))
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
