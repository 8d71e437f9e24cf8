"""`bench`: how fast a method answers."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from ..client.errors import LambdaError
from . import options
from .addresses import call_of
from .asking import key_for
from .bodies import body_of
from .exits import one_line, status_of
from .figures import Bar, histogram, percentile
from .printing import show_json

if TYPE_CHECKING:
    from collections.abc import Callable

_PERCENTILES = (50, 75, 90, 95, 99)
_BARS = 10
_WIDTH = 40


@dataclass
class _Measured:
    """What calls took.

    Attributes:
        ms: how long each call took that had a result.
        errors: what else happened, and how often.
        kinds: an error of each kind.
        took_s: how long all of them took.
    """

    ms: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    kinds: dict[str, LambdaError] = field(default_factory=dict)
    took_s: float = 0.0


@click.command(cls=options.Plainly)
@options.address
@options.words
@click.option(
    "-n", "count", type=click.IntRange(1, 10_000_000), default=1000, show_default=True,
    help="So many calls.",
)  # fmt: skip
@click.option(
    "-c", "callers", type=click.IntRange(1, 1000), default=16, show_default=True,
    help="So many at once.",
)  # fmt: skip
@click.option(
    "-d", "--data", metavar="JSON|@FILE|-", callback=options.plain, help="The whole body."
)
@options.wait
@options.as_json
@options.url
@options.key
def bench(
    *,
    url: str,
    key: str,
    address: str,
    words: tuple[str, ...],
    count: int,
    callers: int,
    data: str | None,
    wait: float,
    as_json: bool,
) -> None:
    """Call METHOD at ADDRESS again and again, and show how long that takes.

    Nothing is tried again. The times include what this program takes, which uses one core. After
    Ctrl-C it shows what was measured by then. If calls fail, its exit status is that of the most
    frequent error.

    \b
    Examples:
      grip-lambda bench EHNFvAiBioATCzw4 greet name=world -n 1000 -c 16
      grip-lambda bench service/weather cities --json | jq .ms.p99
    """
    target, method, items = call_of(url, address, words)
    body = body_of(items, data)
    shown_key = key_for(key, is_foreign=target.is_foreign)
    measured = _Measured()
    was_cut = False

    async def run(step: Callable[[], None]) -> None:
        from ..client.async_caller import AsyncClient

        async with AsyncClient(target.url, retries=0, key=shown_key) as client:

            async def one() -> None:
                began = time.perf_counter()
                try:
                    await client.call(target.name, method, body, wait)
                except LambdaError as error:
                    kind = error.code or type(error).__name__
                    measured.errors[kind] += 1
                    measured.kinds.setdefault(kind, error)
                else:
                    measured.ms.append((time.perf_counter() - began) * 1000)
                step()

            left = iter(range(count))

            async def caller() -> None:
                for _ in left:
                    await one()

            await asyncio.gather(*(caller() for _ in range(min(callers, count))))

    began = time.perf_counter()
    with _progress(count) as step:
        try:
            asyncio.run(run(step))
        except KeyboardInterrupt:
            was_cut = True
        measured.took_s = time.perf_counter() - began
    if as_json:
        show_json(_figures(measured, callers))
    else:
        _show(measured, callers)
    if was_cut:
        raise KeyboardInterrupt
    if measured.errors:
        sys.exit(status_of(measured.kinds[measured.errors.most_common(1)[0][0]]))


@contextmanager
def _progress(count: int) -> Iterator[Callable[[], None]]:
    """Draw a progress bar on standard error, if that is a terminal; give what moves it on."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("calls", total=count)
        yield lambda: progress.advance(task)


def _figures(measured: _Measured, callers: int) -> dict[str, Any]:
    times = sorted(measured.ms)
    calls = len(times) + measured.errors.total()
    ms = {f"p{part}": _rounded(percentile(times, part)) for part in _PERCENTILES} if times else {}
    if times:
        ms |= {"min": _rounded(times[0]), "mean": _rounded(sum(times) / len(times))}
        ms["max"] = _rounded(times[-1])
    return {
        "calls": calls,
        "callers": callers,
        "seconds": _rounded(measured.took_s),
        "calls_per_s": round(calls / measured.took_s, 1),
        "errors": dict(measured.errors),
        "ms": ms,
        "histogram": [
            {"from_ms": _rounded(bar.start), "to_ms": _rounded(bar.end), "calls": bar.count}
            for bar in histogram(times, _BARS)
        ],
    }


def _rounded(value: float) -> float:
    return round(value, 3)


def _show(measured: _Measured, callers: int) -> None:
    figures = _figures(measured, callers)
    click.echo(
        f"{figures['calls']} calls, {callers} at once, in {figures['seconds']:.2f} s:"
        f" {click.style(str(figures['calls_per_s']), bold=True)} calls/s"
    )
    for kind, times in measured.errors.most_common():
        line = one_line(f"{times} failed ({kind}), like: {measured.kinds[kind]}")
        click.echo(click.style(line, fg="red"))
    if not measured.ms:
        return
    ms = figures["ms"]
    click.echo()
    for name in ("min", "mean", *(f"p{part}" for part in _PERCENTILES), "max"):
        click.echo(f"{name:<6}{ms[name]:10.2f} ms")
    click.echo()
    _draw(histogram(sorted(measured.ms), _BARS))


def _draw(bars: Sequence[Bar]) -> None:
    highest = max(bar.count for bar in bars)
    digits = len(str(highest))
    for bar in bars:
        drawn = "█" * round(bar.count / highest * _WIDTH) or ("▏" if bar.count else "")
        line = f"{bar.start:9.2f} to {bar.end:9.2f} ms  {bar.count:>{digits}}  "
        click.echo((line + click.style(drawn, fg="blue")).rstrip())
