"""Which pages may use the server: any, unless a setting names their origins.

CORS keeps a page from reading an answer, not from having something done: a simple request is sent
whatever the answer allows. So who may not is refused before anything is looked at.
"""

from __future__ import annotations

import functools
import ipaddress
import re
from typing import TYPE_CHECKING

from ..errors import Forbidden

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from ..settings import Settings

#: What is the same for all, and does nothing: pages and the library, and the signs of life.
_HARMLESS = re.compile(
    r"/|/console|/static/.*|/grip-lambda\.(?:js|bundle\.js|d\.ts)|/grip-lambda/.*|/healthz|/readyz|/version",
    re.DOTALL,
)
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def normal(origin: str) -> str:
    """Return an origin as all spellings of it are compared."""
    scheme, separator, host = origin.strip().lower().rstrip("/").partition("://")
    return f"{scheme}{separator}{host.removesuffix(_DEFAULT_PORTS.get(scheme, ':'))}"


@functools.lru_cache(maxsize=8)
def normals(origins: tuple[str, ...]) -> frozenset[str]:
    """Return some origins as they are compared."""
    return frozenset(map(normal, origins))


def is_allowed(settings: Settings, origin: str) -> bool:
    """Tell whether a setting names an origin, or all of them."""
    return not settings.origins or normal(origin) in normals(settings.origins)


def check_origin(settings: Settings, environ: WSGIEnvironment) -> None:
    """Refuse what a page of an origin asks for that is not allowed; programs have none.

    Raises:
        Forbidden: with the settings that allow it.
    """
    if not settings.origins:
        return
    if environ["REQUEST_METHOD"] == "OPTIONS" or _HARMLESS.fullmatch(environ["PATH_INFO"]):
        return
    host = environ.get("HTTP_HOST", "").lower()
    site = environ.get("HTTP_SEC_FETCH_SITE")
    origin = environ.get("HTTP_ORIGIN")
    if origin is None and site in ("cross-site", "same-site"):
        # An image or a form that is a GET; its page is told by Referer, if at all.
        found = re.match(r"https?://[^/?#]+", environ.get("HTTP_REFERER", ""), re.IGNORECASE)
        origin = "null" if found is None else found[0]
    if origin is None:
        if site == "same-origin" and not _is_ours(settings, host):
            raise _refusal()  # a name of an attacker's, which leads here by now
        return
    if is_allowed(settings, origin):
        return
    # The server's own pages may; whoever made them, if the name is not ours (DNS rebinding).
    scheme, _, at = normal(origin).partition("://")
    if not at or at != host.removesuffix(_DEFAULT_PORTS.get(scheme, ":")):
        raise _refusal()
    if not _is_ours(settings, host):
        raise _refusal()


def is_own(settings: Settings, environ: WSGIEnvironment) -> bool:
    """Tell whether a program asks for something, or a page of the server itself."""
    host = environ.get("HTTP_HOST", "").lower()
    if environ.get("HTTP_SEC_FETCH_SITE", "none") not in ("none", "same-origin"):
        return False
    origin = environ.get("HTTP_ORIGIN")
    if origin is not None:
        scheme, _, at = normal(origin).partition("://")
        if not at or at != host.removesuffix(_DEFAULT_PORTS.get(scheme, ":")):
            return False
    return _is_ours(settings, host)


def _is_ours(settings: Settings, host: str) -> bool:
    """Tell whether a Host header has a name of this server: a setting's, or one of loopback.

    An address in numbers can't be given to another server, which is what an attacker does with the
    name of their own.
    """
    name = host.rpartition(":")[0] if re.search(r":\d*$", host) else host
    if name in settings.names or name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True


def _refusal() -> Forbidden:
    return Forbidden(
        "pages of this origin may not do this; GRIP_LAMBDA_ORIGINS names those that may, and"
        " GRIP_LAMBDA_NAMES the server's own names"
    )
