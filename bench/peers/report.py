"""The tables, for a terminal and for docs/performance.md, both made of the same cells."""

from __future__ import annotations

from .figures import Line, Measured, Results, line

BEGIN = "<!-- Made by `python -m bench.peers --render`: -->"
END = "<!-- until here. -->"

_HEADS = (
    "callers",
    "entry",
    "calls/s",
    "/ direct",
    "/ held",
    "p50, ms",
    "p99, ms",
    "CPU, ms",
    "errors",
    "hosts lost",
)
#: Other programs may take this part of the machine's CPU.
_QUIET = 0.05
#: The entries that are this product, the better known first.
_PRODUCT = ("front", "pushpin")


def rows(results: Results) -> list[list[str]]:
    """Return the cells of each entry at each number of callers."""
    return [
        [str(callers), entry.title, *_cells(line(results, entry, callers))]
        for callers in results.levels
        for entry in results.entries
        if callers in entry.rounds
    ]


def _cells(one: Line) -> list[str]:
    return [
        f"{one.rate:,.0f}",
        _times(one.to_direct),
        _times(one.to_held),
        f"{one.p50:.1f}",
        f"{one.p99:.1f}",
        f"{one.cpu:.2f}",
        str(one.errors),
        str(one.lost),
    ]


def _times(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.2f}"


def against(results: Results) -> list[list[str]]:
    """Return the product's calls/s as a multiple of each peer's, by the number of callers."""
    peers = [one for one in results.entries if one.kind == "peer" and one.rounds]
    ours = [one for one in results.entries if one.key in _PRODUCT and one.rounds]
    out = [["callers", "entry", *(f"/ {peer.title}" for peer in peers)]]
    for callers in results.levels:
        for one in ours:
            rate = line(results, one, callers).rate
            rates = [line(results, peer, callers).rate for peer in peers]
            ratios = [f"{rate / other:.2f}" if other else "-" for other in rates]
            out.append([str(callers), one.title, *ratios])
    return out


def missing(results: Results) -> list[str]:
    """Say which entries were not measured, and why."""
    return [f"{one.title}: {one.unavailable}" for one in results.entries if one.unavailable]


def terminal(results: Results) -> str:
    """Return the tables for a terminal."""
    lines = [_how(results), _meanwhile(results), "", *_aligned([list(_HEADS), *rows(results)])]
    compared = against(results)
    if compared[1:]:
        lines += ["", "calls/s of this product, divided by those of the others", ""]
        lines += _aligned(compared)
    if absent := missing(results):
        lines += ["", "not measured:", *(f"  {one}" for one in absent)]
    return "\n".join(lines)


def _how(results: Results) -> str:
    several = "1 round" if results.rounds == 1 else f"{results.rounds} rounds"
    return (
        f"{results.hosts} hosts that answer at once; medians of {several} of {results.seconds} s,"
        " errors and lost hosts of all; CPU is what the servers use for a call"
    )


def _meanwhile(results: Results) -> str:
    told = f"Other programs took {results.others:.0%} of the machine's CPU meanwhile"
    if results.others <= _QUIET:
        return f"{told}."
    return f"{told}: only the CPU of a call means much here, measure again on a quiet machine."


def _aligned(table: list[list[str]]) -> list[str]:
    """Align all columns to the right but the second one, and leave a line between levels."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = []
    before = ""
    for row in table:
        if row[0] != before:
            lines.append("")
        before = row[0]
        cells = (
            cell.ljust(width) if number == 1 else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        lines.append("  ".join(cells).rstrip())
    return lines[1:]


def markdown(results: Results) -> str:
    """Return the part of docs/performance.md that is made of the figures."""
    told = ", ".join(f"{name} {version}" for name, version in results.versions.items())
    parts = [
        BEGIN,
        f"Measured {results.date} on: {results.machine}. {told}.",
        f"{_how(results)}. {_meanwhile(results)}",
        _piped([list(_HEADS), *rows(results)]),
        "The calls/s of this product, divided by those of the others:",
        _piped(against(results)),
    ]
    if absent := missing(results):
        parts.append("Not measured:\n\n" + "\n".join(f"- {one}" for one in absent))
    parts += ["The way of a call in each entry:", _ways(results.entries), END]
    return "\n\n".join(parts)


def _piped(table: list[list[str]]) -> str:
    heads, *body = table
    rule = [":--" if number == 1 else "--:" for number in range(len(heads))]
    return "\n".join(f"| {' | '.join(row)} |" for row in [heads, rule, *body])


def _ways(entries: list[Measured]) -> str:
    return "\n".join(f"- {one.title}: {one.how}" for one in entries)


def put_into(document: str, made: str) -> str:
    """Return the document with its made part replaced.

    Raises:
        ValueError: the document has no such part.
    """
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the document lacks {BEGIN!r} or {END!r}")
    return before + made + after
