"""Options that several commands have."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import click

from ..client.addresses import DEFAULT_URL, KEY_VARIABLE, URL_VARIABLE, base_url, key_headers
from . import completion


def _checked(ctx: click.Context, param: click.Parameter, url: str) -> str:
    try:
        base_url(url)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    return url  # with the user and the password in it


url: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "--url",
    envvar=URL_VARIABLE,
    default=DEFAULT_URL,
    show_default=True,
    show_envvar=True,
    callback=_checked,
    help="The server.",
)


def _checked_key(ctx: click.Context, param: click.Parameter, key: str) -> str:
    try:
        key_headers(key)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    return key


key: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "--key",
    envvar=KEY_VARIABLE,
    default="",
    show_default=False,
    show_envvar=True,
    callback=_checked_key,
    help="An API key, where the server wants one. Others see it on a command line; the variable"
    " is better.",
)


class Plainly(click.Command):
    """A command whose arguments may begin with a dash: ids do now and then, and numbers.

    Such an argument is marked before click looks for options; ``plain`` takes the mark away.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, [_MARK + arg if _DASHED(arg) else arg for arg in args])


def plain(ctx: click.Context, param: click.Parameter, argument: str | None) -> str | None:
    """Return an argument as it was given."""
    return None if argument is None else argument.removeprefix(_MARK)


def all_plain(
    ctx: click.Context, param: click.Parameter, arguments: tuple[str, ...]
) -> tuple[str, ...]:
    """Return arguments as they were given."""
    return tuple(one.removeprefix(_MARK) for one in arguments)


_MARK = "\0"  # which no argument of a program can hold
_DASHED = re.compile(r"-[A-Za-z0-9_-]{15}|-\d\S*").fullmatch


address: Callable[[Callable[..., Any]], Callable[..., Any]] = click.argument(
    "address", callback=plain, shell_complete=completion.addresses
)
words: Callable[[Callable[..., Any]], Callable[..., Any]] = click.argument(
    "words",
    metavar="METHOD [BODY]...",
    nargs=-1,
    callback=all_plain,
    shell_complete=completion.methods,
)
as_json: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON, for programs."
)
wait: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "--wait",
    type=click.FloatRange(0.05, 3600),
    default=60.0,
    show_default=True,
    help="The deadline, in seconds.",
)
