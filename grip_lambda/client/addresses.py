"""Where the server is, and who asks."""

from __future__ import annotations

import os
from urllib.parse import quote, urlsplit, urlunsplit

from .. import __version__

USER_AGENT = f"grip-lambda/{__version__}"
DEFAULT_URL = "http://localhost:7999"
URL_VARIABLE = "GRIP_LAMBDA_URL"
KEY_VARIABLE = "GRIP_LAMBDA_KEY"
_SECURE = {"http": False, "ws": False, "https": True, "wss": True}


def base_url(url: str | None) -> str:
    """Return the address of a server as ``http://…`` or ``https://…``, without a slash behind.

    Args:
        url: with ``http``, ``https``, ``ws`` or ``wss``; None for that of the environment
            variable GRIP_LAMBDA_URL, or ``http://localhost:7999`` if there is none.

    Raises:
        ValueError: it is not such an address.
    """
    url = url or os.environ.get(URL_VARIABLE) or DEFAULT_URL
    parts = urlsplit(url)
    if parts.scheme not in _SECURE or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"the address of a server is like {DEFAULT_URL}, not {url!r}")
    _ = parts.port  # which raises ValueError if it is none
    scheme = "https" if _SECURE[parts.scheme] else "http"
    return urlunsplit((scheme, parts.netloc, parts.path.rstrip("/"), "", ""))


def key_headers(key: str | None) -> dict[str, str]:
    """Return the headers that present an API key.

    Args:
        key: the key; None for that of the environment variable GRIP_LAMBDA_KEY, if there is one;
            empty for none.

    Raises:
        ValueError: it can't be a key. The message does not show it.
    """
    key = os.environ.get(KEY_VARIABLE, "") if key is None else key
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise ValueError("an API key has no spaces and only ASCII characters")
    return {"Authorization": f"Bearer {key}"} if key else {}


def websocket_url(base: str) -> str:
    """Return the same address with ``ws`` or ``wss``."""
    return "ws" + base.removeprefix("http")


def lambda_path(lambda_id: str, method: str | None = None) -> str:
    """Return the path of a lambda, or of one of its methods.

    Raises:
        ValueError: one of them can't be written in UTF-8.
    """
    path = f"/lambda/{_segment(lambda_id)}"
    return path if method is None else f"{path}/{_segment(method)}"


def invoke_path(lambda_id: str, method: str) -> str:
    """Return the path at which a method is invoked; raises as ``lambda_path``."""
    return f"/invoke/{_segment(lambda_id)}/{_segment(method)}"


def opening_path(lambda_id: str, token: str, *, private: bool = False) -> str:
    """Return the path that opens a lambda; an empty id asks for a new one."""
    path = f"/lambda/new/{_segment(lambda_id)}" if lambda_id else "/lambda/new"
    query = [f"token={quote(token, safe='')}"] if token else []
    query += ["private"] if private else []
    return f"{path}?{'&'.join(query)}" if query else path


def _segment(text: str) -> str:
    # A dot alone, or two, would be resolved.
    return text.replace(".", "%2E") if text in (".", "..") else quote(text, safe="")
