"""`events` and `top`: what happens at a server."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import click

from ..client import exchange
from ..client.caller import Client
from ..client.errors import Disconnected, LambdaError, Unavailable
from . import options
from .addresses import Target, target_of
from .asking import asking
from .exits import one_line
from .printing import console, is_terminal, show_json, show_live
from .tables import show

if TYPE_CHECKING:
    from rich.table import Table

#: The longest pause before a stream is opened again, in seconds.
_LONGEST_S = 15.0
_COLOURS = {"opened": "green", "closed": "yellow"}
_COLUMNS = ("ID", "CALLS", "PER S", "ERRORS", "RUNNING", "MEAN", "MAX", "CLIENT")


@click.command(cls=options.Plainly)
@click.option("-f", "--follow", is_flag=True, help="Go on with what happens, until Ctrl-C.")
@click.option(
    "-n", "last", type=click.IntRange(0, 500), default=10, show_default=True, help="So many calls."
)
@click.option("--lambda", "address", callback=options.plain, help="Only those of this ADDRESS.")
@options.as_json
@options.url
@options.key
def events(
    *, url: str, key: str, follow: bool, last: int, address: str | None, as_json: bool
) -> None:
    """Show the last calls, and with -f what happens from now on.

    With --json, each event is an object on a line of its own; docs/watching.md says what is in it.

    \b
    Examples:
      grip-lambda events -f
      grip-lambda events -f -n 0 --lambda EHNFvAiBioATCzw4
      grip-lambda events -f --json | jq 'select(.status == 502)'
    """
    target = Target(url, "")
    if address is not None:
        target = target_of(url, address).without_method("events")
        if target.is_service:
            raise click.UsageError("--lambda takes a lambda; a service is not one")
    with asking(target.url, key, is_foreign=target.is_foreign) as client:
        if not follow:
            for call in _last(client, last, target.name):
                _show(call, as_json=as_json)
        else:
            _follow(client, last, target.name, as_json=as_json)


def _last(client: Client, count: int, lambda_id: str) -> list[dict[str, Any]]:
    if not count:
        return []
    query = urlencode({"limit": count} | ({"lambda": lambda_id} if lambda_id else {}))
    told = client.run(exchange.document(f"/calls?{query}", client.pauses()))
    return [{"event": "ended", **call} for call in reversed(told.get("calls", []))]


def _follow(client: Client, last: int, lambda_id: str, *, as_json: bool) -> None:
    """Show what happens, for ever; a stream that is lost is opened again."""
    shown: set[str] = set()
    is_first, pause_s = True, 0.5
    while True:
        try:
            for event in client.events(lambda_id or None):
                if event["event"] == "watching":
                    # What ends while the last calls are read is in both.
                    for call in _last(client, last, lambda_id) if is_first else []:
                        shown.add(call.get("call", ""))
                        _show(call, as_json=as_json)
                    is_first, pause_s = False, 0.5
                elif event["event"] != "ended" or event.get("call") not in shown:
                    _show(event, as_json=as_json)
        except (Disconnected, Unavailable) as error:
            if is_first:
                raise
            _complain(error)
        time.sleep(pause_s)
        pause_s = min(pause_s * 2, _LONGEST_S)


def _complain(error: LambdaError) -> None:
    click.echo(
        f"grip-lambda: {one_line(str(error))}; trying again, what happens meanwhile is not shown",
        err=True,
    )


def _show(event: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:  # a line each, also on a terminal
        click.echo(json.dumps(event, separators=(",", ":")))
        return
    name = str(event["event"])
    words = [_clock(event.get("time")), name.ljust(6), str(event.get("lambda", ""))]
    colour = _COLOURS.get(name)
    if name in ("call", "ended"):
        words.append(str(event.get("method")))
    if name == "ended":
        status = event.get("status")
        colour = None if status == 200 else "red"
        words += [f"{status} {event.get('code') or ''}".rstrip(), f"{event.get('ms')} ms"]
        words.append(f"{event.get('bytes_in')} B in, {event.get('bytes_out')} B out")
    if name in ("call", "ended") and event.get("service"):
        words.append(f"service {event['service']}")
    if name in ("call", "ended"):
        words.append(f"from {event.get('from') or '-'}")
    if name == "opened":
        words.append(", ".join(map(str, event.get("methods") or ())))
    if name == "closed":
        words.append(str(event.get("reason", "")))
    click.echo(click.style(one_line("  ".join(words).rstrip()), fg=colour))


def _clock(text: Any) -> str:
    """Return the time of day here, of a time in RFC 3339."""
    try:
        return f"{datetime.fromisoformat(text).astimezone():%H:%M:%S.%f}"[:-3]
    except (TypeError, ValueError):
        return "-"


@click.command()
@click.option(
    "-i",
    "--interval",
    type=click.FloatRange(0.2, 60),
    default=1.0,
    show_default=True,
    help="Seconds between two looks.",
)
@options.as_json
@options.url
@options.key
def top(url: str, key: str, *, interval: float, as_json: bool) -> None:
    """Show which lambdas are called, and how fast they answer, until Ctrl-C.

    Where no terminal reads it, two looks are taken, one table is printed, and that is all.

    \b
    Examples:
      grip-lambda top
      grip-lambda top --json | jq -c '.[] | [.id, .calls_per_s]'
    """
    with asking(url, key) as client:
        before = _look(client)
        time.sleep(interval)
        if not is_terminal() or as_json:
            rows = _busiest(_look(client), before)
            if as_json:
                show_json(rows)
            else:
                show(_COLUMNS, [_cells(row) for row in rows])
            return
        looks = [before]

        def draw() -> Table:
            looks.append(_look(client))
            return _table(_busiest(looks[-1], looks.pop(0)), url=client.url)

        show_live(draw, interval)


#: When it was, and the figures of each lambda then, by id.
_Look = tuple[float, dict[str, Any]]


def _look(client: Client) -> _Look:
    told = client.run(exchange.document("/lambda?detail", client.pauses()))
    return time.monotonic(), told


def _busiest(now: _Look, before: _Look) -> list[dict[str, Any]]:
    """Return the figures of all lambdas, the busiest first."""
    span_s = max(now[0] - before[0], 0.001)
    rows = []
    for lambda_id, entry in now[1].items():
        stats = entry.get("stats") or {}
        earlier = (before[1].get(lambda_id) or {}).get("stats") or {}
        calls = stats.get("calls", 0)
        # A lambda that was opened again counts from 0.
        fresh = max(calls - earlier.get("calls", 0), 0)
        row = {"id": lambda_id, "client": entry.get("client"), **stats}
        rows.append({**row, "calls_per_s": round(fresh / span_s, 2)})
    return sorted(rows, key=lambda row: (-row["calls_per_s"], -row.get("calls", 0), row["id"]))


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    numbers = [str(row.get(name, "-")) for name in ("calls", "calls_per_s", "errors", "in_flight")]
    times = [_ms(row.get(name)) for name in ("mean_ms", "max_ms")]
    return (row["id"], *numbers, *times, str(row.get("client") or "-"))


def _ms(value: Any) -> str:
    return f"{value:.1f} ms" if isinstance(value, int | float) else "-"


def _table(rows: list[dict[str, Any]], *, url: str) -> Table:
    from rich.table import Table
    from rich.text import Text

    total = sum(row["calls_per_s"] for row in rows)
    caption = f"{url}: {len(rows)} open, {total:.1f} calls/s; Ctrl-C ends"
    table = Table(box=None, caption=caption, caption_justify="left")
    for column in _COLUMNS:
        is_text = column in ("ID", "CLIENT")
        table.add_column(column, justify="left" if is_text else "right", no_wrap=True)
    for row in rows[: max(console().height - 3, 1)]:
        failed = row.get("errors", 0) > 0
        cells = (Text(one_line(cell)) for cell in _cells(row))
        table.add_row(*cells, style="red" if failed else None)
    return table
