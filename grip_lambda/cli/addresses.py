"""What a command calls: an id, a service, or a URL that names the server, too."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit, urlunsplit

import click

from ..client.addresses import base_url
from ..protocol.ids import is_lambda_id
from ..protocol.names import is_service

_PATH = re.compile(r"(.*?)/(?:lambda/(?=[^/])|(?=service/))((?:service/)?[^/]+(?:/[^/]+)?)/?")
#: What arguments of this kind are, for errors.
FORMS = "an id, service/NAME, or the address that `host` has printed"


@dataclass(frozen=True)
class Target:
    """What is called.

    Attributes:
        url: the server.
        name: the id of a lambda, or ``service/<name>``.
        method: the method, if the address names one.
        is_foreign: whether the address names another server than the options do.
    """

    url: str
    name: str
    method: str | None = None
    is_foreign: bool = False

    @property
    def is_service(self) -> bool:
        """Whether it is a service."""
        return "/" in self.name

    def without_method(self, command: str) -> Target:
        """Return it for a command that takes no method.

        Raises:
            click.UsageError: it has one.
        """
        if self.method is not None:
            raise click.UsageError(f"{command} takes no method: leave out /{self.method}")
        return self

    @property
    def path(self) -> str:
        """Its path at the server, ``lambda/<id>`` or ``service/<name>``."""
        return self.name if self.is_service else f"lambda/{self.name}"


def target_of(url: str, address: str) -> Target:
    """Read an address.

    Args:
        url: the server that the options name, for an address that names none.
        address: an id, ``service/<name>``, or a URL; each with ``/<method>`` behind it or not.

    Raises:
        click.UsageError: it is none of these.
    """
    if "://" not in address:
        return _named(url, address.strip("/").split("/"), address)
    try:
        split = urlsplit(address)
        found = _PATH.fullmatch(split.path)
        if found is None:
            raise _wrong(address)
        server = urlunsplit((split.scheme, split.netloc, found[1], "", ""))
        is_foreign = base_url(server) != base_url(url)
    except ValueError:
        raise _wrong(address) from None
    # The server of the options may have a user and a password.
    where = server if is_foreign or "@" in split.netloc else url
    return _named(where, found[2].split("/"), address, is_foreign)


def call_of(url: str, address: str, words: Sequence[str]) -> tuple[Target, str, Sequence[str]]:
    """Return what is called, its method, and the words that are left: those of the body.

    Raises:
        click.UsageError: as ``target_of``; or no method is named.
    """
    target = target_of(url, address)
    if target.method is not None:
        return target, target.method, words
    if not words:
        raise click.UsageError(
            f"name a METHOD; `grip-lambda describe {target.name}` shows which there are"
        )
    return target, words[0], words[1:]


def _named(url: str, parts: list[str], address: str, is_foreign: bool = False) -> Target:
    parts = [unquote(part) for part in parts]
    count = 2 if parts[0] == "service" and len(parts) > 1 else 1
    name = "/".join(parts[:count])
    rest = parts[count:]
    if len(rest) > 1:
        raise _wrong(address)
    if count == 2 and not is_service(parts[1]):
        raise click.UsageError(
            f"{parts[1]!r} is not the name of a service: 1 to 64 of A-Z a-z 0-9 . _ -, the first of"
            " them a letter"
        )
    if count == 1 and not is_lambda_id(name):
        raise _wrong(address)
    return Target(url, name, rest[0] if rest else None, is_foreign)


def _wrong(address: str) -> click.UsageError:
    return click.UsageError(
        f"{address!r} is not {FORMS}; an id is 16 characters of A-Z a-z 0-9 - _"
    )
