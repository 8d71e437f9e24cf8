"""``python -m grip_lambda.serve.node <rundir>``: a Pushpin and its zurls, as one program.

If one of them ends, so do all: what starts it again finds no half of it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

#: The ends of the names of a zurl's sockets.
_ENDS = ("in", "in-stream", "out")
#: How long zurls may take to start, and programs to end, in seconds.
_START_S = 10.0
_STOP_S = 5.0

_Programs = Sequence[subprocess.Popen[bytes]]


def run(rundir: Path) -> int:
    """Run until one of the programs ends, or SIGTERM or SIGINT comes; return the exit status."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    programs: list[subprocess.Popen[bytes]] = []
    try:
        _start(rundir, programs)
        _, status = os.waitpid(0, 0)
    except _Stopped:
        _end(programs)
        return 0
    for program in programs:
        program.kill()
    return os.waitstatus_to_exitcode(status) or 1


def _start(rundir: Path, programs: list[subprocess.Popen[bytes]]) -> None:
    zurls = sorted(rundir.glob("zurl[0-9]*.conf"))
    sockets = [rundir / f"gl-{path.stem}-{end}" for path in zurls for end in _ENDS]
    for path in sockets:
        path.unlink(missing_ok=True)  # left by an earlier run
    commands = [["zurl", f"--config={path}", "--loglevel=1"] for path in zurls]
    programs += (subprocess.Popen(command) for command in commands)  # noqa: S603
    # What a zurl answers is lost before Pushpin has found it: it is to find all at once.
    until = time.monotonic() + _START_S
    while not all(path.exists() for path in sockets) and time.monotonic() < until:
        time.sleep(0.005)
    command = ["pushpin", "--merge-output", f"--config={rundir / 'pushpin.conf'}"]
    programs.append(subprocess.Popen(command))  # noqa: S603


def _end(programs: _Programs) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    for program in programs:
        program.terminate()
    for program in programs:
        with contextlib.suppress(subprocess.TimeoutExpired):
            program.wait(_STOP_S)
        program.kill()


class _Stopped(BaseException):
    """SIGTERM or SIGINT came."""


def _stop(number: int, frame: object) -> None:
    raise _Stopped


if __name__ == "__main__":
    sys.exit(run(Path(sys.argv[1])))
