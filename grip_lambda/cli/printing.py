"""JSON and tables on standard output: for people on a terminal, for programs elsewhere."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

import click

from ..client.errors import Disconnected, ServerError, Unavailable
from .exits import one_line

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


def is_coloured() -> bool:
    """Tell whether standard output is a terminal that takes colours, and nobody minds."""
    dumb = os.environ.get("TERM") in ("dumb", "unknown")
    return is_terminal() and not os.environ.get("NO_COLOR") and not dumb


def is_terminal() -> bool:
    """Tell whether somebody reads standard output, and no program."""
    return sys.stdout is not None and sys.stdout.isatty()


def console() -> Console:
    """Return what draws tables and progress bars on standard output."""
    from rich.console import Console

    return Console(highlight=False, markup=False, emoji=False)


def show_json(value: Any) -> None:
    """Print a value: indented and in colour on a terminal, else in one line."""
    if not is_terminal():
        click.echo(json.dumps(value, separators=(",", ":")))
        return
    text = _harmless(json.dumps(value, ensure_ascii=False, indent=2))
    if not is_coloured():
        click.echo(text)
        return
    from rich.highlighter import JSONHighlighter
    from rich.text import Text

    highlighted = Text(text)
    JSONHighlighter().highlight(highlighted)
    console().print(highlighted, soft_wrap=True)


def show_live(draw: Callable[[], Table], interval_s: float) -> NoReturn:
    """Draw a table again and again, until Ctrl-C. What the server tells must be there once.

    If the server goes away, the last table stays, with the reason below it.
    """
    from rich.console import Group
    from rich.live import Live
    from rich.text import Text

    table = draw()
    with Live(console=console(), auto_refresh=False, screen=True) as live:
        live.update(table, refresh=True)
        while True:
            time.sleep(interval_s)
            try:
                table = draw()
                live.update(table, refresh=True)
            except (Disconnected, ServerError, Unavailable) as error:
                why = Text(f"{one_line(str(error))}; trying again", style="red")
                live.update(Group(table, why), refresh=True)


def _harmless(text: str) -> str:
    """Return JSON with escapes for what would change something on a terminal."""
    if text.replace("\n", "").isprintable():
        return text
    return "".join(c if c == "\n" or c.isprintable() else json.dumps(c)[1:-1] for c in text)
