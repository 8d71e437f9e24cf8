"""API keys as whoever may ``admin`` sees, makes and revokes them."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from ... import keys_file
from ...audit import Audit
from ...errors import BadRequest, ConfigError, Conflict, NotFound, Unavailable
from ...protocol import keys
from ...protocol.keys import RIGHTS, Key, Rate, Right
from ...protocol.names import check_service

log = logging.getLogger(__name__)

_NONE_HERE = "no API keys are configured here; GRIP_LAMBDA_API_KEYS names a file of them"


class Wanted(msgspec.Struct, forbid_unknown_fields=True):
    """A key that is to be made.

    Attributes:
        may: what it is for.
        comment: what people call it.
        name: the same in one word, which no other key has; made from the comment if empty.
        lambdas_of: as in Key; ids or names.
        services: as in Key.
        expires: as keys_file.expiry reads it; empty for never.
        rate: as in Key.
    """

    may: list[Right]
    comment: str = ""
    name: str = ""
    lambdas_of: list[str] | None = None
    services: list[str] | None = None
    expires: str = ""
    rate: Rate | None = None


_decoder = msgspec.json.Decoder(Wanted)


class KeyAdmin:
    """Changes the file of keys."""

    def __init__(self, path: Path | None, secret: bytes, audit: Audit | None = None) -> None:
        """Know the file.

        Args:
            path: the file; None if no keys are configured.
            secret: that of the server, from which keys are made.
            audit: is told of changes.
        """
        self._audit = audit or Audit()
        self._path = path
        self._secret = secret

    def shown(self, used: Mapping[str, float]) -> list[dict[str, Any]]:
        """Return all keys, without secrets.

        Args:
            used: when each was used last, in seconds since 1970, by id.
        """
        return [] if self._path is None else [_shown(one, used) for one in self._read()]

    def add(self, body: bytes, by: str = "", client: str = "") -> dict[str, Any]:
        """Make a key.

        Args:
            body: what is wanted, as JSON.
            by: the id of the key that asks for it.
            client: the address that it came from.

        Returns:
            The key as it is shown, and ``key``: its text, which nobody is told again.

        Raises:
            BadRequest: this makes no sense.
            Conflict: another key has the name.
        """
        try:
            wanted = _decoder.decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise BadRequest(f"a new key is {{may, comment, …}}: {error}") from None
        if not wanted.may:
            raise BadRequest(f"say what the key may: {', '.join(RIGHTS)}")
        if len(wanted.comment) > keys.COMMENT_MAX or not wanted.comment.isprintable():
            raise BadRequest(f"a comment is one line of up to {keys.COMMENT_MAX} characters")
        if wanted.name and not keys.is_name(wanted.name):
            raise BadRequest("a name is 1 to 64 of A-Z, a-z, 0-9 and . _ @ + -")
        for service in wanted.services or ():
            check_service(service)
        expires = _expiry(wanted.expires)
        path = self._file()
        with _told_as_refusal(), keys_file.changing(path) as known:
            made = self._made(wanted, known, expires)
            known.append(made)
        self._note("key added", made, by, client)
        return {**_shown(made, {}), "key": keys.text_of(self._secret, made.id)}

    def _made(self, wanted: Wanted, known: Sequence[Key], expires: str | None) -> Key:
        names = {one.name: one.id for one in known}
        if wanted.name in names:
            raise Conflict(f"there is a key {wanted.name} already")
        ids = {one.id for one in known}
        owners = None
        if wanted.lambdas_of is not None:
            owners = frozenset(names.get(one, one) for one in wanted.lambdas_of)
            if not owners <= ids:
                raise BadRequest("lambdas_of has the ids or names of keys")
        key_id = keys.new_id()
        name = wanted.name or _name_of(wanted.comment, names) or key_id
        return Key(
            id=key_id,
            name=name,
            sha256=keys.digest(keys.secret_of(self._secret, key_id)),
            may=frozenset(wanted.may),
            lambdas_of=owners,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            comment="" if wanted.comment == name else wanted.comment,
            services=None if wanted.services is None else frozenset(wanted.services),
            expires=expires,
            rate=wanted.rate,
        )

    def revoke(self, key_id: str, by: str, client: str = "") -> None:
        """Take a key out of the file.

        Args:
            by: the id of the key that asks for it.
            client: the address that it came from.

        Raises:
            NotFound: there is none.
            Conflict: it is the last one that may ``admin``, and asks for its own end.
        """
        path = self._file()
        with _told_as_refusal(), keys_file.changing(path) as known:
            gone = next((one for one in known if one.id == key_id), None)
            if gone is None:
                raise NotFound("there is no such key")
            admins = [one.id for one in known if "admin" in one.may]
            if key_id == by and admins == [key_id]:
                raise Conflict("this is the last key that may admin: make another one before")
            known.remove(gone)
        self._note("key revoked", gone, by, client)

    def _note(self, what: str, key: Key, by: str, client: str) -> None:
        may = sorted(key.may)
        self._audit.note(what, key=by, client=client, id=key.id, name=key.name, may=may)

    def _file(self) -> Path:
        if self._path is None:
            raise BadRequest(_NONE_HERE)
        return self._path

    def _read(self) -> list[Key]:
        with _told_as_refusal():
            return keys_file.read(self._file())


@contextmanager
def _told_as_refusal() -> Iterator[None]:
    """Tell whoever asks that the file is not as it should be, and the log why."""
    try:
        yield
    except ConfigError as error:
        log.error("%s", error)
        raise Unavailable("the file of keys can't be used now; the log says why") from None


def _name_of(comment: str, taken: Mapping[str, str]) -> str:
    """Return a name that says what a comment does; empty if there is none."""
    word = re.sub(r"[^A-Za-z0-9._@+-]+", "-", comment).strip("-")[:50]
    numbered = (f"{word}-{number}" for number in range(2, 1000))
    return next((one for one in (word, *numbered) if one not in taken), "") if word else ""


def _expiry(text: str) -> str | None:
    try:
        return keys_file.expiry(text, datetime.now(UTC)) if text else None
    except ValueError as error:
        raise BadRequest(str(error)) from None


def _shown(key: Key, used: Mapping[str, float]) -> dict[str, Any]:
    last = used.get(key.id)
    return {
        **self_shown(key),
        "name": key.name,
        "lambdas_of": None if key.lambdas_of is None else sorted(key.lambdas_of),
        "created": key.created or None,
        "expires": key.expires,
        "rate": key.rate,
        "last_used": None
        if last is None
        else datetime.fromtimestamp(last, UTC).isoformat(timespec="seconds"),
    }


def self_shown(key: Key) -> dict[str, Any]:
    """Return what a key may know of itself."""
    return {
        "id": key.id,
        "may": [right for right in RIGHTS if right in key.may],
        "services": None if key.services is None else sorted(key.services),
        "comment": key.comment or key.name,
    }
