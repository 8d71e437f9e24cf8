"""Tables for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

import click

from .exits import one_line


def show(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows below the names of their columns, each as wide as it must be."""
    widths = [max(len(cell) for cell in column) for column in zip(columns, *rows, strict=True)]
    for number, row in enumerate([columns, *rows]):
        cells = (one_line(cell).ljust(width) for cell, width in zip(row, widths, strict=True))
        line = "  ".join(cells).rstrip()
        click.echo(click.style(line, bold=True) if number == 0 else line)
