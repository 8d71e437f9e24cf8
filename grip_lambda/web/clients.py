"""Who a client is, where it shows no API key: its address."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

#: What one IPv6 customer has as a rule; single addresses cost nothing.
_IPV6_PREFIX = 64


def client_of(environ: WSGIEnvironment, trusted_proxies: int) -> str:
    """Return the address of a client; empty where it is not known.

    Pushpin appends the address that it sees to ``X-Forwarded-For``, and the proxies before it do
    the same. What stands further left is what the client said itself.

    Args:
        trusted_proxies: how many proxies there are before Pushpin.

    Returns:
        An IPv4 address, or the /64 network of an IPv6 address, such as ``2001:db8::/64``.
    """
    named = environ.get("HTTP_X_FORWARDED_FOR", "").rsplit(",", trusted_proxies + 1)
    return _network_of(named[-min(len(named), trusted_proxies + 1)].strip())


@lru_cache(4096)
def _network_of(text: str) -> str:
    if ":" not in text:
        return text if _is_ipv4(text) else ""
    try:
        address = ipaddress.IPv6Address(text.strip("[]").partition("%")[0])
    except ValueError:
        return ""
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((address, _IPV6_PREFIX), strict=False))


def _is_ipv4(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True
