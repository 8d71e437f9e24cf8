"""``GRIP_LAMBDA_ORIGINS``: which pages may call, written as browsers write them."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from .errors import ConfigError

_DEFAULT_PORTS = {"http": 80, "https": 443}


def parse_origins(text: str) -> tuple[str, ...]:
    """Return the origins that a setting names, as browsers send them (RFC 6454 section 6.2).

    Args:
        text: origins, ``scheme://host`` or ``scheme://host:port``, separated by spaces or commas;
            or ``*`` for any.

    Returns:
        The origins; none where any will do.

    Raises:
        ConfigError: one is none, or there are none.
    """
    words = re.split(r"[\s,]+", text.strip(" \t\r\n,"))
    if words == [""]:
        raise ConfigError(
            "GRIP_LAMBDA_ORIGINS is empty: name origins, or * for any, or don't set it"
        )
    if "*" in words:
        return ()
    return tuple(dict.fromkeys(map(_origin, words)))


def _origin(word: str) -> str:
    try:
        parts = urlsplit(word)
        scheme, host, port = parts.scheme, parts.hostname or "", parts.port
        if ":" not in host:
            host = host.encode("idna").decode()
    except ValueError:
        raise _refused(word) from None
    if "*" in host:
        raise ConfigError(f"GRIP_LAMBDA_ORIGINS takes no wildcards: name each origin, not {word!r}")
    rest = (parts.path.removeprefix("/"), parts.query, parts.fragment, parts.username)
    known = host.isascii() and host.isprintable() and " " not in host
    if not scheme or not host or any(rest) or not known or not word.isprintable():
        raise _refused(word)
    if ":" in host:
        host = f"[{host}]"
    return (
        f"{scheme}://{host}"
        if port in (None, _DEFAULT_PORTS.get(scheme))
        else (f"{scheme}://{host}:{port}")
    )


def _refused(word: str) -> ConfigError:
    return ConfigError(
        "GRIP_LAMBDA_ORIGINS must be origins like https://a.example or http://localhost:3000,"
        f" not {word!r}"
    )
