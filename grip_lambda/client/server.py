"""A server as its clients reach it, by HTTP and by WebSocket alike."""

from __future__ import annotations

import errno
import logging
import re
import ssl
from collections.abc import Mapping
from typing import Any

import httpx
import truststore
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from .addresses import USER_AGENT, base_url, websocket_url, without_secrets
from .credentials import Credentials
from .liveness import WatchedConnection
from .loss import Loss
from .proxies import proxy_for

#: What a message of the server may have, in bytes; a call's body has less.
_MAX_RECEIVED = 16 * 1024 * 1024
_CLOSE_S = 3.0

# At DEBUG, websockets logs headers and messages, and both hold tokens.
_quiet = logging.getLogger("grip_lambda.client.websockets")
_quiet.setLevel(logging.INFO)
_quiet.addFilter(lambda record: record.levelno >= logging.INFO)


class _Unredirected(connect):
    """A connection to no other server than was meant: another one would be shown the token."""

    def process_redirect(self, exc: Exception) -> Exception:
        return exc


class Server:
    """A server: its address, what is shown to it, whom it is believed, and the way there.

    Args:
        url: its address; None for that of GRIP_LAMBDA_URL, or ``http://localhost:7999``.
        key: an API key; None for that of GRIP_LAMBDA_KEY, if there is one; empty for none.
        headers: more headers for each request.

    Attributes:
        url: its address, ``http://…``, without a user and a password.
        credentials: what is shown to it.

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
        self._tls = _system_trust(self.url)
        self._proxy_url = None if self._proxy is None else self._proxy.url
        self._proxy_tls = _system_trust(self._proxy_url or "")

    def http_options(self) -> dict[str, Any]:
        """Return how httpx makes requests to it."""
        url = self._proxy_url
        proxy = None if url is None else httpx.Proxy(url, ssl_context=self._proxy_tls)
        return {"verify": self._tls or False, "proxy": proxy, "trust_env": False}

    def connect(self, path: str, headers: Mapping[str, str], open_s: float) -> connect:
        """Return what opens a WebSocket.

        Args:
            path: where, with its query.
            headers: for the handshake.
            open_s: how long that may take, in seconds.
        """
        ways: dict[str, Any] = {"ssl": self._tls} if self._tls else {}
        if self._proxy_tls:
            ways["proxy_ssl"] = self._proxy_tls
        return _Unredirected(
            websocket_url(self.url) + path,
            additional_headers=headers,
            user_agent_header=USER_AGENT,
            compression=None,
            proxy=self._proxy_url,
            open_timeout=open_s,
            close_timeout=_CLOSE_S,
            ping_interval=None,  # the server pings
            max_size=_MAX_RECEIVED,
            logger=_quiet,
            create_connection=WatchedConnection,
            **ways,
        )

    def loss(self, error: Exception) -> Loss:
        """Return why a WebSocket was not opened."""
        if not isinstance(error, InvalidStatus):
            lasting = untrusted_certificate(error) is not None
            return Loss(text=self.why(error), lasting=lasting)
        status, body = error.response.status_code, error.response.body or b""
        location = error.response.headers.get("Location", "") if 300 <= status < 400 else ""
        return Loss(status=status, text=body.decode(errors="replace"), location=location)

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
