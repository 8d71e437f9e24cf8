"""How the processes that share a store reach one another, to tell that something has happened.

What is said is a hint: whatever counts is in the store.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

#: What an address begins with; the name of no Pushpin does.
MARK = "@"


class Link(Protocol):
    """One process's end. Safe for many threads."""

    def listen(self, address: str, receive: Callable[[bytes], None]) -> None:
        """Begin to pass on what is sent to ``address``."""

    def send(self, address: str, data: bytes) -> bool:
        """Send to the process that listens at ``address``; False if it was not reached."""

    def close(self) -> None:
        """Stop listening."""


def new_address() -> str:
    """Return an address for this process: the machine's part, a dot and a part of its own."""
    return f"{MARK}{_MACHINE}.{secrets.token_urlsafe(9)}"


def is_address(text: str) -> bool:
    """Tell whether this is the address of a process, and not the name of a Pushpin."""
    return text.startswith(MARK)


def is_here(address: str) -> bool:
    """Tell whether a process runs on this machine, where a Unix socket reaches it."""
    return address.partition(".")[0] == MARK + _MACHINE


def _machine() -> str:
    """Return what all processes here have in common: the start of the system, and the network."""
    names = []
    with suppress(OSError):
        names.append(Path("/proc/sys/kernel/random/boot_id").read_text())
        names.append(str(os.stat("/proc/self/ns/net").st_ino))
    return hashlib.sha256("".join(names).encode()).hexdigest()[:12]


_MACHINE = _machine()
