"""What the peers need, each in a place of its own, installed once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_PEERS = Path(__file__).parent
_BUILD = _PEERS.parents[1] / "build" / "peers"


class Unavailable(Exception):
    """An entry can't be measured here; says why."""


def environment(name: str) -> Path:
    """Return the interpreter of a virtual environment with servers/NAME.txt installed.

    Raises:
        Unavailable: it can't be installed; with what was tried.
    """
    requirements = _PEERS / "servers" / f"{name}.txt"
    folder = _BUILD / name
    stamp = folder / ".installed"
    python = folder / "bin" / "python"
    if not stamp.exists() or stamp.read_bytes() != requirements.read_bytes():
        print(f"installing {name} into {folder} …", file=sys.stderr, flush=True)
        _run([sys.executable, "-m", "venv", "--clear", str(folder)])
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _run([*pip, "--requirement", str(requirements)])
        stamp.write_bytes(requirements.read_bytes())
    return python


def node_modules() -> None:
    """Install what package-lock.json names.

    Raises:
        Unavailable: it can't be installed; with what was tried.
    """
    lock = _PEERS / "package-lock.json"
    stamp = _PEERS / "node_modules" / ".installed"
    if not stamp.exists() or stamp.read_bytes() != lock.read_bytes():
        print(f"installing {lock.parent / 'node_modules'} …", file=sys.stderr, flush=True)
        _run(["npm", "ci", "--prefix", str(_PEERS), "--no-audit", "--no-fund", "--silent"])
        stamp.write_bytes(lock.read_bytes())


def _run(command: list[str]) -> None:
    try:
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise Unavailable(f"`{' '.join(command)}` can't be run: {error}") from None
    if ended.returncode:
        said = (ended.stderr or ended.stdout).strip().rpartition("\n")[2]
        raise Unavailable(f"`{' '.join(command)}` failed: {said}")
