"""A shell command as a function."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from typing import Any

from ..client import RemoteError
from ..client.writing import to_json

METHOD_VARIABLE = "GRIP_LAMBDA_METHOD"
#: How much of what a failed command printed its caller is told, in characters.
_TOLD = 2000
#: How long a command that is killed may take to end, in seconds.
_END_S = 0.5


class Command:
    """What `host --exec` does for each call."""

    def __init__(self, command: str) -> None:
        self._command = command

    async def __call__(self, method: str, body: Any) -> Any:
        """Run the command; return what it printed.

        Raises:
            RemoteError: it ended with a status other than 0.
        """
        process = await asyncio.create_subprocess_shell(
            self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, METHOD_VARIABLE: method},
            start_new_session=True,  # Ctrl-C is for the host, which lets it finish
        )
        try:
            printed, complaints = await process.communicate(to_json(body).encode() + b"\n")
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                # It is to be gone before the event loop is, which else complains.
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(process.wait(), _END_S)
        if process.returncode:
            raise RemoteError(_error(process.returncode, complaints))
        return _value(printed)


def _value(printed: bytes) -> Any:
    if not printed.strip():
        return None
    try:
        return json.loads(printed)
    except (ValueError, RecursionError):
        return printed.decode(errors="replace").removesuffix("\n")


def _error(status: int, complaints: bytes) -> dict[str, Any]:
    how = f"exit status {status}" if status > 0 else f"ended by signal {-status}"
    message = complaints.decode(errors="replace").strip()[-_TOLD:]
    return {"errorType": "ExitStatus", "errorMessage": message or how, "exitStatus": status}
