"""The proxy that the environment names for a server."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from importlib.util import find_spec
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from ..errors import ConfigError

_HTTP = ("http", "https")
_SOCKS = ("socks5", "socks5h")
#: Those that HTTP requests and WebSockets take for a SOCKS proxy.
_SOCKS_PACKAGES = ("socksio", "python_socks")


@dataclass(frozen=True)
class Proxy:
    """A proxy.

    Attributes:
        url: its address, maybe with a password.
        name: the variable that names it.
    """

    url: str = field(repr=False)
    name: str

    def __str__(self) -> str:
        return f"the proxy that {self.name} names"


def proxy_for(base: str) -> Proxy | None:
    """Return the proxy for a server, the same for its HTTP requests and its WebSockets.

    Args:
        base: the address of the server, ``http://…`` or ``https://…``.

    Raises:
        ConfigError: there is one that can't work. The message names the variable, and does not
            show its value, which may hold a password.
    """
    parts = urlsplit(base)
    known = getproxies()
    scheme = next((one for one in (parts.scheme, "all") if known.get(one)), None)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    if scheme is None or proxy_bypass(f"{parts.hostname}:{port}"):
        return None
    url = known[scheme] if "://" in known[scheme] else f"http://{known[scheme]}"
    return _checked(Proxy(url, _variable(scheme, known[scheme])))


def _variable(scheme: str, value: str) -> str:
    names = (f"{scheme}_proxy", f"{scheme.upper()}_PROXY")
    return next((n for n in names if os.environ.get(n) == value), "the system's configuration")


def _checked(proxy: Proxy) -> Proxy:
    try:
        parts = urlsplit(proxy.url)
        _ = parts.port  # which raises ValueError if it is none
        is_whole = bool(parts.hostname) and parts.path in ("", "/")
    except ValueError:
        is_whole = False
    if not is_whole or parts.query or parts.fragment:
        raise ConfigError(f"{proxy.name} is not the address of a proxy, like http://host:3128")
    if (parts.username is None) != (parts.password is None):
        raise ConfigError(f"{proxy.name} names a user without a password")
    if parts.scheme not in (*_HTTP, *_SOCKS):
        known = ", ".join((*_HTTP, *_SOCKS))
        raise ConfigError(
            f"{proxy.name} names a proxy of a kind that can't be used, {parts.scheme}://;"
            f" those are {known}. NO_PROXY lists servers that need none"
        )
    if parts.scheme in _SOCKS and not all(map(find_spec, _SOCKS_PACKAGES)):
        raise ConfigError(
            f"{proxy.name} names a SOCKS proxy, which takes `pip install 'grip-lambda[socks]'`;"
            " NO_PROXY lists servers that need none"
        )
    return proxy
