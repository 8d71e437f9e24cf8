"""A stack with API keys."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from grip_lambda.cli.keys import keys as command
from tests.support.stack import Stack


class KeyedStack(Stack):
    """A stack that takes API keys.

    Args:
        keys: name of each key, and what it may do, like ``call,list``.

    Attributes:
        keys: the keys, by name.
    """

    def __init__(self, folder: Path, keys: dict[str, str], **environ: str) -> None:
        file = {
            "GRIP_LAMBDA_API_KEYS": str(folder / "keys.json"),
            "GRIP_LAMBDA_DATA": str(folder / "data"),
        }
        self.keys = {}
        for name, may in keys.items():
            done = CliRunner(env=file).invoke(command, ["add", name, "--may", may])
            assert done.exit_code == 0, done.output
            self.keys[name] = done.stdout.strip()
        super().__init__(folder, **file, **environ)
