"""Telling of errors, which can't fail: what a function raises may have no text, or raise itself."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable


def text_of(value: object) -> str:
    """Return ``str(value)``; if there is none, a text that says so."""
    return _shown(value, str)


def type_of(value: object) -> str:
    """Return the name of the type of a value, whatever its metaclass says."""
    return str(type.__dict__["__name__"].__get__(type(value)))


def log_failure(log: logging.Logger, what: str, error: BaseException) -> None:
    """Log that something failed, with the traceback."""
    with contextlib.suppress(BaseException):  # formatting asks the error, too
        log.warning("%s failed: %s", what, _shown(error, repr), exc_info=error)


def _shown(value: object, how: Callable[[object], str]) -> str:
    try:
        return str.__str__(how(value))
    except BaseException:
        return f"a {type_of(value)} without a text"
