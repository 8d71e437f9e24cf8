"""`list`, `call` and `ping`: what callers do."""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from ..client import Client
from ..client.addresses import lambda_path
from . import options
from .tables import show

#: Somebody is looking: what is out of reach is told within a second.
_RETRIES = 2
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
    with Client(url, retries=_RETRIES, key=key) as client:
        found = client.list()
    if as_json:
        click.echo(_json({one.id: one.raw for one in found}))
        return
    now = datetime.now(UTC)
    rows = [
        (one.id, age(now - one.timestamp), one.code, one.headers.get("User-Agent", ["-"])[0])
        for one in sorted(found, key=lambda one: one.timestamp)
    ]
    show(_COLUMNS, rows)


@click.command(cls=options.Plainly)
@click.argument("lambda_id", metavar="ID", callback=options.plain)
@click.argument("method", callback=options.plain)
@click.argument("body", metavar="[JSON|-]", default="null", callback=options.plain)
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
@options.url
@options.key
def call(
    *,
    url: str,
    key: str,
    lambda_id: str,
    method: str,
    body: str,
    wait: float,
    raw: bool,
    stream: bool,
    once: str | None,
) -> None:
    """Call METHOD of the lambda ID, and print its result.

    The body is JSON: an argument, or standard input for "-". Without one it is null. The result
    is JSON, too, indented if it goes to a terminal.

    \b
    Examples:
      grip-lambda call EHNFvAiBioATCzw4 greet '{"name": "world"}'
      grip-lambda call EHNFvAiBioATCzw4 greet - --wait 5 < body.json
      grip-lambda call EHNFvAiBioATCzw4 disk --stream --raw
    """
    text: str | bytes = sys.stdin.buffer.read() if body == "-" else body
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise click.UsageError(f"the body is not JSON: {error}") from None
    with Client(url, retries=_RETRIES, key=key) as client:
        if not stream:
            result = client.call(lambda_id, method, value, wait, idempotency_key=once)
        else:
            with client.stream(lambda_id, method, value, wait, idempotency_key=once) as events:
                for reported in events:
                    _show(reported, raw=raw)
                result = events.result
    _show(result, raw=raw)


@click.command(cls=options.Plainly)
@click.argument("lambda_id", metavar="ID", callback=options.plain)
@options.url
@options.key
def ping(url: str, key: str, lambda_id: str) -> None:
    """Tell whether the lambda ID is open, and how fast the server says so.

    The host is not asked, so that nothing can run there: the server knows whether it is
    connected, and pings it by itself.

    \b
    Examples:
      grip-lambda ping EHNFvAiBioATCzw4 && echo open
    """
    with Client(url, retries=_RETRIES, key=key) as client:
        began = time.perf_counter()
        found = client.get(lambda_id)
        took_ms = (time.perf_counter() - began) * 1000
    open_for = age(datetime.now(UTC) - found.timestamp)
    address = client.url + lambda_path(found.id)
    click.echo(f"{address} is open for {open_for}; asked in {took_ms:.0f} ms")


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
