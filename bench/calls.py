"""Calls: through the front, held by Pushpin, and the floor of that, in turns, on one machine.

``python -m bench.calls`` prints a table; ``--json FILE`` keeps every round.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import click
import orjson

from . import stacks
from .remote import Remote, remote

HOSTS = 16
CALLERS = (1, 32)
#: One caller alone makes this part of the calls: it takes as long.
_ALONE = 8
_WARM_UP = 500
#: Through the front, held by Pushpin alone, and the floor of that.
_NAMES = ("front", "held", "floor")
_FIGURES = ("rate", "p50", "p99", "max", "cpu_backend", "cpu_pushpin", "cpu_nginx", "cpu_load")

Round = dict[str, float]
Results = dict[int, dict[str, list[Round]]]


class Load:
    """A load client of its own for one stack, and what its calls cost there."""

    def __init__(self, stack: stacks.Stack, client: Remote) -> None:
        self._stack = stack
        self._client = client
        client.read()  # the hosts are open

    def run(self, callers: int, calls: int) -> Round:
        """Make calls, and return the figures of the round.

        Raises:
            SystemExit: a caller did not get its own answer.
        """
        before = self._stack.cpu()
        measured = self._client.ask({"callers": callers, "calls": calls})
        after = self._stack.cpu()
        if measured["failed"]:
            name, failed, failure = self._stack.name, measured["failed"], measured["failure"]
            raise SystemExit(f"{name}: {failed} of {calls} calls failed, like {failure}")
        return {
            "rate": measured["rate"],
            "p50": measured["p50"],
            "p99": measured["p99"],
            "max": measured["max"],
            "cpu_backend": (after.backend - before.backend) * 1000 / calls,
            "cpu_pushpin": (after.pushpin - before.pushpin) * 1000 / calls,
            "cpu_nginx": (after.nginx - before.nginx) * 1000 / calls,
            "cpu_load": measured["cpu"],
        }


@contextmanager
def load(stack: stacks.Stack) -> Iterator[Load]:
    """Open the hosts on a stack."""
    with remote("bench.load", str(stack.port), str(HOSTS)) as client:
        yield Load(stack, client)


def measure(calls: int, rounds: int) -> Results:
    """Measure both stacks in turns."""
    results: Results = {callers: {name: [] for name in _NAMES} for callers in CALLERS}
    with (
        stacks.product() as front,
        stacks.product({"GRIP_LAMBDA_FRONT": "0"}) as held,
        stacks.floor() as floor,
        load(front) as on_front,
        load(held) as on_held,
        load(floor) as on_floor,
    ):
        loads = {"front": on_front, "held": on_held, "floor": on_floor}
        for one in loads.values():
            one.run(max(CALLERS), _WARM_UP)
        for turn in range(rounds):
            for callers in CALLERS:
                wanted = calls if callers > 1 else max(1, calls // _ALONE)
                # Who comes first has no advantage: it changes.
                for name in _NAMES if turn % 2 == 0 else reversed(_NAMES):
                    results[callers][name].append(loads[name].run(callers, wanted))
            click.echo(f"round {turn + 1} of {rounds}: {_pair(results, turn)}", err=True)
    return results


def _pair(results: Results, turn: int) -> str:
    parts = []
    for callers, by_name in results.items():
        rates = [by_name[name][turn]["rate"] for name in _NAMES]
        parts.append(f"{callers} callers " + "/".join(f"{rate:.0f}" for rate in rates))
    return ", ".join(parts)


def summary(results: Results) -> dict[int, dict[str, Round]]:
    """Return the median of each figure over the rounds, but the greatest of the maxima."""
    return {
        callers: {
            name: {
                figure: (max if figure == "max" else median)(one[figure] for one in rounds)
                for figure in _FIGURES
            }
            for name, rounds in by_name.items()
        }
        for callers, by_name in results.items()
    }


def ratios(by_name: dict[str, list[Round]]) -> list[float]:
    """Return the rate of held calls over that of the floor, pair by pair."""
    pairs = zip(by_name["held"], by_name["floor"], strict=True)
    return [held["rate"] / floor["rate"] for held, floor in pairs]


def targets(results: Results) -> dict[str, tuple[float, bool]]:
    """Return the targets, what was measured of each, and whether it is met."""
    busy = max(CALLERS)
    figures = summary(results)[busy]["front"]
    ratio = median(ratios(results[busy]))
    spread = figures["p99"] / figures["p50"]
    longest = max(by_name["front"]["max"] for by_name in summary(results).values())
    return {
        f"held / floor at {busy} callers, at least 0.85": (ratio, ratio >= 0.85),
        f"p99 / p50 at {busy} callers, below 4": (spread, spread < 4),
        "longest call in seconds, at most 1": (longest / 1000, longest <= 1000),
    }


def report(results: Results) -> str:
    """Return the tables."""
    lines = [
        f"{HOSTS} hosts; medians of the rounds, the longest call of all; times in ms",
        "                           calls/s     p50     p99     max | CPU per call:"
        " backend  Pushpin  nginx  load client",
    ]
    for callers, by_name in summary(results).items():
        for name, one in by_name.items():
            lines.append(
                f"{callers:3} at once  {name:8} {one['rate']:12.0f} {one['p50']:7.2f}"
                f" {one['p99']:7.2f} {one['max']:7.1f} | {one['cpu_backend']:21.3f}"
                f" {one['cpu_pushpin']:8.3f} {one['cpu_nginx']:6.3f} {one['cpu_load']:12.3f}"
            )
        pairs = ratios(results[callers])
        listed = " ".join(f"{ratio:.2f}" for ratio in pairs)
        lines.append(f"                      held / floor {median(pairs):.2f}  (pairs: {listed})")
    lines.append("")
    for target, (value, met) in targets(results).items():
        lines.append(f"{'met    ' if met else 'NOT MET'}  {target}: {value:.2f}")
    return "\n".join(lines)


def _on_signal(number: int, frame: object) -> None:
    raise SystemExit(128 + number)


@click.command()
@click.option("--calls", type=click.IntRange(min=100), default=2000, show_default=True)
@click.option("--rounds", type=click.IntRange(min=1), default=12, show_default=True)
@click.option("--json", "path", type=click.Path(path_type=Path), help="Where to keep all figures.")
def main(calls: int, rounds: int, path: Path | None) -> None:
    """Measure calls through Pushpin, in the product and in the floor.

    --calls is per stack and round, with 32 callers; one caller alone makes an eighth of them.
    """
    signal.signal(signal.SIGTERM, _on_signal)
    results = measure(calls, rounds)
    click.echo(report(results))
    if path is not None:
        kept = {
            "hosts": HOSTS,
            "calls": calls,
            "rounds": results,
            "summary": summary(results),
            "ratios": {callers: ratios(by_name) for callers, by_name in results.items()},
            "targets": targets(results),
        }
        options = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS
        path.write_bytes(orjson.dumps(kept, option=options))


if __name__ == "__main__":
    main()
