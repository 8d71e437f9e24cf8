"""``python -m trust.fuzz``: search each target in turn, and print a table.

Atheris (libFuzzer) does the search. It keeps inputs that reach new code, and changes these. Each
target has a process of its own, which ends at the first error that is not documented.
"""

from __future__ import annotations

import argparse
import importlib.util
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..page import write
from .targets import TARGETS, Target

#: An input that takes longer counts as an error, in seconds; instrumented code is ten times slower.
_SLOW_S = 5
_INPUT_MAX = 20_000
_MEMORY_MB = 2_000
_DONE = re.compile(r"DONE\s+cov: (\d+)")
_RUNS = re.compile(r"Done (\d+) runs")


@dataclass(frozen=True)
class Searched:
    """What a search has found.

    Attributes:
        runs: inputs that were tried.
        reached: edges of the code that they have reached.
        failed: the input that made an error that is not documented, and the error.
    """

    target: Target
    runs: int
    reached: int
    failed: tuple[bytes, str] | None


def search(target: Target, seconds: int) -> Searched:
    """Search in a target for so many seconds."""
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder, "corpus")
        corpus.mkdir()
        for number, seed in enumerate(target.seeds):
            (corpus / str(number)).write_bytes(seed)
        command = [
            *(sys.executable, "-m", "trust.fuzz.one", target.name, str(corpus)),
            *(f"-max_total_time={seconds}", f"-max_len={_INPUT_MAX}", f"-timeout={_SLOW_S}"),
            *(f"-rss_limit_mb={_MEMORY_MB}", f"-artifact_prefix={folder}/failed-"),
        ]
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, errors="replace"
        )
        found = next(Path(folder).glob("failed-*"), None)
        if found is None and done.returncode:
            raise SystemExit(f"{target.name} could not be searched:\n{done.stderr[-2000:]}")
        failed = (found.read_bytes(), _error(done.stdout + done.stderr)) if found else None
    runs, reached = _RUNS.search(done.stderr), _DONE.search(done.stderr)
    return Searched(target, int(runs[1]) if runs else 0, int(reached[1]) if reached else 0, failed)


def _error(printed: str) -> str:
    """Return the traceback, or what libFuzzer says instead."""
    begin = max(printed.find("Uncaught Python exception"), 0)
    return printed[begin : begin + 3000]


def table(searched: Sequence[Searched]) -> str:
    """Return a table in Markdown."""
    lines = ["| what reads | inputs | edges reached | errors |", "| --- | --- | --- | --- |"]
    lines += [
        f"| {one.target.name} | {one.runs:,} | {one.reached:,} | {int(one.failed is not None)} |"
        for one in searched
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m trust.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", help="those to search; all if none is named")
    parser.add_argument("--seconds", type=int, default=30, help="for each of them (default: 30)")
    parser.add_argument("--write", action="store_true", help="write the table into docs/trust.md")
    options = parser.parse_args()
    unknown = set(options.targets) - set(TARGETS)
    if unknown:
        parser.error(
            f"there is no target {', '.join(sorted(unknown))}; there are: {' '.join(TARGETS)}"
        )
    if importlib.util.find_spec("atheris") is None:
        parser.error("atheris is missing: pip install 'atheris>=3,<4' (Linux, CPython to 3.13)")
    searched = []
    for name in options.targets or TARGETS:
        searched.append(one := search(TARGETS[name], options.seconds))
        print(f"{name}: {one.runs:,} inputs", file=sys.stderr, flush=True)
        if one.failed is not None:
            print(f"{one.failed[1]}\nthe input: {one.failed[0]!r}", file=sys.stderr, flush=True)
    print(table(searched), end="")
    if options.write:
        write("fuzz", table(searched))
    if any(one.failed for one in searched):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
