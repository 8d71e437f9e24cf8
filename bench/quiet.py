"""Programs that say nothing, unless they fail."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field

from grip_lambda.serve.child import Child
from grip_lambda.serve.relay import Relay

_LINES = 5


class _Kept(Relay):
    """A file without a name in the place of the pipe."""

    def __init__(self) -> None:
        self.file = tempfile.TemporaryFile()  # noqa: SIM115 - it ends with the program
        self.end = self.file.fileno()

    def pass_on(self) -> None:
        """Keep it all."""


@dataclass
class Quiet(Child):
    """A program whose output is kept until it is asked for."""

    relay: Relay | None = field(default_factory=_Kept)


def last_lines(children: Iterable[Child]) -> str:
    """Return the last lines that the quiet ones among them said."""
    out = ""
    for child in children:
        if isinstance(child.relay, _Kept):
            child.relay.file.seek(0)
            said = child.relay.file.read().decode(errors="replace").splitlines()
            out += "".join(f"\n  {child.name}: {line}" for line in said[-_LINES:])
    return out
