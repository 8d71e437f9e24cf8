"""A load client in a process of its own, which is asked and answers in lines of JSON."""

from __future__ import annotations

import select
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import orjson


class Remote:
    """A module of bench/ that runs elsewhere."""

    def __init__(self, process: subprocess.Popen[str], patience_s: float | None = None) -> None:
        self._process = process
        self._patience_s = patience_s

    def ask(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Send what is wanted, and wait for the answer.

        Raises:
            SystemExit: the client ended instead.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(f"{orjson.dumps(wanted).decode()}\n")
        self._process.stdin.flush()
        return self.read()

    def read(self) -> dict[str, Any]:
        """Wait for the next answer.

        Raises:
            SystemExit: the client ended instead, or took too long.
        """
        assert self._process.stdout is not None
        # It says one line for each that it is sent: none is left in a buffer.
        if not select.select([self._process.stdout], [], [], self._patience_s)[0]:
            raise SystemExit(f"the load client said nothing for {self._patience_s:.0f} s")
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("the load client ended")
        answer: dict[str, Any] = orjson.loads(line)
        return answer


@contextmanager
def remote(module: str, *arguments: str) -> Iterator[Remote]:
    """Run a module until the end of the block."""
    with running([sys.executable, "-m", module, *arguments]) as started:
        yield started


@contextmanager
def running(command: Sequence[str], patience_s: float | None = None) -> Iterator[Remote]:
    """Run a program, which may take so many seconds to answer, until the end of the block."""
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is for those who started it
    ) as process:
        try:
            yield Remote(process, patience_s)
        finally:
            process.kill()
