"""`host`: be a lambda, with a shell command or the functions of a module."""

from __future__ import annotations

import importlib
import logging
import os
import sys
from pathlib import Path
from typing import Any

import click

from .. import logs
from ..client import Host
from . import options
from .commands import Command
from .completion import service_names
from .exits import one_line
from .kept import kept, write

#: How many commands run at once where `--max-calls` does not say.
_COMMANDS = 8


@click.command()
@click.argument("module", required=False)
@click.option("--exec", "command", metavar="COMMAND", help="Run this in a shell for each call.")
@click.option("--id", "lambda_id", metavar="ID", help="The id to open; a new one by default.")
@click.option(
    "--keep",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Keep the id and its token there, and open it again at the next start.",
)
@click.option(
    "--max-calls",
    type=click.IntRange(1),
    help=f"How many calls run at once; more are refused. {_COMMANDS} with --exec.",
)
@click.option(
    "--service",
    "services",
    multiple=True,
    metavar="NAME",
    shell_complete=service_names,
    help="A name to share with other hosts; may be repeated.",
)
@click.option("-v", "--verbose", is_flag=True, help="Tell more, with tracebacks of functions.")
@click.option("-q", "--quiet", is_flag=True, help="Print no line for each call.")
@click.option("--private", is_flag=True, help="Callable with an API key only.")
@options.url
@options.key
def host(
    *,
    url: str,
    key: str,
    private: bool,
    module: str | None,
    command: str | None,
    lambda_id: str | None,
    keep: Path | None,
    max_calls: int | None,
    services: tuple[str, ...],
    verbose: bool,
    quiet: bool,
) -> None:
    """Be a lambda until Ctrl-C; print its address, and a line for each call.

    With --exec, each call runs a shell COMMAND: its standard input is the body, as JSON, and
    GRIP_LAMBDA_METHOD the name of the method. What it prints is the result: as JSON if it is
    JSON, as a string if not. An exit status other than 0 is an error, with what it printed on
    standard error.

    With MODULE (or MODULE:OBJECT), the methods are the public functions of a Python module (or
    the methods of an object in it), found as "import" finds them, in the current folder first; or
    of a file, like weather.py.

    After Ctrl-C or SIGTERM it finishes the calls that run; the second signal ends them.

    \b
    Examples:
      grip-lambda host --exec 'jq .name'
      grip-lambda host --exec './run "$GRIP_LAMBDA_METHOD"' --max-calls 2
      grip-lambda host mymodule --keep ~/.mymodule-lambda
      grip-lambda host mymodule --service thumbnails
    """
    if (module is None) == (command is None):
        raise click.UsageError("name a MODULE, or a command with --exec")
    _log(verbose)
    if not quiet:
        _log_calls()
    functions = _functions(module) if module is not None else None
    kept_id, token = kept(keep)
    if lambda_id and lambda_id != kept_id:
        token = None
    limit = max_calls or (_COMMANDS if command is not None else None)
    try:
        one = Host(
            url,
            functions,
            id=lambda_id or kept_id,
            token=token,
            max_calls=limit,
            key=key,
            private=private,
            service=services,
        )
    except (TypeError, ValueError) as error:
        raise click.UsageError(str(error)) from None
    if command is not None:
        one.fallback(Command(command))
    elif not one.names():
        raise click.UsageError(f"{module} has no public functions")

    @one.on_up
    def up(lambda_id: str) -> None:
        if keep is not None:
            write(keep, lambda_id, one.token)
        if not said:
            click.echo(one.address("").rstrip("/"))
            said.append(lambda_id)
        else:
            click.echo(f"grip-lambda: {lambda_id} is open again", err=True)

    said: list[str] = []
    one.run()


def _functions(name: str) -> object:
    """Import a module, or an object in one."""
    module_name, _, path = name.partition(":")
    if module_name.endswith(".py") and (file := Path(module_name)).is_file():
        sys.path.insert(0, str(file.parent.absolute()))
        module_name = file.stem
    else:
        sys.path.insert(0, os.getcwd())
    try:
        found: object = importlib.import_module(module_name)
        for attribute in filter(None, path.split(".")):
            found = getattr(found, attribute)
    except Exception as error:
        why = one_line(f"{type(error).__name__}: {error}")
        raise click.UsageError(f"can't import {name}: {why}") from None
    return found


class _OneLine(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.exc_info = None
        record.msg, record.args = one_line(record.getMessage()), ()
        return True


def _log_calls() -> None:
    """Have each call written to standard error, in the form of the server's log."""
    handler = logging.StreamHandler()
    handler.setFormatter(logs.Formatter("host"))
    calls = logging.getLogger("grip_lambda.client.calls")
    calls.addHandler(handler)
    calls.setLevel(logging.INFO)
    calls.propagate = False


def _log(verbose: bool) -> None:
    handler: Any = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("grip-lambda: %(message)s"))
    if not verbose:
        handler.addFilter(_OneLine())
    log = logging.getLogger("grip_lambda")
    log.addHandler(handler)
    log.setLevel(logging.INFO if verbose else logging.WARNING)
    # A command that is killed as the program ends may end later than the event loop, which asyncio
    # warns of.
    logging.getLogger("asyncio").setLevel(logging.ERROR)
