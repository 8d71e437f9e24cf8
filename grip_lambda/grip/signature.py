"""Who sent a request: the verified ``Grip-Sig``.

Each Pushpin signs with an issuer per protocol, ``ws@<node>`` for what stands for a real WebSocket
and ``http@<node>`` for plain HTTP, so that a batch which a client posted itself is told from one
that Pushpin made. Pushpin replaces a ``Grip-Sig`` that a client sends.

One that signs with its name alone, as Fanout does, vouches for less: that it passed the request on.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt

from ..errors import ConfigError

_CACHE_MAX = 256


@dataclass(frozen=True)
class Sender:
    """A Pushpin of ours, and what stands behind the request.

    Attributes:
        node: the Pushpin.
        protocol: ``ws`` or ``http``; empty where the Pushpin does not tell.
    """

    node: str
    protocol: str


class Verifier:
    """Checks ``Grip-Sig`` headers against the keys of the known nodes.

    Pushpin signs once a second for each route, so a verified token is remembered until it ends.
    Safe to use from many threads.
    """

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._keys = {
            f"{protocol}@{node}" if protocol else node: (Sender(node, protocol), *_verifying(key))
            for node, key in keys.items()
            for protocol in ("ws", "http", "")
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
            sender, key, algorithm = self._keys[str(claimed)]
            claims = jwt.decode(token, key, algorithms=[algorithm], options={"require": ["exp"]})
        except (jwt.InvalidTokenError, KeyError):
            return None
        with self._lock:
            if len(self._seen) >= _CACHE_MAX:
                self._seen.clear()
            self._seen[token] = (sender, float(claims["exp"]))
        return sender


def _verifying(key: bytes) -> tuple[Any, str]:
    """Return what checks a signature, and its algorithm.

    Args:
        key: a secret that both have, or a public key of the proxy (PEM).

    Raises:
        ConfigError: it is a public key that can't be read.
    """
    if not key.startswith(b"-----BEGIN "):
        return key, "HS256"
    try:
        return jwt.get_algorithm_by_name("ES256").prepare_key(key), "ES256"
    except (jwt.PyJWTError, ValueError) as error:
        raise ConfigError(f"a verify-key is no public key for ES256: {error}") from None
    except NotImplementedError:
        raise ConfigError("for a public verify-key: pip install 'grip-lambda[faas]'") from None
