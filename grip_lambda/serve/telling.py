"""What is said to who has started a server."""

from __future__ import annotations

import time

import click

from .. import logs


def say(text: str = "", *, err: bool = False) -> None:
    """Say something; as lines of the log if these are JSON.

    Args:
        err: whether it is no answer to the command, but news of how it goes.
    """
    if not logs.is_json():
        click.echo(text, err=err)
        return
    for one in click.unstyle(text).splitlines():
        if one.strip():
            click.echo(logs.line("supervisor", "INFO", one.strip(), time.time()), err=True)
