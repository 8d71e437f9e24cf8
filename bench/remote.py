"""A load client in a process of its own, which is asked and answers in lines of JSON."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import orjson


class Remote:
    """A module of bench/ that runs elsewhere."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

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
            SystemExit: the client ended instead.
        """
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("the load client ended")
        answer: dict[str, Any] = orjson.loads(line)
        return answer


@contextmanager
def remote(module: str, *arguments: str) -> Iterator[Remote]:
    """Run a module until the end of the block."""
    with subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Remote(process)
        finally:
            process.kill()
