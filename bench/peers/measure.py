"""The rounds: the entries take turns, so that what disturbs the machine disturbs all."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from itertools import product

from . import surroundings
from .entry import HOSTS, Entry, Running
from .figures import Measured, Results, Round
from .install import Unavailable

LEVELS = (1, 32, 128)
_WARM_UP, _WARM_UP_S = 32, 1
#: What the callers of a round left under way ends meanwhile, in seconds.
_PAUSE_S = 0.3

Rounds = dict[int, list[Round]]


def measure(
    entries: Sequence[Entry], rounds: int, seconds: int, tell: Callable[[str], None]
) -> Results:
    """Run all entries side by side, measure them in turns, and end them.

    Args:
        entries: what to measure.
        rounds: how often each is measured at each number of callers.
        seconds: how long a round takes.
        tell: is called with lines of progress.
    """
    others = surroundings.Others()
    found: dict[str, Rounds] = {entry.key: {callers: [] for callers in LEVELS} for entry in entries}
    failed: dict[str, str] = {}
    running: dict[str, Running] = {}

    def attempt(entry: Entry, do: Callable[[], object]) -> None:
        """Go on without an entry that fails."""
        try:
            do()
        except (Unavailable, SystemExit) as error:
            failed[entry.key] = str(error).strip()
            tell(f"{entry.title} is not measured: {error}")

    with ExitStack() as stopping:

        def start(entry: Entry) -> None:
            running[entry.key] = stopping.enter_context(entry.start())
            running[entry.key].round(_WARM_UP, _WARM_UP_S)
            tell(f"{entry.title} is up")

        def measure_one(entry: Entry, callers: int) -> None:
            time.sleep(_PAUSE_S)
            found[entry.key][callers].append(running[entry.key].round(callers, seconds))

        for entry in entries:
            attempt(entry, partial(start, entry))
        for turn, callers in product(range(rounds), LEVELS):
            for entry in _turned(entries, turn):
                if entry.key not in failed:
                    attempt(entry, partial(measure_one, entry, callers))
            rates = (
                f"{key} {by_level[callers][-1].rate:.0f}"
                for key, by_level in found.items()
                if key not in failed
            )
            tell(f"round {turn + 1} of {rounds}, {callers} at once, calls/s: {', '.join(rates)}")
    return Results(
        date=datetime.now(UTC).strftime("%Y-%m-%d"),
        machine=surroundings.machine(),
        others=others.part(),
        versions=surroundings.versions(),
        hosts=HOSTS,
        rounds=rounds,
        seconds=seconds,
        entries=[
            Measured(
                key=entry.key,
                title=entry.title,
                kind=entry.kind,
                how=entry.how,
                unavailable=failed.get(entry.key),
                rounds={} if entry.key in failed else found[entry.key],
            )
            for entry in entries
        ],
    )


def _turned(entries: Sequence[Entry], turn: int) -> Sequence[Entry]:
    """Who comes first has no advantage: it changes."""
    first = turn * 3 % max(1, len(entries))
    return [*entries[first:], *entries[:first]]
