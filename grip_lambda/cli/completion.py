"""What the shell proposes: lambdas and services that are open, and their methods."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import click
from click.shell_completion import CompletionItem

from ..client.addresses import DEFAULT_URL, KEY_VARIABLE, URL_VARIABLE

#: The shell waits so long for the server, in seconds.
_PATIENCE_S = 1.0


def addresses(ctx: click.Context, param: click.Parameter, begin: str) -> list[CompletionItem]:
    """Propose ids of lambdas, and services."""
    found = [*_asked(ctx, "/lambda"), *(f"service/{name}" for name in _asked(ctx, "/service"))]
    return _that_begin(begin, found)


def lambdas(ctx: click.Context, param: click.Parameter, begin: str) -> list[CompletionItem]:
    """Propose ids of lambdas."""
    return _that_begin(begin, _asked(ctx, "/lambda"))


def service_names(ctx: click.Context, param: click.Parameter, begin: str) -> list[CompletionItem]:
    """Propose names of services."""
    return _that_begin(begin, _asked(ctx, "/service"))


def methods(ctx: click.Context, param: click.Parameter, begin: str) -> list[CompletionItem]:
    """Propose methods of what the argument before names, if this is the next one."""
    from .addresses import target_of

    address = ctx.params.get("address")
    if ctx.params.get("words") or not address:
        return []
    try:
        target = target_of(_url(ctx), address.lstrip("\0"))
    except click.UsageError:
        return []
    if target.method is not None or target.is_foreign:
        return []
    if not target.is_service:
        return _that_begin(begin, _asked(ctx, f"/{target.path}").get("methods") or ())
    entry = _asked(ctx, "/service").get(target.name.removeprefix("service/")) or {}
    return _that_begin(begin, entry.get("methods") or ())


def _that_begin(begin: str, found: Iterable[str]) -> list[CompletionItem]:
    return [CompletionItem(one) for one in found if one.startswith(begin)]


def _url(ctx: click.Context) -> str:
    return ctx.params.get("url") or os.environ.get(URL_VARIABLE) or DEFAULT_URL


def _asked(ctx: click.Context, path: str) -> dict[str, Any]:
    """Return an object of the server; an empty one if it says nothing in time."""
    import httpx

    from ..client.server import Server

    key = ctx.params.get("key") or os.environ.get(KEY_VARIABLE, "")
    try:
        server = Server(_url(ctx), key)
        shown, headers = server.credentials.present(path)
        with httpx.Client(timeout=_PATIENCE_S, **server.http_options()) as http:
            answer = http.get(server.url + shown, headers=headers).json()
    except Exception:  # whatever it is, it must not stand in somebody's prompt
        return {}
    return answer if isinstance(answer, dict) else {}
