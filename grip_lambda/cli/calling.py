"""`call`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from ..client.errors import RemoteError
from . import options
from .addresses import call_of
from .asking import asking
from .bodies import body_of
from .exits import HOST_ERROR
from .printing import show_json

if TYPE_CHECKING:
    from ..client.bound import Service


@click.command(cls=options.Plainly)
@options.address
@options.words
@click.option(
    "-d", "--data", metavar="JSON|@FILE|-", callback=options.plain, help="The whole body."
)
@options.wait
@click.option("-r", "--raw", is_flag=True, help="Print a string without quotes and escapes.")
@click.option("--stream", is_flag=True, help="Print what the host reports before its result, too.")
@click.option("--all", "of_all", is_flag=True, help="Ask all hosts of a service; a line for each.")
@click.option(
    "--once", metavar="KEY", help="An idempotency key: calls that share one are made once."
)
@click.option("-v", "--verbose", is_flag=True, help="Show requests, responses and their times.")
@options.url
@options.key
def call(
    *,
    url: str,
    key: str,
    address: str,
    words: tuple[str, ...],
    data: str | None,
    wait: float,
    raw: bool,
    stream: bool,
    of_all: bool,
    once: str | None,
    verbose: bool,
) -> None:
    """Call METHOD at ADDRESS, and print its result.

    ADDRESS is an id, service/NAME, or the URL that "host" has printed, which names the server,
    too. Each may have /METHOD behind it.

    BODY is JSON, or @FILE, or - for standard input; or members of an object: name=text,
    name:=JSON, name=@FILE, name:=@FILE. Without BODY it is standard input, or null if that is a
    terminal or empty. The result is JSON, indented if it goes to a terminal.

    \b
    Examples:
      grip-lambda call EHNFvAiBioATCzw4 greet name=world times:=3
      grip-lambda call http://localhost:7999/lambda/EHNFvAiBioATCzw4/greet '{"name": "world"}'
      grip-lambda call service/weather temperature city=Oslo -v
      grip-lambda call EHNFvAiBioATCzw4 greet --wait 5 < body.json
      grip-lambda call EHNFvAiBioATCzw4 disk --stream --raw
      grip-lambda call service/tabs look --all
    """
    target, method, items = call_of(url, address, words)
    if of_all and (not target.is_service or stream or once):
        raise click.UsageError("--all asks the hosts of service/NAME, without --stream and --once")
    body = body_of(items, data)
    with asking(target.url, key, is_foreign=target.is_foreign, verbose=verbose) as client:
        if of_all:
            _ask_all(client.service(target.name.removeprefix("service/"), wait), method, body)
            return
        if not stream:
            result = client.call(target.name, method, body, wait, idempotency_key=once)
        else:
            with client.stream(target.name, method, body, wait, idempotency_key=once) as events:
                for reported in events:
                    _show(reported, raw=raw)
                result = events.result
    _show(result, raw=raw)


def _ask_all(service: Service, method: str, body: Any) -> None:
    """Print the answers as they come; exit with 1 if a host failed."""
    failed = 0
    for answer in service.all(method, body):
        told: dict[str, Any] = {"id": answer.id, "status": answer.status}
        error = answer.error
        if error is None:
            told["result"] = answer.result
        else:
            failed += 1
            told["error"] = error.error if isinstance(error, RemoteError) else str(error)
            told |= {"code": error.code} if error.code else {}
        show_json(told)
    if failed:
        sys.exit(HOST_ERROR)


def _show(value: Any, *, raw: bool) -> None:
    if raw and isinstance(value, str):
        click.echo(value)
    else:
        show_json(value)
