"""Where clients connect: the addresses of the public port."""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TypeAlias

from .. import settings
from ..errors import ConfigError
from .pushpin import keep_port

Address: TypeAlias = IPv4Address | IPv6Address

_LOOPBACK_4 = IPv4Address("127.0.0.1")
_LOOPBACK_6 = IPv6Address("::1")
_ABSENT = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


@dataclass(frozen=True)
class Listening:
    """The public port on some addresses of this machine.

    Attributes:
        addresses: at least one.
        port: the port.
        is_named: whether ``localhost`` is all of them.
    """

    addresses: Sequence[Address]
    port: int
    is_named: bool = False

    @classmethod
    def on(cls, host: str, port: int) -> Listening:
        """Return where to listen, after a try.

        Args:
            host: an IP address, or ``localhost`` for the loopback interface of both families.
            port: the public port.

        Raises:
            ConfigError: the port can't be used there.
        """
        keep_port(port)
        if host != settings.DEFAULT_HOST:
            address = ip_address(host)
            _try(address, port)
            return cls([address], port)
        loopback: list[Address] = [_LOOPBACK_4, _LOOPBACK_6]
        return cls(
            [one for one in loopback if _try(one, port, needed=one.version == 4)], port, True
        )

    @property
    def hosts(self) -> list[str]:
        """The addresses, those of IPv6 in brackets."""
        return [_written(one) for one in self.addresses]

    @property
    def specs(self) -> str:
        """The addresses, each with the port, and commas between them."""
        return ",".join(f"{host}:{self.port}" for host in self.hosts)

    @property
    def is_public(self) -> bool:
        """Whether other machines may reach it."""
        return not all(one.is_loopback for one in self.addresses)

    @property
    def url(self) -> str:
        """How this machine reaches it."""
        if self.is_named:
            return f"http://{settings.DEFAULT_HOST}:{self.port}"
        (one,) = self.addresses
        if one.is_unspecified:
            one = _LOOPBACK_4 if one.version == 4 else _LOOPBACK_6
        return f"http://{_written(one)}:{self.port}"


def _written(address: Address) -> str:
    return f"[{address}]" if address.version == 6 else str(address)


def _try(address: Address, port: int, *, needed: bool = True) -> bool:
    """Tell whether the port can be listened on; False only where that is not needed.

    Raises:
        ConfigError: it can't.
    """
    try:
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((str(address), port))
    except OSError as error:
        if not needed and error.errno in _ABSENT:
            return False
        if error.errno in _ABSENT:
            raise ConfigError(f"HOST must be an address of this machine, not {address}") from None
        raise ConfigError(
            f"port {port} can't be used on {address} ({error.strerror}); choose another with PORT=…"
        ) from None
    return True
