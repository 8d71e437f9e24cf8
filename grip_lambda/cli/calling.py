"""`list`, `call` and `ping`: what callers do."""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from ..client.addresses import lambda_path
from . import options
from .addresses import target_of
from .asking import asking
from .bodies import body_of
from .tables import show

_COLUMNS = ("ID", "OPEN FOR", "CODE", "CLIENT")


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="As the server tells it.")
@options.url
@options.key
def listing(url: str, key: str, as_json: bool) -> None:
    """Show the lambdas that are open.

    \b
    Examples:
      grip-lambda list
      grip-lambda list --json | jq -r 'keys[]'
    """
    with asking(url, key) as client:
        found = client.list()
    if as_json:
        click.echo(_json({one.id: one.raw for one in found}))
        return
    if not found:
        click.echo("no lambda is open; `grip-lambda host` opens one", err=True)
        return
    now = datetime.now(UTC)
    rows = [
        (one.id, age(now - one.timestamp), one.code, one.headers.get("User-Agent", ["-"])[0])
        for one in sorted(found, key=lambda one: one.timestamp)
    ]
    show(_COLUMNS, rows)


@click.command(cls=options.Plainly)
@click.argument("address", callback=options.plain)
@click.argument("words", metavar="METHOD [BODY]...", nargs=-1, callback=options.all_plain)
@click.option(
    "-d", "--data", metavar="JSON|@FILE|-", callback=options.plain, help="The whole body."
)
@click.option(
    "--wait",
    type=click.FloatRange(0.05, 3600),
    default=60.0,
    show_default=True,
    help="The deadline, in seconds.",
)
@click.option("-r", "--raw", is_flag=True, help="Print a string without quotes and escapes.")
@click.option("--stream", is_flag=True, help="Print what the host reports before its result, too.")
@click.option(
    "--once", metavar="KEY", help="An idempotency key: calls that share one are made once."
)
@click.option("-v", "--verbose", is_flag=True, help="Show requests, responses and their times.")
@options.url
@options.key
def call(
    *,
    url: str,
    key: str,
    address: str,
    words: tuple[str, ...],
    data: str | None,
    wait: float,
    raw: bool,
    stream: bool,
    once: str | None,
    verbose: bool,
) -> None:
    """Call METHOD at ADDRESS, and print its result.

    ADDRESS is an id, service/NAME, or the URL that "host" has printed, which names the server,
    too. Each may have /METHOD behind it.

    BODY is JSON, or @FILE, or - for standard input; or members of an object: name=text,
    name:=JSON, name=@FILE, name:=@FILE. Without BODY it is standard input, or null if that is a
    terminal or empty. The result is JSON, indented if it goes to a terminal.

    \b
    Examples:
      grip-lambda call EHNFvAiBioATCzw4 greet name=world times:=3
      grip-lambda call http://localhost:7999/lambda/EHNFvAiBioATCzw4/greet '{"name": "world"}'
      grip-lambda call service/weather temperature city=Oslo -v
      grip-lambda call EHNFvAiBioATCzw4 greet --wait 5 < body.json
      grip-lambda call EHNFvAiBioATCzw4 disk --stream --raw
    """
    target = target_of(url, address)
    method, items = target.method, words
    if method is None:
        if not words:
            raise click.UsageError(
                f"name a METHOD; `grip-lambda describe {target.name}` shows which there are"
            )
        method, items = words[0], words[1:]
    body = body_of(items, data)
    with asking(target.url, key, is_foreign=target.is_foreign, verbose=verbose) as client:
        if not stream:
            result = client.call(target.name, method, body, wait, idempotency_key=once)
        else:
            with client.stream(target.name, method, body, wait, idempotency_key=once) as events:
                for reported in events:
                    _show(reported, raw=raw)
                result = events.result
    _show(result, raw=raw)


@click.command(cls=options.Plainly)
@click.argument("address", callback=options.plain)
@options.url
@options.key
def ping(url: str, key: str, address: str) -> None:
    """Tell whether the lambda at ADDRESS is open, and how fast the server says so.

    The host is not asked, so that nothing can run there: the server knows whether it is
    connected, and pings it by itself.

    \b
    Examples:
      grip-lambda ping EHNFvAiBioATCzw4 && echo open
    """
    target = target_of(url, address).without_method("ping")
    if target.is_service:
        raise click.UsageError("ping takes a lambda; a service has none of its own")
    with asking(target.url, key, is_foreign=target.is_foreign) as client:
        began = time.perf_counter()
        found = client.get(target.name)
        took_ms = (time.perf_counter() - began) * 1000
    open_for = age(datetime.now(UTC) - found.timestamp)
    where = client.url + lambda_path(found.id)
    click.echo(f"{where} is open for {open_for}; asked in {took_ms:.0f} ms")


def age(span: timedelta) -> str:
    """Return a span of time in its largest unit, like ``3 min``."""
    seconds = max(0, int(span.total_seconds()))
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _show(value: Any, *, raw: bool) -> None:
    click.echo(value if raw and isinstance(value, str) else _json(value))


def _json(value: Any) -> str:
    if sys.stdout.isatty():
        return json.dumps(value, ensure_ascii=False, indent=2)
    return json.dumps(value, separators=(",", ":"))
