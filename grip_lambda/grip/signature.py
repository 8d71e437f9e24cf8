"""Who sent a request: the verified ``Grip-Sig``.

Each Pushpin signs with an issuer per protocol, ``ws@<node>`` for what stands for a real WebSocket
and ``http@<node>`` for plain HTTP, so that a batch which a client posted itself is told from one
that Pushpin made. Pushpin replaces a ``Grip-Sig`` that a client sends.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass

import jwt

_CACHE_MAX = 256


@dataclass(frozen=True)
class Sender:
    """A Pushpin of ours, and what stands behind the request: ``ws`` or ``http``."""

    node: str
    protocol: str


class Verifier:
    """Checks ``Grip-Sig`` headers against the keys of the known nodes.

    Pushpin signs once a second for each route, so a verified token is remembered until it ends.
    Safe to use from many threads.
    """

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._keys = {
            f"{protocol}@{node}": (Sender(node, protocol), key)
            for node, key in keys.items()
            for protocol in ("ws", "http")
        }
        self._seen: dict[str, tuple[Sender, float]] = {}
        self._lock = threading.Lock()

    def sender(self, token: str, now: float) -> Sender | None:
        """Return who signed ``token``, or None where no Pushpin of ours did."""
        if not token:
            return None
        known = self._seen.get(token)
        if known is not None and now < known[1]:
            return known[0]
        try:
            claimed = jwt.decode(token, options={"verify_signature": False}).get("iss")
            sender, key = self._keys[str(claimed)]
            claims = jwt.decode(token, key, algorithms=["HS256"], options={"require": ["exp"]})
        except (jwt.InvalidTokenError, KeyError):
            return None
        with self._lock:
            if len(self._seen) >= _CACHE_MAX:
                self._seen.clear()
            self._seen[token] = (sender, float(claims["exp"]))
        return sender
