"""Secrets in files instead of the environment, as systemd and containers hand them out.

``GRIP_LAMBDA_SECRET_FILE=/run/secrets/secret`` stands for ``GRIP_LAMBDA_SECRET`` with what is in
the file. It is the same for the other settings that may have a secret in them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from .errors import ConfigError

#: The settings that may be in files.
NAMES = (
    *("GRIP_LAMBDA_SECRET", "GRIP_LAMBDA_FRONT_KEY", "GRIP_LAMBDA_STORE"),
    *("GRIP_PROXIES", "GRIP_URL"),
)
#: What the names of the settings end with that name the files.
SUFFIX = "_FILE"
_MOST = 1_000_000


def with_files(environ: Mapping[str, str]) -> dict[str, str]:
    """Return an environment that has what is in files, in the place of their names.

    Raises:
        ConfigError: a file can't be read, is empty, or its setting is in the environment as well.
    """
    found = dict(environ)
    for name in NAMES:
        path = found.pop(f"{name}{SUFFIX}", "")
        if not path:
            continue
        if found.get(name):
            raise ConfigError(f"set {name} or {name}{SUFFIX}, not both")
        found[name] = _read(Path(path), f"{name}{SUFFIX}")
    return found


def _read(path: Path, setting: str) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(_MOST).strip()
    except OSError as error:
        raise ConfigError(f"{path} can't be read: {error.strerror} ({setting})") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path} must be text in UTF-8 ({setting})") from None
    if not text or "\0" in text:
        raise ConfigError(f"{path} must have text in it ({setting})")
    return text
