"""The load: wrk, an HTTP client in C, whose callers are told apart by bench/peers/callers.lua."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path

import msgspec

_SCRIPT = Path(__file__).with_name("callers.lua")
#: A call that takes longer counts as an error, in seconds.
_LATE_S = 2
#: wrk ends by itself long before, in seconds after the round.
_END_S = 30


class Call(msgspec.Struct, frozen=True):
    """How one host is called: ``%d`` in the body stands for the number of the call."""

    path: str
    body: str


class Answered(msgspec.Struct, frozen=True):
    """What wrk saw of one round; ``p50`` and ``p99`` are in milliseconds.

    wrk adds the calls to the distribution that it would have made while one of its callers was
    held up, so a few slow calls show in ``p99`` as if the callers came by a clock.
    """

    seconds: float
    right: int
    wrong: int
    failed: int
    late: int
    p50: float
    p99: float

    @property
    def errors(self) -> int:
        return self.wrong + self.failed + self.late


def load(port: int, calls: Iterable[Call], callers: int, seconds: int) -> Answered:
    """Have so many callers ask the hosts in turns, each as soon as it was answered.

    Raises:
        SystemExit: wrk failed.
    """
    arguments = [part for call in calls for part in (call.path, call.body)]
    ended = subprocess.run(
        [
            *("wrk", "--threads", "1", "--connections", str(callers)),
            *("--duration", str(seconds), "--timeout", str(_LATE_S), "--script", str(_SCRIPT)),
            *(f"http://127.0.0.1:{port}", "--", *arguments),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds + _END_S,
        start_new_session=True,  # Ctrl-C is ours
    )
    if ended.returncode:
        raise SystemExit(f"wrk failed: {ended.stderr.strip() or ended.stdout.strip()}")
    return parse(ended.stdout)


def parse(output: str) -> Answered:
    """Read the last line that callers.lua printed."""
    return msgspec.json.decode(output.rstrip().rpartition("\n")[2], type=Answered)
