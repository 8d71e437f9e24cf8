"""Where the server is, and who asks."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from .. import __version__

USER_AGENT = f"grip-lambda/{__version__}"
DEFAULT_URL = "http://localhost:7999"
URL_VARIABLE = "GRIP_LAMBDA_URL"
KEY_VARIABLE = "GRIP_LAMBDA_KEY"
#: What an address begins with that is no id, but the name of a service.
_SERVICE = "service/"
_SECURE = {"http": False, "ws": False, "https": True, "wss": True}


def base_url(url: str | None) -> str:
    """Return the address of a server as ``http://…`` or ``https://…``, without a slash behind.

    A user and a password in it are left out, as it is printed.

    Args:
        url: with ``http``, ``https``, ``ws`` or ``wss``; None for that of the environment
            variable GRIP_LAMBDA_URL, or ``http://localhost:7999`` if there is none.

    Raises:
        ValueError: it is not such an address.
    """
    url = given_url(url)
    try:
        parts = urlsplit(url)
        _ = parts.port  # which raises ValueError if it is none
        wrong = parts.scheme not in _SECURE or not parts.hostname or parts.query or parts.fragment
    except ValueError:
        wrong = True
    if wrong:
        shown = repr(without_secrets(url if "//" in url else url.rpartition("@")[2]))
        raise ValueError(f"the address of a server is like {DEFAULT_URL}, not {shown}")
    scheme = "https" if _SECURE[parts.scheme] else "http"
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((scheme, host, parts.path.rstrip("/"), "", ""))


def given_url(url: str | None) -> str:
    """Return an address as it was given, or that of the environment, or the default."""
    return url or os.environ.get(URL_VARIABLE) or DEFAULT_URL


def user_of(url: str) -> tuple[str, str] | None:
    """Return the user and the password in an address, or None."""
    user, has_user, _ = urlsplit(url).netloc.rpartition("@")
    if not has_user:
        return None
    name, _, password = user.partition(":")
    return unquote(name), unquote(password)


def without_secrets(text: str) -> str:
    """Return a text without the passwords, tokens and ids of calls that addresses in it hold."""
    text = re.sub(r"//\S*@", "//", text)
    text = re.sub(r"\b(token|ticket)=[^\s&)'\"]*", r"\1=…", text)
    return re.sub(r"/calls/[\w%-]+", "/calls/…", text)


def location_of(address: str) -> str:
    """Return where a response redirects to, for people: no user, no query."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    host = parts.netloc.rpartition("@")[2]
    return without_secrets(urlunsplit((parts.scheme, host, parts.path, "", "")))[:200]


def take_token(path: str) -> tuple[str, str]:
    """Return a path without the reopen token in its query, and the token, if there is one."""
    path, has_query, query = path.partition("?")
    parts = [part.partition("=") for part in query.split("&")] if has_query else []
    tokens = [value for name, _, value in parts if name == "token"]
    rest = "&".join("".join(part) for part in parts if part[0] != "token")
    return f"{path}?{rest}" if rest else path, unquote(tokens[0]) if tokens else ""


def api_key(key: str | None) -> str:
    """Return an API key; empty for none.

    Args:
        key: the key; None for that of the environment variable GRIP_LAMBDA_KEY, if there is one;
            empty for none.

    Raises:
        ValueError: it can't be a key. The message does not show it.
    """
    key = os.environ.get(KEY_VARIABLE, "") if key is None else key
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise ValueError("an API key has no spaces and only ASCII characters")
    return key


def key_headers(key: str | None) -> dict[str, str]:
    """Return the headers that present an API key; arguments and errors as ``api_key``."""
    key = api_key(key)
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


def callee_path(address: str, method: str) -> str:
    """Return the path of a method of a lambda, given its id; or of a service, ``service/<name>``.

    Raises:
        ValueError: as ``lambda_path``.
    """
    if address.startswith(_SERVICE):
        return f"/{_SERVICE}{_segment(address.removeprefix(_SERVICE))}/{_segment(method)}"
    return lambda_path(address, method)


def service_address(name: str) -> str:
    """Return what a service is called with, in the place of a lambda's id."""
    return _SERVICE + name


def service_path(name: str) -> str:
    """Return the path of a service, which lists its hosts."""
    return f"/{_SERVICE}{_segment(name)}"


def all_path(name: str, method: str) -> str:
    """Return the path at which all hosts of a service are asked."""
    return f"{service_path(name)}/all/{_segment(method)}"


def described_path(address: str) -> str:
    """Return where a lambda is described, given its id; or a service, given ``service/<name>``.

    Raises:
        ValueError: as ``lambda_path``.
    """
    return f"/openrpc/{'/'.join(map(_segment, address.split('/', 1)))}"


def invoke_path(lambda_id: str, method: str) -> str:
    """Return the path at which a method is invoked; raises as ``lambda_path``."""
    return f"/invoke/{_segment(lambda_id)}/{_segment(method)}"


def opening_path(
    lambda_id: str, token: str, *, private: bool = False, services: Sequence[str] = ()
) -> str:
    """Return the path that opens a lambda; an empty id asks for a new one."""
    path = f"/lambda/new/{_segment(lambda_id)}" if lambda_id else "/lambda/new"
    query = [f"token={quote(token, safe='')}"] if token else []
    query += ["private"] if private else []
    query += [f"service={quote(name, safe='')}" for name in services]
    return f"{path}?{'&'.join(query)}" if query else path


def _segment(text: str) -> str:
    # A dot alone, or two, would be resolved.
    return text.replace(".", "%2E") if text in (".", "..") else quote(text, safe="")
