"""What is looked at before anything is started, and said of it."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import click

from .. import settings
from ..errors import ConfigError, StoreError
from ..hub.access import KeyRing
from ..store import open_store
from . import front
from .listening import Listening
from .pushpin import PushpinConfig, clients_within
from .supervisor import raise_file_limit
from .telling import say

log = logging.getLogger(__name__)

#: What whoever calls this server should know.
INSPECTED = (
    "The bodies of calls are kept for ten minutes, to be looked at; GRIP_LAMBDA_INSPECT=0 turns"
    " that off."
)
#: Fewer clients than this at once are worth a warning.
_FEW_CLIENTS = 1000


def count_keys(known: settings.Settings) -> int | None:
    """Return how many API keys there are; None where none are configured.

    Raises:
        ConfigError: their file can't be used.
    """
    return None if known.api_keys is None else len(KeyRing(known.api_keys, known.secret))


def tell_who_may(known: settings.Settings, keys: int | None, listening: Listening) -> None:
    """Say what whoever starts a server should know of its API keys, and of who reaches it."""
    if keys is not None:
        say(f"API keys: {keys}, in {known.api_keys}; see `grip-lambda keys`.")
    elif listening.is_public:
        reach = f"It listens on {listening.specs}, which other machines may reach. {settings.OPEN}"
        say(click.style(reach, fg="red"))
    else:
        say(settings.OPEN)


def is_own(environ: Mapping[str, str], listening: Listening) -> bool:
    """Tell whether a server is for who has started it: on this machine alone, without API keys."""
    return settings.keys_file(environ) is None and not listening.is_public


def told_clients(*, has_front: bool) -> int:
    """Raise the limit of open files, and return how many clients a Pushpin can hold within it.

    Warns if these are few, or fewer than that can come in by the front.
    """
    files = raise_file_limit()
    clients = clients_within(files)
    served = min(clients, front.clients_within(files)) if has_front else clients
    if served < _FEW_CLIENTS:
        log.warning(
            "no more than %d clients can be connected: %d files may be open (ulimit -n)",
            served,
            files,
        )
    return clients


def written(pushpin: PushpinConfig) -> list[str]:
    """Write the files of a Pushpin, and return the command that starts it.

    Raises:
        ConfigError: they can't be written.
    """
    try:
        return pushpin.write()
    except OSError as error:
        raise ConfigError(
            f"the run folder {pushpin.rundir} can't be written: {error.strerror} (TMPDIR)"
        ) from None


def check_store(url: str) -> None:
    """Make sure that the store can be opened, and a file of it written.

    A server that is out of reach now may come; whoever waits for it is told.

    Raises:
        ConfigError: its URL makes no sense.
        StoreError: it can't be opened or written.
    """
    try:
        store = open_store(url)
    except StoreError as error:
        raise StoreError(f"{error} (GRIP_LAMBDA_STORE)") from None
    try:
        if store.is_reachable():
            return
        if url.startswith("sqlite:"):
            raise StoreError("the store can't be written (GRIP_LAMBDA_STORE)")
        log.warning("the store is out of reach (GRIP_LAMBDA_STORE); waiting for it")
    finally:
        store.close()
