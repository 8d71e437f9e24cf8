"""A line of JSON for each thing that changes who may do what, or that is refused (docs/keys.md)."""

from __future__ import annotations

import logging
import os
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import orjson

log = logging.getLogger(__name__)

#: So many refusals are written in a second; of others there is the number, so that nobody can fill
#: the disk with them.
_REFUSALS = 20


class Audit:
    """Appends to a file, which several processes share and others may rotate."""

    def __init__(self, path: Path | None = None) -> None:
        """Know the file; None to write nothing."""
        self._path = path
        self._lock = threading.Lock()
        self._second = 0
        self._refusals = 0

    def note(self, what: str, *, key: str = "", client: str = "", **more: object) -> None:
        """Write down what has happened.

        Args:
            what: in a word or two; docs/keys.md lists them.
            key: the id of the API key that did it; empty without one.
            client: the address that it came from; empty where it is not known.
            more: what it was done to; never a secret. What is None or empty is left out.
        """
        if self._path is None:
            return
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        told = {"time": at, "what": what, "key": key, "client": client, **more}
        line = orjson.dumps({name: value for name, value in told.items() if value}) + b"\n"
        try:
            file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(file, line)  # at once: lines of several processes don't mix
            finally:
                os.close(file)
        except OSError as error:
            log.error("%s can't be written: %s; it had: %s", self._path, error, line.decode())

    def refused(self, code: str, *, client: str, method: str, path: str) -> None:
        """Write down that a request was refused.

        Args:
            code: as the contract has it, such as ``unauthorized``.
            path: without the query, in which there may be tokens.
        """
        if self._path is None:
            return
        second = int(time.time())
        with self._lock:
            left_out = 0
            if second != self._second:
                left_out = max(0, self._refusals - _REFUSALS)
                self._second, self._refusals = second, 0
            self._refusals += 1
            is_noted = self._refusals <= _REFUSALS
        if left_out:
            self.note("refused, not written down", count=left_out)
        if is_noted:
            self.note("refused", client=client, code=code, method=method, path=path[:200])
