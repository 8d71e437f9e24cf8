"""The client of a command, and what `-v` shows of its requests."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import click
import httpx
from click.core import ParameterSource

from ..client.addresses import KEY_VARIABLE, URL_VARIABLE, base_url, without_secrets
from ..client.caller import Client
from ..client.errors import Unauthorized, Unavailable
from .exits import one_line

#: Somebody is looking: what is out of reach is told within a second.
RETRIES = 2
_SECRET = {"authorization", "x-api-key", "cookie", "set-cookie", "proxy-authorization"}


@contextmanager
def asking(
    url: str, key: str, *, is_foreign: bool = False, verbose: bool = False
) -> Iterator[Client]:
    """Give a client to a command.

    Args:
        url: the server.
        key: the API key that the options name.
        is_foreign: whether an address named another server than the options do. The key of the
            environment is not shown to that: people send each other addresses of lambdas.
        verbose: whether to show heads of requests and responses, and their times.

    Raises:
        LambdaError: as the client; also told is what names the server that is out of reach, and
            that a key was not shown.
    """
    is_kept = bool(key) and not key_for(key, is_foreign=is_foreign)
    kind = _Shown if verbose else Client
    try:
        with kind(url, retries=RETRIES, key="" if is_kept else key) as client:
            yield client
    except Unavailable as error:
        if is_foreign or f"{base_url(url)} is out of reach" not in str(error):
            raise
        raise Unavailable(f"{error} ({URL_VARIABLE} or --url names the server)") from None
    except Unauthorized as error:
        if not is_kept:
            raise
        raise Unauthorized(
            f"{error}; the key in {KEY_VARIABLE} is for the server that {URL_VARIABLE} names, and"
            f" was not shown to {base_url(url)}: set {URL_VARIABLE}, or give --key"
        ) from None


def key_for(key: str, *, is_foreign: bool) -> str:
    """Return the key that is shown to a server; that of the environment not to a foreign one."""
    source = click.get_current_context().get_parameter_source("key")
    return key if not is_foreign or source is ParameterSource.COMMANDLINE else ""


class _Shown(Client):
    """A client that shows on standard error what it sends and gets, without secrets."""

    _began = 0.0

    def _open(self, **options: Any) -> None:
        hooks = {"request": [self._request_shown], "response": [self._response_shown]}
        super()._open(event_hooks=hooks, **options)

    def _request_shown(self, request: httpx.Request) -> None:
        self._began = time.perf_counter()
        _show(">", f"{request.method} {without_secrets(str(request.url))}")
        _show_head(">", request.headers.multi_items())

    def _response_shown(self, response: httpx.Response) -> None:
        took_ms = (time.perf_counter() - self._began) * 1000
        _show("<", f"{response.http_version} {response.status_code} {response.reason_phrase}")
        _show_head("<", response.headers.multi_items())
        _show("*", f"the response began after {took_ms:.1f} ms")

    def close(self) -> None:
        super().close()
        if self._began:
            _show("*", f"all took {(time.perf_counter() - self._began) * 1000:.1f} ms")


def _show_head(mark: str, items: Iterable[tuple[str, str]]) -> None:
    for name, value in items:
        is_secret = name.lower() in _SECRET
        shown = f"{value.split(' ')[0]} …" if is_secret and " " in value else "…"
        _show(mark, f"{name.title()}: {shown if is_secret else without_secrets(value)}")
    _show(mark, "")


def _show(mark: str, line: str) -> None:
    click.echo(click.style(one_line(f"{mark} {line}".rstrip()), dim=True), err=True)
