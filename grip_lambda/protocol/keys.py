"""API keys: their text, what is kept of each, and the file of them (docs/keys.md).

A key is ``gl_<id>_<secret>``: 8 random bytes in hexadecimal, and 32 bytes in url-safe base64. The
secret is an HMAC of the id with the server's own secret, so that the server can make it again,
where a signature must be checked with it; the file has its SHA-256 only, of no use to a thief.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

import msgspec

Right = Literal["host", "call", "list", "admin"]
#: What a key may be for.
RIGHTS: tuple[Right, ...] = ("host", "call", "list", "admin")
#: What one is for that does not say so: who may make keys may do anything, and is named as such.
USUAL_RIGHTS: tuple[Right, ...] = ("host", "call", "list")
#: The longest comment, in characters.
COMMENT_MAX = 200
_KEY = re.compile(r"gl_([0-9a-f]{16})_([A-Za-z0-9_-]{43})", re.ASCII)
_NOTHING = "0" * 64

_Id = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{16}$")]
_Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
_Service = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z][A-Za-z0-9._-]{0,63}$")]
_Time = Annotated[
    str, msgspec.Meta(pattern=r"^[0-9]{4}(-[0-9]{2}){2}T[0-9]{2}(:[0-9]{2}){2}\+00:00$")
]
#: How many calls a key may make in a second.
Rate = Annotated[float, msgspec.Meta(gt=0, le=1e6)]
_Name = Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9._@+-]{1,64}$")]


class Key(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is kept of a key.

    Attributes:
        id: what it is known by; not secret.
        name: what people call it.
        sha256: of the secret, in hexadecimal.
        may: what it is for.
        lambdas_of: the ids of the keys whose lambdas it may call, list and delete, beside those
            that it opened itself; None for all lambdas.
        services: the services that it may open lambdas of, and call; None for all.
        expires: when it becomes invalid by itself, as RFC 3339 in UTC; None for never.
        rate: how many calls it may make in a second; None for any number.
        created: when it was made, as RFC 3339; empty where that is not known.
        comment: what people say of it beside its name.
    """

    id: _Id
    name: _Name
    sha256: _Digest
    may: frozenset[Right]
    lambdas_of: frozenset[str] | None = None
    created: str = ""
    comment: str = ""
    services: frozenset[_Service] | None = None
    expires: _Time | None = None
    rate: Rate | None = None

    def __repr__(self) -> str:
        return f"Key({self.id}, {self.name})"

    @property
    def owners(self) -> frozenset[str] | None:
        """The keys whose lambdas it may call, list and delete; None for all lambdas."""
        return None if self.lambdas_of is None else self.lambdas_of | {self.id}

    def is_for(self, service: str) -> bool:
        """Tell whether it may have to do with a service."""
        return self.services is None or service in self.services

    def is_over(self, now: str) -> bool:
        """Tell whether it has expired; ``now`` is written as ``expires`` is."""
        return self.expires is not None and self.expires <= now

    def reaches(self, owner: str) -> bool:
        """Tell whether the lambdas that a key opened are among those that this one is for."""
        return self.owners is None or owner in self.owners


def is_name(text: str) -> bool:
    """Tell whether a key may be called so."""
    return re.fullmatch(r"[A-Za-z0-9._@+-]{1,64}", text) is not None


def new_id() -> str:
    """Return a fresh id of a key."""
    return secrets.token_hex(8)


def secret_of(server_secret: bytes, key_id: str) -> str:
    """Return the secret that belongs to the id of a key."""
    digest = hmac.digest(server_secret, f"api-key:{key_id}".encode(), "sha256")
    return urlsafe_b64encode(digest).decode().rstrip("=")


def text_of(server_secret: bytes, key_id: str) -> str:
    """Return the key as its user gets it."""
    return f"gl_{key_id}_{secret_of(server_secret, key_id)}"


def digest(secret: str) -> str:
    """Return what is kept of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def parse(text: str) -> tuple[str, str] | None:
    """Return the id and the secret in the text of a key; None where it is none."""
    found = _KEY.fullmatch(text)
    return None if found is None else (found[1], found[2])


def is_secret(key: Key | None, secret: str) -> bool:
    """Check a secret that somebody presented, in the same time whether there is a key or not."""
    expected = _NOTHING if key is None else key.sha256
    return hmac.compare_digest(digest(secret), expected) and key is not None


class _File(msgspec.Struct, forbid_unknown_fields=True):
    keys: tuple[Key, ...]


def read(text: bytes) -> tuple[Key, ...]:
    """Read a file of keys.

    Raises:
        ValueError: it is none, with the place that is wrong.
    """
    try:
        keys = _decoder.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(str(error)) from None
    _check_unique("id", [key.id for key in keys.keys])
    _check_unique("name", [key.name for key in keys.keys])
    return keys.keys


def written(keys: Iterable[Key]) -> bytes:
    """Return a file of keys as text."""
    text = msgspec.json.encode(_File(tuple(keys)), order="deterministic")
    return msgspec.json.format(text, indent=2) + b"\n"


def _check_unique(what: str, values: Sequence[str]) -> None:
    if len(set(values)) < len(values):
        raise ValueError(f"two keys have the same {what}")


_decoder = msgspec.json.Decoder(_File)
