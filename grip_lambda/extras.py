"""The parts of the package that need more than hosts and callers do (extras of pyproject.toml)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from .errors import ConfigError


@contextmanager
def needs(extra: str, what: str) -> Iterator[None]:
    """Import within this what an extra brings.

    Args:
        extra: its name, like ``server``.
        what: what it is for, in the words of the error.

    Raises:
        ConfigError: something of it is not installed; it names the command that installs it.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing == __package__:
            raise
        raise ConfigError(
            f"{what} needs {missing}, which is not installed: pip install 'grip-lambda[{extra}]'"
        ) from None
