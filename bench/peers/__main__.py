"""``python -m bench.peers``: measure all entries, print tables, and keep the figures."""

from __future__ import annotations

import signal
from pathlib import Path

import click

from . import chart, figures, report
from .entries import ENTRIES
from .measure import measure

_DOCS = Path(__file__).parents[2] / "docs"
_ROUNDS, _SECONDS = 3, 4
_QUICK_ROUNDS, _QUICK_SECONDS = 1, 1


_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _on_signal(number: int, frame: object) -> None:
    """End, and let nothing disturb the ending of what was started."""
    for one in _SIGNALS:
        signal.signal(one, signal.SIG_IGN)
    raise KeyboardInterrupt


def render(results: figures.Results, folder: Path) -> None:
    """Write what is made of the figures: the picture, and the tables of performance.md."""
    (folder / "performance.svg").write_text(chart.svg(results))
    document = folder / "performance.md"
    before = document.read_text() if document.exists() else f"{report.BEGIN}\n{report.END}\n"
    document.write_text(report.put_into(before, report.markdown(results)))


@click.command()
@click.option("--rounds", type=click.IntRange(min=1), help=f"{_ROUNDS} by default.")
@click.option("--seconds", type=click.IntRange(min=1), help=f"{_SECONDS} a round by default.")
@click.option("--quick", is_flag=True, envvar="QUICK", help="One short round; QUICK=1 does it too.")
@click.option(
    "--only",
    multiple=True,
    type=click.Choice([entry.key for entry in ENTRIES]),
    help="Measure this one and keep nothing; may be repeated.",
)
@click.option("--render", "renders", is_flag=True, help="Measure nothing: draw what was kept.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=_DOCS,
    help="Where performance.json, .md and .svg are; docs by default.",
)
def main(
    *,
    rounds: int | None,
    seconds: int | None,
    quick: bool,
    only: tuple[str, ...],
    renders: bool,
    folder: Path,
) -> None:
    """Measure calls to connected clients, here and elsewhere, side by side."""
    kept = folder / "performance.json"
    if renders:
        results = figures.decode(kept.read_bytes())
    else:
        for number in _SIGNALS:
            signal.signal(number, _on_signal)
        results = measure(
            [entry for entry in ENTRIES if not only or entry.key in only],
            rounds or (_QUICK_ROUNDS if quick else _ROUNDS),
            seconds or (_QUICK_SECONDS if quick else _SECONDS),
            lambda text: click.echo(text, err=True),
        )
    click.echo(f"\n{report.terminal(results)}\n\n{chart.terminal(results)}\n")
    if only:
        return
    text = figures.encode(results)
    kept.write_bytes(text)
    render(figures.decode(text), folder)  # as what is kept makes it, which is rounded
    click.echo(f"kept in {kept}, with performance.md and performance.svg beside it", err=True)


if __name__ == "__main__":
    main()
