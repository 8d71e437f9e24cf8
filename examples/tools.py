"""Functions of a notebook, or of a laptop, as tools of an AI agent; `tools()` in a notebook's cell.

As a program it stays until Ctrl-C. The command that it prints shows what to tell the agent.
"""

import datetime
import shutil
from dataclasses import dataclass

from grip_lambda.client import Host, Image, progress

NOTES: list[str] = []


@dataclass
class Disk:
    total: int
    free: int


def remember(note: str) -> int:
    """Keep a note; returns how many there are."""
    NOTES.append(note)
    return len(NOTES)


def recall(word: str = "") -> list[str]:
    """Find notes.

    Args:
        word: what has to be in them; all notes without it.
    """
    return [note for note in NOTES if word in note]


def disk(path: str = "/") -> Disk:
    """Tell how many bytes a disk has, and how many of them are free."""
    found = shutil.disk_usage(path)
    return Disk(found.total, found.free)


def days_until(date: datetime.date) -> int:
    """Count the days from today to a date."""
    return (date - datetime.date.today()).days


async def count(to: int) -> str:
    """Count up to a number, and report each."""
    for number in range(1, to + 1):
        await progress({"progress": number, "total": to})
    return "done"


def colour(red: int, green: int, blue: int) -> Image:
    """Draw a colour, as an image of one pixel."""
    pixel = f"P3 1 1 255 {red} {green} {blue}\n"
    return Image(pixel.encode(), mime_type="image/x-portable-pixmap")


def tools(url: str | None = None) -> Host:
    """Start the host in the background; `close()` ends it."""
    host = Host(url)
    for function in (remember, recall, disk, days_until, count, colour):
        host.method(function)
    host.start()
    return host


if __name__ == "__main__":
    running = tools()
    print(f"grip-lambda mcp {running.address('').rstrip('/')}", flush=True)
    running.wait()
