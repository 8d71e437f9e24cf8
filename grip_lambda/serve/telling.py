"""What is said to who has started a server."""

from __future__ import annotations

import contextlib
import os
import socket
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


def ready() -> None:
    """Tell the service manager, if it wants to know, that this is ready; see sd_notify(3)."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if not path:
        return
    address = f"\0{path[1:]}" if path.startswith("@") else path
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.sendto(b"READY=1", address)
