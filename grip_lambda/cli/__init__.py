"""`grip-lambda`: the command line."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any

import click

from .. import __version__
from . import exits

#: The commands in the order of a first day with them, and where they are. Each module is imported
#: if its command is run, or shown.
COMMANDS = {
    "serve": "serving:serve",
    "cluster": "serving:cluster",
    "host": "hosting:host",
    "list": "listing:listing",
    "services": "services:services",
    "describe": "describing:describe",
    "call": "calling:call",
    "info": "listing:info",
    "ping": "listing:ping",
    "close": "listing:close",
    "events": "watching:events",
    "top": "watching:top",
    "bench": "benching:bench",
    "mcp": "describing:mcp",
    "doctor": "doctor:doctor",
    "version": "versions:version",
    "keys": "keys:keys",
    "pushpin": "serving:pushpin",
    "backend": "serving:backend",
    "front": "serving:front",
}


class Commands(click.Group):
    """A group whose errors are one line on stderr and an exit status, never a traceback."""

    def main(self, *args: Any, **options: Any) -> Any:
        options["standalone_mode"] = False
        # httpx tries to import a command line of its own, with rich, and is content without.
        sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
        with exits.told():
            raise SystemExit(super().main(*args, **options))

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module, _, name = COMMANDS.get(cmd_name, "").partition(":")
        if not module:
            return None
        found: click.Command = getattr(import_module(f".{module}", __name__), name)
        return found


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
