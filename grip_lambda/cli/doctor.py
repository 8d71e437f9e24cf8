"""`doctor`: what is wrong with a server, the way to it and this machine, and what to do."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import click
import httpx

from .. import __version__
from ..client.addresses import URL_VARIABLE, base_url
from ..client.caller import Client
from ..client.errors import LambdaError
from ..client.hosts import Host
from ..client.server import Server
from . import options
from .exits import one_line
from .printing import show_json

OK, WARNING, FAILED, SKIPPED = "ok", "warning", "failed", "skipped"
_COLOURS = {OK: "green", WARNING: "yellow", FAILED: "red", SKIPPED: "bright_black"}
#: A request that takes longer has failed, in seconds.
_PATIENCE_S = 5.0
#: A clock may be so wrong, in seconds, before deadlines and signatures suffer.
_SKEW_S = 5.0
#: How long a streamed call of the check takes; a proxy that keeps it back is found so, in seconds.
_STREAM_S = 1.0


@dataclass(frozen=True)
class Finding:
    """What was found.

    Attributes:
        check: what was looked at.
        state: ``ok``, ``warning``, ``failed`` or ``skipped``.
        said: what is so.
        todo: what to do about it; empty for nothing.
    """

    check: str
    state: str
    said: str
    todo: str = ""


@click.command()
@options.as_json
@options.url
@options.key
def doctor(url: str, key: str, *, as_json: bool) -> None:
    """Look for what is wrong: at the server, on the way to it, and on this machine.

    It opens a lambda, calls it and closes it. With an API key, that has to be one that may host and
    call. The exit status is 1 if something failed.

    \b
    Examples:
      grip-lambda doctor
      grip-lambda doctor --url https://example.org --json | jq '.[] | select(.state != "ok")'
    """
    found = []
    for finding in _checked(url, key):
        found.append(finding)
        if not as_json:
            _show(finding)
    if as_json:
        show_json([asdict(one) for one in found])
    if any(one.state == FAILED for one in found):
        sys.exit(1)


def _show(finding: Finding) -> None:
    state = click.style(finding.state.ljust(7), fg=_COLOURS[finding.state])
    todo = f"; {finding.todo}" if finding.todo else ""
    click.echo(f"{state} {finding.check}: {one_line(finding.said + todo)}")


def _checked(url: str, key: str) -> Iterator[Finding]:
    yield from _on_this_machine()
    server = Server(url, key)
    with httpx.Client(timeout=_PATIENCE_S, **server.http_options()) as http:
        reached = yield from _server(http, server)
    if reached:
        yield from _lambda(url, key)


def _server(http: httpx.Client, server: Server) -> Generator[Finding, None, bool]:
    """Look at what the server says of itself; return whether it is there."""

    def get(path: str) -> httpx.Response:
        shown, headers = server.credentials.present(path)
        return http.get(server.url + shown, headers=headers)

    try:
        health = get("/healthz")
    except httpx.HTTPError as error:
        todo = f"start it (grip-lambda serve), or name another one with {URL_VARIABLE} or --url"
        yield Finding("server", FAILED, f"{server.url} is out of reach: {server.why(error)}", todo)
        return False
    if health.status_code != 200 or _json(health).get("status") != "ok":
        said = (
            f"{server.url}/healthz answers with {health.status_code}, and not as grip-lambda does"
        )
        yield Finding("server", FAILED, said, f"name the right server with {URL_VARIABLE}")
        return False
    yield Finding("server", OK, f"{server.url} is there")
    yield _clock(health)
    try:
        yield from _readiness(get("/readyz"))
        yield _versions(get("/status"))
    except httpx.HTTPError as error:
        yield Finding("server", FAILED, server.why(error), "see its log")
    return True


def _clock(response: httpx.Response) -> Finding:
    from email.utils import parsedate_to_datetime

    try:
        ahead_s = parsedate_to_datetime(response.headers["Date"]).timestamp() - time.time()
    except (KeyError, ValueError):
        return Finding("clock", SKIPPED, "the server's responses have no date")
    if abs(ahead_s) <= _SKEW_S:
        return Finding("clock", OK, "the server's is that of this machine")
    word = "ahead of" if ahead_s > 0 else "behind"
    said = f"the server's is {abs(ahead_s):.0f} s {word} that of this machine"
    return Finding("clock", WARNING, said, "set both by NTP: signatures and tickets depend on it")


def _readiness(response: httpx.Response) -> Iterator[Finding]:
    said = _json(response)
    store = said.get("store", "not told")
    todo = "see GRIP_LAMBDA_STORE, and the log of the server"
    yield Finding("store", *((OK, "in reach") if store == "ok" else (FAILED, str(store), todo)))
    proxies = said.get("proxies")
    for name, state in (proxies if isinstance(proxies, dict) else {}).items():
        todo = "see whether it runs, and GRIP_URL or GRIP_PROXIES of the server"
        is_ok = state == "ok"
        yield Finding(f"Pushpin {name}", *((OK, "in reach") if is_ok else (FAILED, state, todo)))


def _versions(response: httpx.Response) -> Finding:
    if response.status_code in (401, 403):
        return Finding("versions", SKIPPED, "the server tells them with an API key that may list")
    theirs = _json(response).get("version")
    if theirs == __version__:
        return Finding("versions", OK, f"both are grip-lambda {__version__}")
    said = f"the server is grip-lambda {theirs}, this program {__version__}"
    return Finding("versions", WARNING, said, "use the same release in both places")


def _json(response: httpx.Response) -> dict[str, Any]:
    try:
        value = response.json()
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _lambda(url: str, key: str) -> Iterator[Finding]:
    """Open a lambda, and call it."""

    def stream(_: Any) -> Iterator[str]:
        yield "begun"
        time.sleep(_STREAM_S)

    host = Host(url, {"echo": lambda body: body, "stream": stream}, key=key)
    try:
        host.start(2 * _PATIENCE_S)
    except LambdaError as error:
        todo = "a proxy in front has to pass on Upgrade and Connection (docs/operations.md)"
        if error.code in ("unauthorized", "forbidden"):
            todo = "give an API key that may host, with --key or GRIP_LAMBDA_KEY"
        yield Finding("WebSocket", FAILED, str(error), todo)
        return
    yield Finding("WebSocket", OK, f"opened {host.id}")
    try:
        with Client(url, key=key, retries=0) as client:
            yield _told("call", lambda: _call(client, host.id))
            yield _told("stream", lambda: _stream(client, host.id))
    finally:
        host.close(0)


def _told(check: str, look: Callable[[], Finding]) -> Finding:
    try:
        return look()
    except LambdaError as error:
        refused = error.code in ("unauthorized", "forbidden")
        todo = "give an API key that may call" if refused else "see the log of the server"
        return Finding(check, FAILED, str(error), todo)


def _call(client: Client, lambda_id: str) -> Finding:
    began = time.perf_counter()
    answer = client.call(lambda_id, "echo", "doctor", 2 * _PATIENCE_S)
    took_ms = (time.perf_counter() - began) * 1000
    if answer != "doctor":
        return Finding("call", FAILED, "another answer came than the host has given")
    return Finding("call", OK, f"answered after {took_ms:.0f} ms")


def _stream(client: Client, lambda_id: str) -> Finding:
    began = time.perf_counter()
    with client.stream(lambda_id, "stream", None, 2 * _PATIENCE_S) as events:
        next(iter(events))
        first_s = time.perf_counter() - began
        _ = events.result
    if first_s < _STREAM_S:
        return Finding("stream", OK, f"the first event came after {first_s * 1000:.0f} ms")
    said = "events come all at once, at the end"
    todo = "turn off buffering in the proxy in front: proxy_buffering off in nginx"
    return Finding("stream", WARNING, said, todo)


def _on_this_machine() -> Iterable[Finding]:
    """Look at what `serve` needs, if the server's part is installed here."""
    from .. import settings
    from ..errors import ConfigError
    from ..extras import needs

    try:
        with needs("server", "the server"):
            from ..serve import front, pushpin
    except ConfigError as error:
        yield Finding("server here", WARNING, str(error), "only `serve` and `cluster` need it")
        return
    for name, check in (("Pushpin", pushpin.check_pushpin), ("nginx", front.check_nginx)):
        try:
            check()
        except (ConfigError, OSError) as error:
            yield Finding(f"{name} here", WARNING, str(error), "only `serve` and `cluster` need it")
        else:
            yield Finding(f"{name} here", OK, "installed")
    try:
        settings.whole_number(os.environ, "PORT", settings.DEFAULT_PORT, 1, 65535)
        settings.host(os.environ)
        settings.log_form(os.environ)
        settings.threads(os.environ)
    except ConfigError as error:
        yield Finding("settings", FAILED, str(error), "see docs/settings.md")
    else:
        yield Finding("settings", OK, f"the server is {base_url(None)} unless --url names another")
