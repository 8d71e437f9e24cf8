"""What the listing shows of a registration's headers.

Whoever may list may be somebody else than who opened, and what stands between the two (an ingress,
a single sign-on) adds headers of its own. So what is shown is on a list; of all else the name.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from .codecs import CODECS
from .http import canonical_name

REDACTED = "[redacted]"

#: Shown as they are: they are no secrets, and may look like tokens.
_PLAIN = frozenset(
    {
        *("host", "connection", "upgrade", "sec-websocket-key", "sec-websocket-version"),
        *("x-request-id", "x-correlation-id", "x-ray", "cf-ray", "traceparent", "x-amzn-trace-id"),
    }
)
#: Shown without what looks like a token.
_HARMLESS = frozenset(
    {
        *("user-agent", "accept-encoding", "accept-language", "cache-control", "pragma", "dnt"),
        *("via", "forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-port"),
        *("x-forwarded-proto", "x-forwarded-scheme", "x-forwarded-server", "x-real-ip"),
        *("true-client-ip", "cf-connecting-ip", "cf-ipcountry", "cf-visitor", "x-scheme"),
        *("p-asn", "p-internal", "p-ip", "p-ip-geo"),
        *("sec-ch-ua", "sec-ch-ua-mobile", "sec-ch-ua-platform", "sec-gpc"),
        *("sec-fetch-dest", "sec-fetch-mode", "sec-fetch-site", "sec-fetch-user"),
    }
)
#: Addresses, shown without their queries.
_ADDRESSES = frozenset(
    {
        *("origin", "referer", "x-forwarded-uri", "x-forwarded-path", "x-forwarded-prefix"),
        *("x-original-uri", "x-original-url", "x-rewrite-url", "x-envoy-original-path"),
    }
)
#: Never shown, whatever the settings say.
_SECRET = frozenset(
    {
        *("authorization", "proxy-authorization", "cookie", "cookie2", "x-api-key"),
        *("grip-sig", "last-event-id"),
    }
)
_SUBPROTOCOLS = "sec-websocket-protocol"
# What Pushpin adds to a batch, or puts in the place of the client's; none of it came from there.
_INTERNAL = re.compile(
    r"content-(type|length)|connection-id|accept|sec-websocket-extensions|grip-(feature|last)|meta-.*",
    re.IGNORECASE | re.DOTALL,
)
#: An address: where it is, the path, and what is behind that.
_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]*+:)?(//[^/?#]*+)?([^?#]*+)([?#].*)?", re.I | re.DOTALL)
_IS_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*+://|/", re.IGNORECASE)
#: A JSON web token; a credential with its scheme; a named one; or a long word with a digit in it.
_TOKEN = re.compile(
    r"\beyJ[\w.~+/=-]++"
    r"|\b(?:bearer|basic|token)[ .=:]\s*+[^\s,;\"]++"
    r"|\b(?:token|ticket|key|secret|signature|password|passwd|code|sig)=[^\s,;&\"]++"
    r"|([\w~+=-]{24,}+)",
    re.IGNORECASE | re.ASCII,
)


def listed_headers(
    headers: Iterable[tuple[str, str]], shown: Collection[str] = ()
) -> dict[str, list[str]]:
    """Return a registration's headers as the listing shows them.

    Args:
        headers: as they came.
        shown: the names in lower case of those that the settings add to what is shown.

    Returns:
        Lists of values by canonical name; ``[redacted]`` for what is not shown.
    """
    listed: dict[str, list[str]] = {}
    for name, value in headers:
        if not _INTERNAL.fullmatch(name):
            told = _told(name.lower(), value, shown)
            listed.setdefault(canonical_name(name), []).append(told)
    return listed


def _told(name: str, value: str, shown: Collection[str]) -> str:
    if name in _SECRET:
        return REDACTED
    if name in _PLAIN:
        return value
    if name == _SUBPROTOCOLS:
        # Browsers can send no other header, so that credentials come in this one.
        offered = (one.strip() for one in value.split(","))
        return ", ".join(one if one in CODECS else REDACTED for one in offered if one)
    if name in _ADDRESSES or (name in shown and _IS_ADDRESS.match(value)):
        return _address(value)
    return _without_tokens(value) if name in _HARMLESS or name in shown else REDACTED


def _address(value: str) -> str:
    """Return an address without its query, what looks like a token, and the password in it."""
    found = _ADDRESS.fullmatch(value)
    assert found is not None, "any text is one"
    scheme, authority, path, rest = (part or "" for part in found.groups())
    if authority:
        authority = f"//{authority[2:].rpartition('@')[2]}"
    return f"{scheme}{authority}{_without_tokens(path)}{rest[:1]}{REDACTED if rest else ''}"


def _without_tokens(value: str) -> str:
    return _TOKEN.sub(_cut, value)


def _cut(found: re.Match[str]) -> str:
    is_word = found[1] is not None and not any(one.isdigit() for one in found[1])
    return found[0] if is_word else REDACTED
