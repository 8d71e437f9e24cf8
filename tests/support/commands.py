"""Commands of `grip-lambda`, as processes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable

Run = Callable[..., subprocess.CompletedProcess[str]]
COMMAND = [sys.executable, "-m", "grip_lambda"]


def running(url: str) -> Run:
    """Return what runs a command to its end, with a server and more of an environment."""

    def start(*arguments: str, stdin: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *arguments],
            input=stdin,
            env={**os.environ, "GRIP_LAMBDA_URL": url, **environ},
            capture_output=True,
            text=True,
            timeout=40,
            check=False,
        )

    return start


def failed(done: subprocess.CompletedProcess[str]) -> tuple[int, str]:
    """Check that a command failed properly; return its status and what it says."""
    assert done.stdout == ""
    assert re.fullmatch(r"grip-lambda: [^\n]+\n", done.stderr), done.stderr
    return done.returncode, done.stderr.removeprefix("grip-lambda: ").strip()
