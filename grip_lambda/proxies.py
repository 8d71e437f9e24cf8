"""Which Pushpins there are: ``GRIP_URL`` and ``GRIP_PROXIES``, as Fanout's libraries read them.

``iss`` and ``key`` are what one publishes with where the control port asks for it (Fanout does);
``verify_iss`` and ``verify_key`` are what the proxy signs its requests with, and are the same two
where they are not given.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson

from .errors import ConfigError

_MEMBERS = (
    *("control_zmq_uri", "control_uri", "control_iss", "key"),
    *("verify_iss", "verify_key"),
)


@dataclass(frozen=True)
class Proxy:
    """One Pushpin.

    Attributes:
        node: its name, which is in the issuer of its ``Grip-Sig``: ``ws@<node>``, ``http@<node>``,
            or the name alone.
        control_uri: its control socket, ``tcp://host:port`` (``command_spec`` of its handler), or
            its control port, ``http://host:port``.
        key: what it signs ``Grip-Sig`` with.
        control_iss: who publishes at its control port; empty where it does not ask.
        control_key: what the publisher signs with, or shows where there is no ``control_iss``.
    """

    node: str
    control_uri: str
    key: bytes = field(default=b"", repr=False)
    control_iss: str = ""
    control_key: bytes = field(default=b"", repr=False)

    @property
    def is_http(self) -> bool:
        """Whether one publishes by HTTP."""
        return self.control_uri.startswith("http")


def signing_proxies(env: Mapping[str, str]) -> tuple[Proxy, ...]:
    """Return the Pushpins of a backend, which must know who signed a request.

    Raises:
        ConfigError: there is none, or one makes no sense.
    """
    found = _from_array(env) or _from_url(env)
    if not found:
        raise ConfigError("set GRIP_URL or GRIP_PROXIES, or start with `grip-lambda serve`")
    for proxy in found:
        if proxy.node and proxy.key:
            continue
        if env.get("GRIP_PROXIES"):
            raise ConfigError(
                "each entry of GRIP_PROXIES needs verify_iss, verify_key and control_zmq_uri"
                " (or control_uri, for HTTP)"
            )
        raise ConfigError(
            "GRIP_URL must be tcp://host:port?verify-iss=<name>&verify-key=<key>, or http://…"
        )
    if len({proxy.node for proxy in found}) < len(found):
        raise ConfigError("GRIP_PROXIES: each Pushpin needs a verify_iss of its own")
    return found


def publishing_proxies(env: Mapping[str, str]) -> tuple[Proxy, ...]:
    """Return the Pushpins that a function publishes to: those of both settings.

    Raises:
        ConfigError: there is none, or one makes no sense.
    """
    found = (*_from_array(env), *_from_url(env))
    if not found:
        raise ConfigError(
            "set GRIP_URL to where to publish, like http://localhost:5561 or"
            " https://api.fanout.io/realm/<realm>?iss=<realm>&key=base64:<key>"
        )
    return found


def _from_array(env: Mapping[str, str]) -> tuple[Proxy, ...]:
    text = env.get("GRIP_PROXIES")
    if not text:
        return ()
    try:
        entries = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise ConfigError(f"GRIP_PROXIES is not JSON: {error}") from None
    if not isinstance(entries, list) or not entries:
        raise ConfigError("GRIP_PROXIES must be a JSON array of objects, one for each Pushpin")
    return tuple(_entry(entry) for entry in entries)


def _entry(entry: Any) -> Proxy:
    values = [entry.get(name) if isinstance(entry, dict) else None for name in _MEMBERS]
    zmq_uri, http_uri, iss, key, verify_iss, verify_key = (
        value if isinstance(value, str) else "" for value in values
    )
    if zmq_uri and not _is_uri(zmq_uri, "tcp", "ipc"):
        raise ConfigError(
            f"GRIP_PROXIES: control_zmq_uri must be tcp://host:port or ipc://path, not {zmq_uri!r}"
        )
    if not zmq_uri and not _is_uri(http_uri, "http", "https"):
        raise ConfigError(
            "each entry of GRIP_PROXIES needs verify_iss, verify_key and control_zmq_uri"
            " (or control_uri: http://host:port)"
        )
    return _proxy(zmq_uri or http_uri.rstrip("/"), iss, key, verify_iss, verify_key)


def _from_url(env: Mapping[str, str]) -> tuple[Proxy, ...]:
    url = env.get("GRIP_URL")
    if not url:
        return ()
    if not _is_uri(url, "tcp", "ipc", "http", "https"):
        raise ConfigError(
            "GRIP_URL must be tcp://host:port?verify-iss=<name>&verify-key=<key>, or http://…"
        )
    parts = urlsplit(url)
    query = parse_qs(parts.query.replace("+", "%2B"))
    iss, key, verify_iss, verify_key = (
        query.get(name, [""])[0] for name in ("iss", "key", "verify-iss", "verify-key")
    )
    uri = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
    return (_proxy(uri, iss, key, verify_iss, verify_key),)


def _is_uri(text: str, *schemes: str) -> bool:
    """Tell whether a text names where to publish."""
    try:
        parts = urlsplit(text)
        named = {"tcp": parts.hostname and parts.port, "ipc": parts.netloc or parts.path}
        return parts.scheme in schemes and bool(named.get(parts.scheme, parts.hostname))
    except ValueError:
        return False


def _proxy(uri: str, iss: str, key: str, verify_iss: str, verify_key: str) -> Proxy:
    proxy = Proxy(verify_iss or iss, uri, _key(verify_key or key))
    if not proxy.is_http:
        return proxy
    return Proxy(proxy.node, uri, proxy.key, iss, _key(key))


def _key(text: str) -> bytes:
    """Return a key, which may be ``base64:…`` as in Pushpin's own settings."""
    if not text.startswith("base64:"):
        return text.encode()
    try:
        return b64decode(text[7:], validate=True)
    except ValueError:
        raise ConfigError("a verify-key that begins with base64: must go on in base64") from None
