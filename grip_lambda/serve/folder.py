"""The data folder of a running `serve` or `cluster`: used by one at a time, and says by which."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, TextIO

import orjson

from ..errors import ConfigError
from ..private import make_private
from .pushpin import check_rundir

#: What the names of run folders begin with.
_RUNDIR = "grip-lambda-"


class State:
    """What is running, in a file for whoever wants to know, as long as it runs."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written: Mapping[str, Any] = {}

    def __str__(self) -> str:
        return str(self._path)

    def write(self, state: Mapping[str, Any]) -> None:
        """Put it into the file, if it has changed; what can't be written is not missed."""
        if state == self._written:
            return
        fresh = self._path.with_suffix(".json.new")
        try:
            fresh.write_bytes(orjson.dumps(state, option=orjson.OPT_INDENT_2) + b"\n")
            fresh.replace(self._path)
        except OSError:
            fresh.unlink(missing_ok=True)
            return
        self._written = dict(state)

    def clear(self) -> None:
        """Remove the file, and the run folder of a run that could not do so itself."""
        try:
            rundir = Path(orjson.loads(self._path.read_bytes())["rundir"])
        except (OSError, ValueError, KeyError, TypeError):
            rundir = None
        if rundir is not None and rundir.name.startswith(_RUNDIR):
            shutil.rmtree(rundir, ignore_errors=True)
        self._path.unlink(missing_ok=True)


@contextmanager
def held(data: Path, command: str) -> Iterator[State]:
    """Have the data folder to oneself; it is made if it is missing, and closed to other users.

    Args:
        data: the folder.
        command: what uses it, ``serve`` or ``cluster``.

    Raises:
        ConfigError: another process has it, or it can't be used.
    """
    os.umask(0o077)  # of what is kept there nothing is for others
    what, setting = f"the data folder {data}", "GRIP_LAMBDA_DATA"
    try:
        make_private(data)
    except OSError as error:
        raise ConfigError(f"{what} can't be used: {error.strerror} ({setting})") from None
    with _lock(data / "lock", what, setting, command):
        state = State(data / f"{command}.json")
        state.clear()
        try:
            yield state
        finally:
            state.clear()


def holding(store: Path, command: str) -> AbstractContextManager[object]:
    """Have the file of a store to oneself, wherever it is, until the end of the context.

    Raises:
        ConfigError: another process has it, or it can't be used.
    """
    lock = store.with_name(f"{store.name}-lock")
    return _lock(lock, f"the store {store}", "GRIP_LAMBDA_STORE", command)


def _lock(path: Path, what: str, setting: str, command: str) -> TextIO:
    """Lock a file, which says by whom; the kernel unlocks it when this process ends."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid, _, other = lock.read().strip().partition(" ")
            holder = f"process {pid} (grip-lambda {other})" if pid else "another process"
            raise ConfigError(
                f"{what} is in use by {holder}: stop that one first,"
                f" or set {setting} to another one"
            ) from None
        lock.truncate()
        lock.write(f"{os.getpid()} {command}\n")
        lock.flush()
    except OSError as error:
        raise ConfigError(f"{what} can't be used: {error.strerror} ({setting})") from None
    return lock


@contextmanager
def run_folder() -> Iterator[Path]:
    """Make the folder for sockets and configurations, and remove it at the end.

    Raises:
        ConfigError: it can't be made or written, or its path is too long.
    """
    try:
        rundir = Path(tempfile.mkdtemp(prefix=_RUNDIR))
    except OSError as error:
        raise ConfigError(f"no run folder can be made: {error.strerror} (TMPDIR)") from None
    try:
        yield check_rundir(rundir)
    finally:
        shutil.rmtree(rundir, ignore_errors=True)
