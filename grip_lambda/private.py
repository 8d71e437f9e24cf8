"""Folders and files that only their owner may read."""

from __future__ import annotations

import os
import re
import stat
from contextlib import suppress
from pathlib import Path

#: What this program and the embedded store keep in the data folder.
_OURS = re.compile(
    r"(secret|sig-key)(\..*)?|\.?keys\.json(\..*)?|grip-lambda\.db(-wal|-shm|-journal|-lock)?"
    r"|(serve|cluster|demo)\.json(\..*)?|lock"
)


def make_private(folder: Path) -> None:
    """Make a folder that only its owner may enter, with those above it that are missing.

    One that is there already is closed to others where it belongs to this user and holds nothing
    but what is kept in a data folder; so are these files, wherever they are. A folder that is
    used for other things as well stays open to whom it was open.

    Raises:
        OSError: it can't be made or read.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    everything = list(folder.iterdir())
    ours = [path for path in everything if _OURS.fullmatch(path.name)]
    for path in ours:
        with suppress(FileNotFoundError):  # who makes a secret moves it into its place
            _tighten(path, 0o600)
    if len(ours) == len(everything):
        _tighten(folder, 0o700)


def _tighten(path: Path, mode: int) -> None:
    """Take the rights of others away; a link is left to whoever made it."""
    found = path.lstat()
    is_ours = found.st_uid == os.geteuid() and not stat.S_ISLNK(found.st_mode)
    if is_ours and found.st_mode & 0o077:
        path.chmod(mode)
