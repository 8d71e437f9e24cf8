"""The file of API keys: read, and changed by one at a time, all or nothing; and what goes in."""

from __future__ import annotations

import fcntl
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from .errors import ConfigError
from .protocol import keys
from .protocol.keys import Key

_SPAN = re.compile(r"([0-9]{1,5})([hdw])", re.ASCII)
_HOURS = {"h": 1, "d": 24, "w": 7 * 24}


def read(path: Path) -> list[Key]:
    """Read a file of keys.

    Raises:
        ConfigError: it can't be used.
    """
    try:
        return list(keys.read(path.read_bytes()))
    except (OSError, ValueError) as error:
        why = (isinstance(error, OSError) and error.strerror) or error
        raise ConfigError(f"the keys file {path} can't be used: {why}") from None


@contextmanager
def changing(path: Path) -> Iterator[list[Key]]:
    """Read a file of keys, or begin one; have the list changed, and write it.

    Nothing is written if the context ends with an error.

    Raises:
        ConfigError: it can't be used or written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = os.open(path.parent, os.O_RDONLY)
    except OSError as error:
        raise ConfigError(f"the keys file {path} can't be made: {error.strerror}") from None
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        known = read(path) if path.exists() else []
        yield known
        _write(path, keys.written(known))
        os.fsync(folder)
    except OSError as error:
        raise ConfigError(f"the keys file {path} can't be written: {error.strerror}") from None
    finally:
        os.close(folder)


def _write(path: Path, text: bytes) -> None:
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


def expiry(text: str, now: datetime) -> str:
    """Return when a key expires that is made now, as its file has it.

    Args:
        text: ``90d``, ``12h`` or ``2w`` from now on, or a date or time of ISO 8601; a time without
            an offset is in UTC.

    Raises:
        ValueError: it is none of these, or over already.
    """
    try:
        if found := _SPAN.fullmatch(text):
            at = now + timedelta(hours=int(found[1]) * _HOURS[found[2]])
        else:
            at = datetime.fromisoformat(text)
            at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise ValueError("when a key expires is like 90d, 12h, 2w or 2030-12-31") from None
    if at <= now:
        raise ValueError(f"{text} is over already")
    return at.isoformat(timespec="seconds")
