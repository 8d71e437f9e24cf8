"""The API keys of the deployment, read from their file and read again when it changes."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from ...errors import ConfigError
from ...protocol import keys
from ...protocol.keys import Key

log = logging.getLogger(__name__)

#: How often the file is looked at, in seconds.
_LOOK_S = 1.0


class KeyRing:
    """Knows the keys. Safe for many threads, which share one look at the file in a second."""

    def __init__(
        self, path: Path, secret: bytes, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Read the file.

        Args:
            path: the file of keys.
            secret: that of the server, from which the keys were made.
            clock: gives seconds.

        Raises:
            ConfigError: the file is missing, or is none of keys.
        """
        self._path = path
        self._secret = secret
        self._clock = clock
        self._looking = threading.Lock()
        self._looked = clock()
        self._complaint = ""
        try:
            self._seen = _stamp(path)
            self._keys = _read(path)
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"the keys file {path} can't be used: {_why(error)}"
                " (GRIP_LAMBDA_API_KEYS; `grip-lambda keys add` makes one)"
            ) from None

    def __len__(self) -> int:
        return len(self._now())

    def get(self, key_id: str) -> Key | None:
        """Return a key that is neither revoked nor expired, by its id."""
        key = self._now().get(key_id)
        if key is None or (key.expires is not None and key.is_over(_now())):
            return None
        return key

    def find(self, text: str) -> Key | None:
        """Return the key that somebody presented; None where it is none, or over."""
        parts = keys.parse(text)
        if parts is None:
            return None
        key_id, secret = parts
        key = self.get(key_id)
        return key if keys.is_secret(key, secret) else None

    def secret_of(self, key_id: str) -> str | None:
        """Return the secret of a key, to check a signature with.

        None where there is no such key, or the server's secret is another one than the key was
        made with.
        """
        key = self.get(key_id)
        secret = keys.secret_of(self._secret, key_id)
        return secret if keys.is_secret(key, secret) else None

    def _now(self) -> Mapping[str, Key]:
        """Return the keys of the file; those that it had before where it can't be read."""
        if self._clock() - self._looked >= _LOOK_S and self._looking.acquire(blocking=False):
            try:
                self._looked = self._clock()
                self._look()
            finally:
                self._looking.release()
        return self._keys

    def look(self) -> None:
        """Read the file now if it has changed."""
        with self._looking:
            self._looked = self._clock()
            self._look()

    def _look(self) -> None:
        try:
            stamp = _stamp(self._path)
            if stamp == self._seen:
                return
            fresh = _read(self._path)
        except (OSError, ValueError) as error:
            self._complain(
                f"the keys file {self._path} can't be used, the earlier keys stay: {_why(error)}"
            )
            return
        self._keys, self._seen, self._complaint = fresh, stamp, ""
        log.info("%s was read again: %d keys", self._path, len(fresh))

    def _complain(self, complaint: str) -> None:
        if complaint != self._complaint:
            log.error("%s", complaint)
        self._complaint = complaint


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _stamp(path: Path) -> tuple[int, int, int]:
    """Return what is different after each change of a file."""
    found = os.stat(path)
    return found.st_mtime_ns, found.st_size, found.st_ino


def _read(path: Path) -> Mapping[str, Key]:
    return {key.id: key for key in keys.read(path.read_bytes())}


def _why(error: Exception) -> str:
    return str((isinstance(error, OSError) and error.strerror) or error)
