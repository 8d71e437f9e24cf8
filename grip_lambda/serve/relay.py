"""What a child prints, in the form of the log (logs.py) and at a bounded rate.

Pushpin can fill a disk in an hour.
"""

from __future__ import annotations

import fcntl
import os
import sys
import time

from ..logs import translated

_BUFFER = 1_048_576
#: Lines that may come at once, and that may follow in a second.
_BURST = 500
_RATE = 20
_LINE_MAX = 8192


class Relay:
    """A pipe for a child's output; whoever has it asks now and then what came.

    Attributes:
        end: the descriptor that the child writes to.
    """

    def __init__(self, name: str) -> None:
        """Make the pipe.

        Args:
            name: what the child is called.
        """
        self._name = name
        self._from, self.end = os.pipe()
        fcntl.fcntl(self._from, fcntl.F_SETPIPE_SZ, _BUFFER)
        os.set_blocking(self._from, False)
        self._allowed = float(_BURST)
        self._at = time.monotonic()
        self._dropped = 0
        self._rest = b""

    def pass_on(self) -> None:
        """Write what came to standard error, as far as it is allowed, and how much was not."""
        lines = self._read()
        now = time.monotonic()
        self._allowed = min(_BURST, self._allowed + (now - self._at) * _RATE)
        self._at = now
        passed = lines[: int(self._allowed)]
        self._allowed -= len(passed)
        self._dropped += len(lines) - len(passed)
        if self._dropped and self._allowed >= _RATE:  # it has calmed down, or a second went by
            passed.append(f"[warning] {self._dropped} more lines were left out".encode())
            self._dropped = 0
        if passed:
            told = (translated(self._name, one.decode(errors="replace")) for one in passed)
            sys.stderr.buffer.write("".join(f"{one}\n" for one in told).encode())
            sys.stderr.buffer.flush()

    def _read(self) -> list[bytes]:
        """Return the lines that came; what has not ended yet waits, unless it is long."""
        try:
            data = self._rest + os.read(self._from, _BUFFER)
        except BlockingIOError:
            return []
        lines = data.split(b"\n")
        self._rest = lines.pop()
        if len(self._rest) > _LINE_MAX:
            lines.append(self._rest)
            self._rest = b""
        return [one for one in lines if one.strip()]
