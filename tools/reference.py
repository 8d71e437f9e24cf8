"""Write the reference in docs/command-line.md: every command and option, from the real help.

Run it with `make reference`; a test compares the page with it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import click

from grip_lambda.cli import Commands, main

PAGE = Path(__file__).parents[1] / "docs" / "command-line.md"
#: Options that all commands have which ask a server; the page tells of them above.
_SHARED = {"url", "key"}
BEGIN, END = "<!-- Made by `make reference`: -->", "<!-- until here. -->"


def reference() -> str:
    """Return the reference, in Markdown."""
    return "\n".join(_commands(click.Context(main, info_name="grip-lambda"), main))


def with_reference(page: str) -> str:
    """Return a page with the reference in its place."""
    before, _, rest = page.partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}\n\n{reference()}\n{END}{after}"


def _commands(context: click.Context, group: click.Group) -> Iterator[str]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None, name
        inner = click.Context(command, info_name=name, parent=context)
        if isinstance(command, click.Group) and not isinstance(command, Commands):
            yield from _commands(inner, command)
        else:
            yield from _command(inner, command)


def _command(context: click.Context, command: click.Command) -> Iterator[str]:
    usage = " ".join(command.collect_usage_pieces(context))
    yield f"**`{context.command_path} {usage}`**: {command.get_short_help_str(limit=200)}\n"
    records = (one.get_help_record(context) for one in command.params if one.name not in _SHARED)
    rows = [record for record in records if record and record[1]]
    if rows:
        yield "| option | meaning |\n| --- | --- |"
        yield from (f"| {_code(option)} | {_cell(meaning)} |" for option, meaning in rows)
        yield ""


def _code(text: str) -> str:
    return "`" + text.replace("|", "\\|") + "`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    os.environ.pop("GRIP_LAMBDA_URL", None)
    PAGE.write_text(with_reference(PAGE.read_text()))
