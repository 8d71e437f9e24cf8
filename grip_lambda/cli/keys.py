"""`keys`: make, show and revoke API keys."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from .. import keys_file, settings
from ..audit import Audit
from ..protocol import keys as api_keys
from ..protocol.keys import RIGHTS, USUAL_RIGHTS, Key, Right
from ..protocol.names import is_service
from .tables import show

_COLUMNS = ("NAME", "ID", "MAY", "LAMBDAS OF", "CREATED", "EXPIRES")

_file: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "--file",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file of keys (GRIP_LAMBDA_API_KEYS, or keys.json in the data folder).",
)


@click.group()
def keys() -> None:
    """Make, show and revoke API keys.

    A server that was started with GRIP_LAMBDA_API_KEYS sees each change within about a second.
    Make keys with the settings of the server: GRIP_LAMBDA_SECRET, or its data folder.

    \b
    Examples:
      grip-lambda keys add laptop --may host
      grip-lambda keys add deploy --may call,list --lambdas-of laptop
      grip-lambda keys list
      grip-lambda keys revoke laptop
    """


def _rights(ctx: click.Context, param: click.Parameter, given: tuple[str, ...]) -> frozenset[Right]:
    named = {one.strip() for words in given for one in words.split(",")}
    found = frozenset(right for right in RIGHTS if right in named)
    if len(found) < len(named):
        raise click.BadParameter(f"rights are {', '.join(RIGHTS)}")
    return found or frozenset(USUAL_RIGHTS)


def _services(
    ctx: click.Context, param: click.Parameter, given: tuple[str, ...]
) -> frozenset[str] | None:
    named = frozenset(one.strip() for words in given for one in words.split(","))
    if not all(map(is_service, named)):
        raise click.BadParameter(
            "the name of a service is 1 to 64 of A-Z a-z 0-9 . _ - and begins with a letter"
        )
    return named or None


def _comment(ctx: click.Context, param: click.Parameter, comment: str) -> str:
    if not comment.isprintable() or len(comment) > api_keys.COMMENT_MAX:
        raise click.BadParameter(
            f"a comment is one line of up to {api_keys.COMMENT_MAX} characters"
        )
    return comment


def _expiry(ctx: click.Context, param: click.Parameter, text: str | None) -> str | None:
    try:
        return None if text is None else keys_file.expiry(text, datetime.now(UTC))
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _rate(ctx: click.Context, param: click.Parameter, rate: float | None) -> float | None:
    if rate is not None and math.isnan(rate):  # which is in no range, nor out of one
        raise click.BadParameter("a rate is a number of calls a second")
    return rate


def _name(ctx: click.Context, param: click.Parameter, name: str) -> str:
    if not api_keys.is_name(name):
        raise click.BadParameter("a name is 1 to 64 of A-Z, a-z, 0-9 and . _ @ + -")
    return name


@keys.command()
@click.argument("name", callback=_name)
@click.option(
    "--may",
    multiple=True,
    callback=_rights,
    metavar="RIGHTS",
    help="What it may do: host, call, list, admin, with commas between. All but admin by default.",
)
@click.option(
    "--lambdas-of",
    multiple=True,
    metavar="KEY",
    help="Only for lambdas that it opened itself, or this key did; may be repeated.",
)
@click.option("--own-lambdas", is_flag=True, help="Only for lambdas that it opened itself.")
@click.option(
    "--services",
    multiple=True,
    callback=_services,
    metavar="NAMES",
    help="Only for these services, with commas between; may be repeated.",
)
@click.option(
    "--comment",
    default="",
    callback=_comment,
    help="What to say of it beside its name, in one line.",
)
@click.option(
    "--expires",
    callback=_expiry,
    metavar="WHEN",
    help="When it becomes invalid by itself: 90d, 12h, 2w, or a date or time (ISO 8601, UTC).",
)
@click.option(
    "--rate",
    type=click.FloatRange(0, 1e6, min_open=True),
    callback=_rate,
    help="So many calls a second at most, over all processes.",
)
@_file
def add(
    *,
    name: str,
    may: frozenset[Right],
    lambdas_of: tuple[str, ...],
    own_lambdas: bool,
    services: frozenset[str] | None,
    comment: str,
    expires: str | None,
    rate: float | None,
    path: Path | None,
) -> None:
    """Make a key called NAME, and print it. It can't be shown again.

    \b
    Examples:
      grip-lambda keys add laptop --may host
      GRIP_LAMBDA_KEY=$(grip-lambda keys add deploy --may call,list --lambdas-of laptop)
      grip-lambda keys add partner --may call --services resize --rate 50 --expires 90d
    """
    server_secret = settings.load_secret(os.environ)
    with keys_file.changing(_path(path)) as known:
        if any(one.name == name for one in known):
            raise click.UsageError(
                f"there is a key {name} already; revoke it, or take another name"
            )
        restricted = own_lambdas or bool(lambdas_of)
        key_id = api_keys.new_id()
        owners = frozenset(_find(known, one).id for one in lambdas_of)
        known.append(
            Key(
                id=key_id,
                name=name,
                sha256=api_keys.digest(api_keys.secret_of(server_secret, key_id)),
                may=may,
                lambdas_of=owners if restricted else None,
                created=datetime.now(UTC).isoformat(timespec="seconds"),
                services=services,
                comment=comment,
                expires=expires,
                rate=rate,
            )
        )
    _audit("key added", known[-1])
    click.echo(api_keys.text_of(server_secret, key_id))
    click.echo("grip-lambda: keep this key; it can't be shown again", err=True)
    if path is None and settings.keys_file(os.environ) is None:
        click.echo(
            f"grip-lambda: start the server with GRIP_LAMBDA_API_KEYS={_path(path)}", err=True
        )


@keys.command("list")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@_file
def list_keys(path: Path | None, as_json: bool) -> None:
    """Show the keys, without their secrets."""
    found = keys_file.read(_path(path))
    if as_json:
        click.echo(json.dumps([_shown(one) for one in found], separators=(",", ":")))
        return
    names = {one.id: one.name for one in found}
    show(_COLUMNS, [_row(one, names) for one in found])


@keys.command()
@click.argument("key", metavar="NAME|ID")
@_file
def revoke(key: str, path: Path | None) -> None:
    """Take a key, by its name or id, out of the file: it is worth nothing from then on.

    Its hosts are disconnected at their next ping. Their lambdas can be opened again with
    another key and their tokens.
    """
    with keys_file.changing(_path(path)) as known:
        gone = _find(known, key)
        known.remove(gone)
    _audit("key revoked", gone)
    click.echo(f"{gone.name} ({gone.id}) is revoked")


def _audit(what: str, key: Key) -> None:
    audit = Audit(settings.audit_file(os.environ))
    by = f"user {os.getuid()} of the server"
    audit.note(what, client=by, id=key.id, name=key.name, may=sorted(key.may))


def _path(path: Path | None) -> Path:
    default = settings.data_folder(os.environ) / "keys.json"
    return (path or settings.keys_file(os.environ) or default).resolve()


def _find(known: list[Key], name: str) -> Key:
    for one in known:
        if name in (one.name, one.id):
            return one
    raise click.UsageError(f"there is no key {name}")


def _row(key: Key, names: dict[str, str]) -> tuple[str, ...]:
    may = ",".join(right for right in RIGHTS if right in key.may)
    others = sorted(names.get(one, f"{one} (revoked)") for one in key.lambdas_of or ())
    reach = "all keys" if key.lambdas_of is None else ",".join(["itself", *others])
    return key.name, key.id, may, reach, key.created or "-", key.expires or "never"


def _shown(key: Key) -> dict[str, Any]:
    limits = {
        "services": None if key.services is None else sorted(key.services),
        "expires": key.expires,
        "rate": key.rate,
    }
    return {
        "id": key.id,
        "name": key.name,
        "may": [right for right in RIGHTS if right in key.may],
        "lambdas_of": None if key.lambdas_of is None else sorted(key.lambdas_of),
        "created": key.created,
        "comment": key.comment,
        **{name: limit for name, limit in limits.items() if limit is not None},
    }
