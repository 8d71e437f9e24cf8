"""`grip-lambda`: the command line."""

from __future__ import annotations

import os
from typing import Any

import click

from .. import __version__
from . import exits
from .calling import call, listing, ping
from .describing import describe, mcp
from .hosting import host
from .keys import keys
from .serving import cluster, serve


class Commands(click.Group):
    """A group whose errors are one line on stderr and an exit status, never a traceback."""

    def main(self, *args: Any, **options: Any) -> Any:
        options["standalone_mode"] = False
        with exits.told():
            raise SystemExit(super().main(*args, **options))

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)  # in the order of a first day with them


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=f"\b\n{exits.HELP}\n\n\b\nShell completion, for bash (zsh and fish likewise):\n"
    '  eval "$(_GRIP_LAMBDA_COMPLETE=bash_source grip-lambda)"',
)
@click.version_option(__version__, prog_name="grip-lambda")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Callable addresses for anything that can open a WebSocket.

    \b
    Examples:
      grip-lambda serve
      grip-lambda host --exec 'jq .name'
      grip-lambda list
      grip-lambda call EHNFvAiBioATCzw4 greet '{"name": "world"}'
    """
    if os.environ.get("NO_COLOR"):
        ctx.color = False


for _command in (serve, cluster, host, listing, describe, call, mcp, ping, keys):
    main.add_command(_command)
