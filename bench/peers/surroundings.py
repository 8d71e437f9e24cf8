"""Where it was measured: the machine, what else it did, and the versions of what ran."""

from __future__ import annotations

import os
import platform
import re
import resource
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

import msgspec

_TICKS = os.sysconf("SC_CLK_TCK")


class Others:
    """What other programs take of the machine from now on."""

    def __init__(self) -> None:
        self._begun = _cpu()

    def part(self) -> float:
        """Return their part of all CPU time so far, once all of our own programs have ended."""
        busy, idle, ours = (now - then for now, then in zip(_cpu(), self._begun, strict=True))
        return max(0.0, busy - ours) / max(1.0, busy + idle)


def _cpu() -> tuple[float, float, float]:
    """Return seconds: the machine busy and idle, and this process with those that it waited for."""
    ticks = [int(one) for one in _text(Path("/proc/stat")).split("\n", 1)[0].split()[1:9]]
    idle = ticks[3] + ticks[4]
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    ours = sum(one.ru_utime + one.ru_stime for one in used)
    return (sum(ticks) - idle) / _TICKS, idle / _TICKS, ours


def versions() -> dict[str, str]:
    """Return the versions of what was measured, as far as they can be told."""
    peers = Path(__file__).parent
    told = {
        "Python": platform.python_version(),
        "grip-lambda": version("grip-lambda"),
        "granian": version("granian"),
        "Pushpin": _says("pushpin", "--version"),
        "Redis": _says("redis-server", "--version"),
        "Node.js": _says("node", "--version"),
    }
    for name in ("python-socketio", "crossbar"):
        pinned = _text(peers / "servers" / f"{name}.txt")
        pins = re.findall(r"^([\w-]+)(?:\[.*?\])?==(.+)$", pinned, re.M)
        told |= {pin: number for pin, number in pins if pin in {name, "uvicorn", "autobahn"}}
    packages = msgspec.json.decode(_text(peers / "package.json"))["dependencies"]
    return told | {name: packages[name] for name in ("socket.io", "@socket.io/redis-adapter")}


def machine() -> str:
    """Describe the machine."""
    found = re.search(r"^model name\s*: (.+)$", _text(Path("/proc/cpuinfo")), re.M)
    processor = found[1] if found else platform.machine()
    return f"{processor}, {os.cpu_count()} cores, which the load uses too"


def _text(path: Path) -> str:
    return path.read_text()


def _says(program: str, argument: str) -> str:
    if shutil.which(program) is None:
        return "missing"
    shown = subprocess.run([program, argument], capture_output=True, text=True, check=False)
    number = re.search(r"\d+\.\d+(\.\d+)?", shown.stdout)
    return number[0] if number else "unknown"
