"""Options that several commands have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from ..client.addresses import DEFAULT_URL, URL_VARIABLE, base_url


def _checked(ctx: click.Context, param: click.Parameter, url: str) -> str:
    try:
        return base_url(url)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


url: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "--url",
    envvar=URL_VARIABLE,
    default=DEFAULT_URL,
    show_default=True,
    show_envvar=True,
    callback=_checked,
    help="The server.",
)
