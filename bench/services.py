"""Services: what the number of hosts costs a call, how fair the choice is, and asking all of them.

``python -m bench.services`` prints a table for the embedded store, and one for Redis. Both services
are open on one server at the same time, and are called in turns.
"""

from __future__ import annotations

import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from statistics import median
from typing import Any

import click
import orjson

from grip_lambda.serve.pushpin import free_ports

from . import stacks
from .quiet import Quiet
from .remote import Remote, remote

FEW, MANY = 16, 1000
CALLERS = 16
#: Long enough that no ping falls into a round.
_SELDOM_S = "600"
_WARM_UP = 300


def rates(client: Remote, rounds: int, calls: int) -> dict[int, list[float]]:
    """Return the calls a second of each round, by the number of hosts."""
    found: dict[int, list[float]] = {FEW: [], MANY: []}
    for turn in range(rounds):
        # Whichever comes first has no advantage: it changes.
        for hosts in (FEW, MANY) if turn % 2 == 0 else (MANY, FEW):
            found[hosts].append(call(client, hosts, calls)["rate"])
    return found


def call(client: Remote, hosts: int, calls: int) -> dict[str, Any]:
    """Call the service with so many hosts.

    Raises:
        SystemExit: a caller did not get its own answer.
    """
    measured = client.ask({"service": f"of{hosts}", "callers": CALLERS, "calls": calls})
    if measured["failed"]:
        raise SystemExit(f"{measured['failed']} calls failed, like {measured['failure']}")
    return measured


def ask_all(port: int, times: int) -> tuple[int, list[float]]:
    """Ask all hosts of the large service; return how many answers were missing, and seconds."""
    missing, seconds = 0, []
    for _ in range(times):
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/service/of{MANY}/all/echo", b"[1]", method="POST"
        )
        begun = time.perf_counter()
        with urllib.request.urlopen(request, timeout=120) as response:
            answers = orjson.loads(response.read())
        seconds.append(time.perf_counter() - begun)
        good = sum(one == {"status": 200, "result": [1]} for one in answers.values())
        missing += MANY - good
    return missing, seconds


def measure(settings: Mapping[str, str], options: Mapping[str, int]) -> str:
    """Measure on one server, and return its line of the table."""
    with (
        stacks.product({"GRIP_LAMBDA_PING": _SELDOM_S, **settings}, Quiet) as stack,
        remote("bench.swarm", str(stack.port)) as client,
    ):
        for hosts in (FEW, MANY):
            client.ask({"open": hosts, "service": f"of{hosts}"})
            call(client, hosts, _WARM_UP)
        found = rates(client, options["rounds"], options["calls"])
        had = call(client, FEW, options["fair"])["had"]
        missing, seconds = ask_all(stack.port, options["times"])
        lost = client.ask({"open": MANY, "service": f"of{MANY}"})["lost"]
    few, many = (median(found[hosts]) for hosts in (FEW, MANY))
    mean = sum(had) / len(had)
    apart = max(mean - min(had), max(had) - mean) / mean
    return (
        f"| {few:.0f} | {many:.0f} | {many / few:.2f} | {min(had)} to {max(had)} | {apart:.1%}"
        f" | {median(seconds):.2f} | {max(seconds):.2f} | {missing} | {lost} |"
    )


@contextmanager
def redis() -> Iterator[str]:
    """Run a Redis of its own; yield its URL."""
    program = shutil.which("redis-server")
    if program is None:
        raise SystemExit("redis-server is not installed; `make redis` installs it")
    (port,) = free_ports(1)
    arguments = ("--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no")
    with subprocess.Popen([program, *arguments], stdout=subprocess.DEVNULL) as process:
        try:
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            process.terminate()


@click.command()
@click.option("--rounds", default=5, show_default=True)
@click.option("--calls", default=1000, show_default=True, help="Calls of a round.")
@click.option("--fair", default=10_000, show_default=True, help="Calls that are counted by host.")
@click.option("--times", default=5, show_default=True, help="How often all hosts are asked.")
def main(**options: int) -> None:
    """Measure services of 16 and of 1,000 hosts."""
    click.echo(
        f"{CALLERS} callers. Calls/s: medians of the rounds. Chosen: the fewest and the most calls"
        f" that a host of {FEW} has had, and how far from the mean. All: seconds until {MANY:,}"
        " hosts have answered, median and longest; answers that were missing; hosts that were lost."
    )
    click.echo()
    click.echo(
        f"| store | calls/s to {FEW} hosts | to {MANY:,} | ratio | chosen | from the mean | all, s"
        " | longest | missing | lost |"
    )
    click.echo("| :-- " + "| --: " * 9 + "|")
    click.echo(f"| SQLite {measure({}, options)}")
    with redis() as url:
        click.echo(f"| Redis {measure({'GRIP_LAMBDA_STORE': url}, options)}")


if __name__ == "__main__":
    main()
