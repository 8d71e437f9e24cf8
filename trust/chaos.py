"""Break one part after the other under mixed traffic, and count which promises were broken.

``python -m trust.chaos`` prints a table; with ``--write`` it goes into docs/trust.md. A row is a
server of its own: it runs for some seconds, is broken, and runs on until all is well.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.cluster import Cluster
from tests.support.stack import Program, Stack, command, descendants, parent

from .checker import Kind, Violation, violations
from .history import History
from .page import write
from .traffic import Traffic

#: How long traffic goes on before and after something is broken, and a process stands still.
_BEFORE_S, _AFTER_S, _STILL_S = 2.0, 8.0, 3.0
_SETTINGS = {"GRIP_LAMBDA_MAX_OPENINGS_PER_CLIENT": "100000"}
#: What breaks a promise, beside answers that come late.
_HARM = {
    "wrong": {Kind.WRONG, Kind.UNFOUNDED, Kind.MISLED, Kind.UNASKED, Kind.TWICE, Kind.DENIED},
    "delivered twice": {Kind.DUPLICATE},
    "lost without a word": {Kind.LOST},
    "told late": {Kind.LATE},
}


@dataclass(frozen=True)
class Fault:
    """One way to break a server.

    Attributes:
        name: as the table has it.
        program: a part of the command lines of the processes that it is done to.
        signal: what they are sent; those that are stopped go on after some seconds.
        all_of_them: whether to all of these, not to the first.
        in_cluster: whether the server is a whole deployment.
    """

    name: str
    program: str
    signal: signal.Signals
    all_of_them: bool = False
    in_cluster: bool = False


_KILL, _STOP = signal.SIGKILL, signal.SIGSTOP
FAULTS = [
    Fault("nothing", "", _KILL),
    *(
        Fault(f"{how} {what}", program, number, all_of_them)
        for what, program, all_of_them in [
            ("a backend process", "worker", False),
            ("all backend processes", "worker", True),
            ("what starts them", "backend", False),
            ("a process of nginx", "nginx: worker", False),
            ("nginx", "nginx: master", False),
            ("Pushpin's proxy", "pushpin-proxy", False),
            ("Pushpin's handler", "pushpin-handler", False),
            ("Pushpin's condure", "condure", False),
            ("a zurl", "zurl", False),
        ]
        for how, number in [("SIGKILL of", _KILL), ("SIGSTOP, 3 s, of", _STOP)]
    ),
    *(
        Fault(f"{how} {what}, of a cluster", program, number, in_cluster=True)
        for what, program in [("Redis", "redis-server"), ("a Pushpin's handler", "pushpin-handler")]
        for how, number in [("SIGKILL of", _KILL), ("SIGSTOP, 3 s, of", _STOP)]
    ),
]


@dataclass(frozen=True)
class Row:
    """What a fault did.

    Attributes:
        calls: how many requests of callers there were.
        failed: how many of them were told that they failed.
        longest_s: the longest, in seconds.
        well_s: how long after the fault the last one failed, in seconds.
        broken: the promises that were broken.
    """

    fault: Fault
    calls: int
    failed: int
    longest_s: float
    well_s: float
    broken: Sequence[Violation]

    def cells(self) -> list[str]:
        harm = [str(sum(one.kind in kinds for one in self.broken)) for kinds in _HARM.values()]
        well = f"{self.well_s:.1f} s" if self.failed else "-"
        longest = f"{self.longest_s:.1f} s"
        return [self.fault.name, str(self.calls), *harm, str(self.failed), longest, well]


HEAD = ["fault", "calls", *_HARM, "told as failed", "longest", "all well after"]


def row_of(fault: Fault, history: History, at: float) -> Row:
    """Return what a fault, at a time, has done."""
    ended = [(asked, told) for asked, told in history.requests() if told is not None]
    failed = [told.at for _, told in ended if told.status != 200]
    return Row(
        fault,
        len(history.asked),
        len(failed),
        max((told.at - asked.at for asked, told in ended), default=0.0),
        max((when - at for when in failed), default=0.0),
        violations(history),
    )


def processes(program: Program, fault: Fault) -> list[int]:
    """Return the processes that a fault is done to."""
    below = {pid: command(pid) for pid in descendants(program.pid)}
    if fault.program in ("worker", "backend"):
        masters = [
            pid
            for pid, line in below.items()
            if "serve.backend" in line and "serve.backend" not in below.get(parent(pid), "")
        ]
        if fault.program == "backend":
            return masters[:1]
        found = [
            pid for pid in below if parent(pid) in masters and "resource_tracker" not in below[pid]
        ]
    else:
        found = [pid for pid, line in below.items() if _is_program(line, fault.program)]
    return found if fault.all_of_them else found[:1]


def _is_program(line: str, name: str) -> bool:
    return (
        line.startswith(name)
        if " " in name
        else line.split(" ", maxsplit=1)[0].rpartition("/")[2] == name
    )


async def endure(program: Program, fault: Fault, before_s: float, after_s: float) -> Row:
    """Run traffic, and break something meanwhile."""
    traffic = Traffic(program.url.replace("localhost", "127.0.0.1"))
    async with traffic.running():
        await asyncio.sleep(before_s)
        at = time.monotonic()
        pids = processes(program, fault) if fault.program else []
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, fault.signal)
        if fault.signal == _STOP and pids:
            await asyncio.sleep(_STILL_S)
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
        await asyncio.sleep(after_s)
    return row_of(fault, traffic.history, at)


def run(fault: Fault, before_s: float = _BEFORE_S, after_s: float = _AFTER_S) -> Row:
    """Start a server, break it, and return what that did."""
    with tempfile.TemporaryDirectory(prefix="trust-") as folder:
        start: Callable[..., Program] = Cluster if fault.in_cluster else Stack
        program = start(Path(folder), **_SETTINGS)
        try:
            return asyncio.run(endure(program, fault, before_s, after_s))
        finally:
            program.stop()


def main() -> None:
    """Run all faults, or those whose names have a text in them."""
    parser = argparse.ArgumentParser(prog="trust.chaos", description=__doc__)
    parser.add_argument("--only", default="", help="faults whose names have this in them")
    parser.add_argument("--write", action="store_true", help="put the table into docs/trust.md")
    options = parser.parse_args()
    table = [HEAD, ["---"] * len(HEAD)]
    harmed = False
    print("| " + " | ".join(HEAD) + " |\n" + "|" + " --- |" * len(HEAD), flush=True)
    for fault in FAULTS:
        if options.only not in fault.name:
            continue
        row = run(fault)
        table.append(row.cells())
        print("| " + " | ".join(row.cells()) + " |", flush=True)
        for one in row.broken[:10]:
            print(f"  {one}", file=sys.stderr, flush=True)
        harmed |= bool(row.broken)
    if options.write:
        write("chaos", "".join("| " + " | ".join(cells) + " |\n" for cells in table))
    sys.exit(harmed)


if __name__ == "__main__":
    main()
