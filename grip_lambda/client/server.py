"""A server as its clients reach it, by HTTP and by WebSocket alike."""

from __future__ import annotations

import errno
import re
import ssl
from collections.abc import Mapping
from typing import Any

import httpx
import truststore

from .addresses import base_url, without_secrets
from .credentials import Credentials
from .proxies import proxy_for


class Server:
    """A server: its address, what is shown to it, whom it is believed, and the way there.

    Args:
        url: its address; None for that of GRIP_LAMBDA_URL, or ``http://localhost:7999``.
        key: an API key; None for that of GRIP_LAMBDA_KEY, if there is one; empty for none.
        headers: more headers for each request.

    Attributes:
        url: its address, ``http://…``, without a user and a password.
        credentials: what is shown to it.
        tls: whom it is believed; None without TLS.
        proxy_url, proxy_tls: the proxy before it, maybe with a password in its address; or None.

    Raises:
        ValueError: the address or the key makes no sense.
        ConfigError: the environment names a proxy that can't work.
    """

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.url = base_url(url)
        self.credentials = Credentials(url, key, headers)
        self._proxy = proxy_for(self.url)
        # httpx and websockets would trust different authorities.
        self.tls = _system_trust(self.url)
        self.proxy_url = None if self._proxy is None else self._proxy.url
        self.proxy_tls = _system_trust(self.proxy_url or "")

    def http_options(self) -> dict[str, Any]:
        """Return how httpx makes requests to it."""
        url = self.proxy_url
        proxy = None if url is None else httpx.Proxy(url, ssl_context=self.proxy_tls)
        return {"verify": self.tls or False, "proxy": proxy, "trust_env": False}

    def why(self, error: Exception) -> str:
        """Return in words why there is no connection, without secrets."""
        untrusted = untrusted_certificate(error)
        text = re.sub(r"^\[Errno -?\d+\] ", "", str(error)) or type(error).__name__
        if untrusted is not None:
            text = f"its certificate is not trusted: {untrusted.verify_message}"
        elif f"[Errno {errno.ECONNREFUSED}] Connect call" in str(error):  # to several, too
            text = "connection refused"
        return without_secrets(text) + (f" (by way of {self._proxy})" if self._proxy else "")


def untrusted_certificate(error: BaseException | None) -> ssl.SSLCertVerificationError | None:
    """Return what is wrong with a certificate, if that is why there is no connection."""
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return error


def _system_trust(url: str) -> ssl.SSLContext | None:
    if not url.startswith("https:"):
        return None
    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
