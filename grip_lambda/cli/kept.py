"""The file of `host --keep`: an id and its token."""

from __future__ import annotations

import json
from pathlib import Path

import click


def kept(keep: Path | None) -> tuple[str | None, str | None]:
    """Return the id and the token in a file; None for both if there is none.

    Raises:
        click.UsageError: it does not hold them.
    """
    if keep is None or not keep.exists():
        return None, None
    try:
        content = json.loads(keep.read_text())
        return content["id"], content["token"]
    except (OSError, ValueError, KeyError, TypeError):
        raise click.UsageError(f"{keep} does not hold an id and a token") from None


def write(keep: Path, lambda_id: str, token: str) -> None:
    """Write a file that only its owner may read, in one step."""
    fresh = keep.with_name(f"{keep.name}.new")
    fresh.touch(0o600)
    fresh.write_text(json.dumps({"id": lambda_id, "token": token}) + "\n")
    fresh.replace(keep)
