"""Ids of lambdas and calls, and the reopen token.

A lambda's id is 12 random bytes in url-safe base64: 16 characters, 96 bits. A call's token is
16 random bytes: 22 characters, 128 bits. A reopen token is an HMAC of the id and a random
generation, so that who reads the store can still not take a lambda over; its second part is an HMAC
of the id and the first, so that it proves what it opens even if the store has lost that.
"""

from __future__ import annotations

import hmac
import re
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass

from .signed import sign, unsign

#: What signatures of event ids are for.
_EVENT = "event"
#: How long a token may be that says where its call is waited for.
_PROMPT_MAX = 200
_CONNECTION = re.compile(r"[A-Za-z0-9_-]{12}[0-9a-f]{12}[A-Za-z0-9_-]{18}", re.ASCII)
_EVENT_ID = re.compile(r"([A-Za-z0-9_-]{16})([A-Za-z0-9_-]{42})([0-9]{1,15})", re.ASCII)
_ID = re.compile(r"[A-Za-z0-9_-]{16}", re.ASCII)
_TOKEN = re.compile(r"[A-Za-z0-9_-]{22}", re.ASCII)
_REOPEN = re.compile(r"[A-Za-z0-9_-]{32}", re.ASCII)


def new_lambda_id() -> str:
    """Return a fresh lambda id."""
    return secrets.token_urlsafe(12)


def is_lambda_id(text: str) -> bool:
    """Tell whether ``text`` has the form of a lambda id."""
    return _ID.fullmatch(text) is not None


def new_call_token() -> str:
    """Return a fresh call token, which is the JSON-RPC id that the host sees."""
    return secrets.token_urlsafe(16)


def new_prompt_token(secret: bytes, address: str, now: float) -> str:
    """Return a fresh token of a call that a thread waits for, which says where and since when.

    Args:
        address: that of the process, of url-safe characters, dots and an @ at its start.
        now: in seconds since 1970.
    """
    text = f"{secrets.token_urlsafe(16)}.{int(now * 1000):x}.{address}"
    return f"{text}.{_prompt_mac(secret, text)}"


def prompt_place(secret: bytes, token: str) -> tuple[str, float] | None:
    """Return where a call is waited for, and when its token was made, in seconds since 1970.

    Returns:
        None if the token does not say where, or we have not made it; a token of a version
        that did not say when is from 1970.
    """
    text, dot, mac = token.rpartition(".")
    if not dot or len(token) > _PROMPT_MAX or not token.isascii():
        return None
    if not hmac.compare_digest(mac, _prompt_mac(secret, text)):
        return None
    since, _, address = text.partition(".")[2].partition(".")
    if since.startswith("@"):
        return f"{since}.{address}", 0.0
    return address, int(since, 16) / 1000


def _prompt_mac(secret: bytes, text: str) -> str:
    digest = hmac.digest(secret, b"prompt:" + text.encode(), "sha256")
    return urlsafe_b64encode(digest[:9]).decode()


def client_call_token(secret: bytes, caller: str, callee: str, token: bytes) -> str:
    """Return the token of a call whose caller has named it itself.

    That name is neither unique nor secret. The same call gives the same token: its answer is
    found again by who called, who was called, and the name.

    Args:
        caller, callee: ids of both.
        token: the caller's name for the call.
    """
    digest = hmac.digest(
        secret, b"call:%b:%b:%b" % (caller.encode(), callee.encode(), token), "sha256"
    )
    return urlsafe_b64encode(digest[:16]).decode().rstrip("=")


def is_call_token(text: str) -> bool:
    """Tell whether ``text`` has the form of a call token."""
    return _TOKEN.fullmatch(text) is not None


def new_generation() -> str:
    """Return what a reopen token is bound to beside the id."""
    return secrets.token_urlsafe(9)


def reopen_token(secret: bytes, lambda_id: str, generation: str) -> str:
    """Return the token that reopens ``lambda_id`` for as long as ``generation`` lasts."""
    name = urlsafe_b64encode(_digest(secret, lambda_id, generation)[:9]).decode()
    return name + _proof(secret, lambda_id, name)


def has_token_form(text: str) -> bool:
    """Tell whether ``text`` has the form of a reopen token, which no API key and no ticket has."""
    return _REOPEN.fullmatch(text) is not None


def is_reopen_token(secret: bytes, lambda_id: str, generation: str, token: str) -> bool:
    """Check a token that a client presented, in constant time."""
    given = token.encode("utf-8", "surrogatepass")
    if hmac.compare_digest(reopen_token(secret, lambda_id, generation).encode(), given):
        return True
    # As tokens were before they proved themselves.
    earlier = urlsafe_b64encode(_digest(secret, lambda_id, generation)[:24])
    return hmac.compare_digest(earlier, given)


def is_proven(secret: bytes, lambda_id: str, token: str) -> bool:
    """Tell whether a token was ever given for ``lambda_id``, in constant time.

    It takes no generation, so it holds where the store has lost that.
    """
    expected = _proof(secret, lambda_id, token[:12])
    return hmac.compare_digest(expected.encode(), token[12:].encode("utf-8", "surrogatepass"))


def _digest(secret: bytes, lambda_id: str, generation: str) -> bytes:
    return hmac.digest(secret, f"reopen:{lambda_id}:{generation}".encode(), "sha256")


def _proof(secret: bytes, lambda_id: str, name: str) -> str:
    text = f"given:{lambda_id}:{name}".encode("utf-8", "surrogatepass")
    return urlsafe_b64encode(hmac.digest(secret, text, "sha256")[:15]).decode()


@dataclass(frozen=True)
class HttpConnection:
    """What a host without WebSocket has instead of a connection; made of three parts.

    Attributes:
        generation: what its reopen token is bound to.
        opened_ms: when it was opened, in milliseconds since 1970.
        nonce: random.
    """

    generation: str
    opened_ms: int
    nonce: str

    def __str__(self) -> str:
        """Return its id: 42 url-safe characters."""
        return f"{self.generation}{self.opened_ms:012x}{self.nonce}"

    @classmethod
    def new(cls, generation: str, now: float) -> HttpConnection:
        """Return a fresh one."""
        return cls(generation, int(now * 1000), secrets.token_urlsafe(13))

    @staticmethod
    def is_one(text: str) -> bool:
        """Tell whether ``text`` has the form of the id of one."""
        return _CONNECTION.fullmatch(text) is not None

    @classmethod
    def parse(cls, text: str) -> HttpConnection:
        """Read one that we made."""
        return cls(text[:12], int(text[12:24], 16), text[24:])


@dataclass(frozen=True)
class EventId:
    """What the id of an event says: the last message that a host without WebSocket has.

    Attributes:
        lambda_id, connection: whose it is.
        seq: the number of the message in the connection's log.
    """

    lambda_id: str
    connection: str
    seq: int

    def encode(self, secret: bytes) -> str:
        """Return the id, which only we can make."""
        return sign(secret, _EVENT, f"{self.lambda_id}{self.connection}{self.seq}")

    @classmethod
    def decode(cls, secret: bytes, text: str) -> EventId | None:
        """Read an id; None where we have not made it."""
        found = _EVENT_ID.fullmatch(unsign(secret, _EVENT, text) or "")
        return cls(found[1], found[2], int(found[3])) if found else None
