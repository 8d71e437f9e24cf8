"""The tables of docs/trust.md, each between two comments that name it."""

from __future__ import annotations

from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "trust.md"


def write(name: str, table: str) -> None:
    """Replace a table of the page."""
    begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->\n"
    head, _, rest = PAGE.read_text().partition(begin)
    PAGE.write_text(f"{head}{begin}{table}{end}{rest.partition(end)[2]}")
