"""A cluster with few and with thousands of open lambdas, with one Pushpin and with several.

``python -m bench.cluster`` prints tables; ``--json FILE`` keeps every round. Hosts and callers
connect to the Pushpins themselves, the same number to each, so that the nodes are loaded alike;
the load balancer between the Pushpins and the backends is in the way of every call.
"""

from __future__ import annotations

import resource
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import click
import orjson
import redis

from . import stacks
from .remote import Remote, remote

FEW = 16
CALLERS = 32
#: Long enough that no ping falls into a round; what pings cost is measured apart.
_SELDOM_S = 600
_PING_S = 30
_WARM_UP = 500
_REST_S = 10.0
_LISTED_S = 120.0

Figures = dict[str, float]


class Bench:
    """One cluster, its load client, and what was measured there."""

    def __init__(self, cluster: stacks.Cluster, client: Remote) -> None:
        self._cluster = cluster
        self._client = client
        self._redis: Any = redis.Redis.from_url(cluster.store)

    def open(self, count: int) -> Figures:
        """Open lambdas until there are so many, and wait until all are listed."""
        before = self._cluster.cpu()
        begun = time.perf_counter()
        opened = self._client.ask({"open": count})
        self._wait_until_listed(count)
        seconds = time.perf_counter() - begun
        return {
            "seconds": seconds,
            "again": opened["again"],
            **_difference(before, self._cluster.cpu(), 1.0),
        }

    def lost(self, count: int) -> int:
        """Return how many hosts of so many have lost their connection."""
        lost: int = self._client.ask({"open": count})["lost"]
        return lost

    def calls(self, lambdas: int, calls: int, *, may_fail: bool = False) -> Figures:
        """Make calls to so many of the lambdas, and return what one took.

        Raises:
            SystemExit: a caller did not get its own answer.
        """
        cpu, commands = self._cluster.cpu(), self._commands()
        measured = self._client.ask({"callers": CALLERS, "calls": calls, "lambdas": lambdas})
        if measured["failed"] and not may_fail:
            raise SystemExit(
                f"{measured['failed']} of {calls} calls failed, like {measured['failure']}"
            )
        return {
            **{name: measured[name] for name in ("rate", "p50", "p99", "max", "failed")},
            "load": measured["cpu"],
            **_difference(cpu, self._cluster.cpu(), calls / 1000),
            **_difference(commands, self._commands(), calls),
        }

    def rest(self, for_s: float = _REST_S) -> Figures:
        """Do nothing, and return what a second of that takes."""
        cpu, commands = self._cluster.cpu(), self._commands()
        begun = time.perf_counter()
        time.sleep(for_s)
        seconds = time.perf_counter() - begun
        return {
            **_difference(cpu, self._cluster.cpu(), seconds / 100),
            **_difference(commands, self._commands(), seconds),
            **{f"memory_{kind}": used for kind, used in self._cluster.memory().items()},
            "used_memory": float(self._redis.info("memory")["used_memory"]),
        }

    def _commands(self) -> Figures:
        """Return how many scripts and other commands Redis has run, those in scripts apart."""
        stats = self._redis.info("commandstats")
        scripts = sum(
            one["calls"] for name, one in stats.items() if name.startswith("cmdstat_eval")
        )
        totals = self._redis.info("stats")
        return {
            "scripts": scripts,
            "commands": sum(one["calls"] for one in stats.values()),
            "bytes_in": totals["total_net_input_bytes"],
            "bytes_out": totals["total_net_output_bytes"],
        }

    def _wait_until_listed(self, count: int) -> None:
        until = time.monotonic() + _LISTED_S
        while (listed := self._listed()) != count:
            if time.monotonic() > until:
                raise SystemExit(f"{listed} lambdas are listed instead of {count}")
            time.sleep(0.1)

    def _listed(self) -> int:
        """Ask the indices, which is cheaper than the listing."""
        pipe = self._redis.pipeline(transaction=False)
        for key in self._redis.scan_iter("gl:*:open", count=10_000):
            pipe.zcard(key)
        return sum(pipe.execute())


def _difference(before: Mapping[str, float], after: Mapping[str, float], by: float) -> Figures:
    return {name: (after[name] - before[name]) / by for name in before}


@contextmanager
def running(nodes: int, backends: int, ping_s: int) -> Iterator[Bench]:
    """Run a cluster and a load client for it."""
    with (
        stacks.cluster(nodes, backends, ping_s) as cluster,
        remote("bench.swarm", ",".join(map(str, cluster.ports))) as client,
    ):
        yield Bench(cluster, client)


def measure(nodes: int, options: Mapping[str, int]) -> dict[str, Any]:
    """Measure two clusters in turns: one with few lambdas, one with many."""
    many, calls, backends = options["lambdas"], options["calls"], options["backends"]
    with (
        running(nodes, backends, _SELDOM_S) as on_few,
        running(nodes, backends, _SELDOM_S) as on_many,
    ):
        steps = {"few": (on_few, FEW), "same": (on_many, FEW), "all": (on_many, many)}
        on_few.open(FEW)
        found: dict[str, Any] = {"opening": on_many.open(many), **{step: [] for step in steps}}
        on_few.calls(FEW, _WARM_UP)
        on_many.calls(FEW, _WARM_UP)
        time.sleep(2)  # the calls' channels are let go
        found["rest_few"], found["rest_many"] = on_few.rest(), on_many.rest()
        for turn in range(options["rounds"]):
            # Who comes first has no advantage: it changes.
            for step in list(steps) if turn % 2 == 0 else reversed(steps):
                bench, lambdas = steps[step]
                found[step].append(bench.calls(lambdas, calls))
            rates = ", ".join(f"{step} {found[step][turn]['rate']:.0f}" for step in steps)
            click.echo(f"{nodes} nodes, round {turn + 1}: calls/s {rates}", err=True)
    return found


def measure_pings(nodes: int, options: Mapping[str, int]) -> dict[str, Any]:
    """Measure a cluster whose hosts are pinged as often as they are by default."""
    many, calls, rounds = options["lambdas"], options["calls"], options["rounds"]
    with running(nodes, options["backends"], _PING_S) as bench:
        bench.open(many)
        bench.calls(FEW, _WARM_UP)
        time.sleep(_PING_S)  # the first pings come after an interval
        rest = bench.rest(_PING_S)
        measured = [bench.calls(many, calls, may_fail=True) for _ in range(rounds)]
        return {"rest": rest, "all": measured, "lost": bench.lost(many)}


def summary(found: Mapping[str, Any]) -> dict[str, Figures]:
    """Return the median of each figure over the rounds, but the longest call of all."""
    return {
        step: {
            name: (max if name == "max" else median)(one[name] for one in rounds)
            for name in rounds[0]
        }
        for step, rounds in found.items()
        if isinstance(rounds, list)
    }


def report(results: Mapping[int, dict[str, Any]], pings: Mapping[str, Any], many: int) -> str:
    """Return the tables."""
    lines = [
        f"{CALLERS} callers; medians of the rounds, the longest call of all; times in ms",
        "nodes   open  called   calls/s     p50     p99     max | CPU per call:"
        " backends  Pushpins    nginx  Redis  load client",
    ]
    of_pushpin = ["", "of a call's CPU in Pushpin, ms:   condure   zurl   proxy   handler"]

    def row(nodes: int, name: str, lambdas: int, called: int, one: Figures) -> None:
        lines.append(
            f"{nodes:5} {lambdas:6} {called:7} {one['rate']:9.0f} {one['p50']:7.1f}"
            f" {one['p99']:7.1f} {one['max']:7.1f} | {one['backend']:22.2f} {one['pushpin']:9.2f}"
            f" {one['nginx']:8.2f} {one['redis']:6.2f} {one['load']:12.2f}{name}"
        )
        of_pushpin.append(
            f"{nodes:5} {lambdas:6} {called:7} {one['condure']:21.2f} {one['zurl']:6.2f}"
            f" {one['pushpin-proxy']:7.2f} {one['pushpin-handler']:9.2f}"
        )

    for nodes, found in results.items():
        figures = summary(found)
        row(nodes, "", FEW, FEW, figures["few"])
        row(nodes, "", many, FEW, figures["same"])
        row(nodes, "", many, many, figures["all"])
        for step in ("same", "all"):
            listed = " ".join(f"{ratio:.2f}" for ratio in ratios(found, step))
            cpu = cost(figures["few"]) / cost(figures[step])
            lines.append(
                f"      {step:4} / few: {median(ratios(found, step)):.2f} (rounds: {listed});"
                f" by CPU per call {cpu:.2f}"
            )
    if pings:
        row(max(results), f"  pings every {_PING_S} s", many, many, summary(pings)["all"])
        failed = sum(one["failed"] for one in pings["all"])
        lines.append(f"      {pings['lost']} hosts lost their connection, {failed} calls failed")
    lines += [*of_pushpin, *_at_rest(results, pings, many), *_each(results, many), ""]
    for target, (value, met) in targets(results, many).items():
        lines.append(f"{'met    ' if met else 'NOT MET'}  {target}: {value:.2f}")
    return "\n".join(lines)


def _at_rest(
    results: Mapping[int, dict[str, Any]], pings: Mapping[str, Any], many: int
) -> list[str]:
    lines = [
        "",
        "at rest: % of a core                        | memory, MB:          | Redis",
        "nodes   open  pings  backends  Pushpins    nginx  Redis | backends  Pushpins    nginx"
        "  Redis | commands/s",
    ]

    def row(nodes: int, lambdas: int, ping: int, one: Figures) -> None:
        memory = (f"{one[f'memory_{kind}'] / 1e6:8.0f}" for kind in stacks.KINDS)
        lines.append(
            f"{nodes:5} {lambdas:6} {ping:4} s {one['backend']:9.1f} {one['pushpin']:9.1f}"
            f" {one['nginx']:8.1f} {one['redis']:6.1f} | {'  '.join(memory)} |"
            f" {one['commands']:8.0f}"
        )

    for nodes, found in results.items():
        row(nodes, FEW, _SELDOM_S, found["rest_few"])
        row(nodes, many, _SELDOM_S, found["rest_many"])
    if pings:
        row(max(results), many, _PING_S, pings["rest"])
    return lines


def _each(results: Mapping[int, dict[str, Any]], many: int) -> list[str]:
    """Return what a lambda and a call take."""
    lines = [
        "",
        "each lambda                                       | each call, to 16 of 16",
        "nodes  opened/s  CPU to open, ms  Pushpin kB  Redis kB | scripts  commands  bytes in"
        "  bytes out",
    ]
    for nodes, found in results.items():
        few, rest = summary(found)["few"], found["rest_few"]
        opening, added = found["opening"], many - FEW
        cpu = sum(opening[kind] for kind in stacks.KINDS) * 1000 / added
        each = {
            name: (found["rest_many"][name] - rest[name]) / added / 1000
            for name in ("memory_pushpin", "used_memory")
        }
        # What the sweeps ask meanwhile is no part of a call.
        asked = {
            name: few[name] - rest[name] / few["rate"]
            for name in ("commands", "bytes_in", "bytes_out")
        }
        lines.append(
            f"{nodes:5} {added / opening['seconds']:9.0f} {cpu:16.2f}"
            f" {each['memory_pushpin']:11.1f} {each['used_memory']:9.2f} | {few['scripts']:7.2f}"
            f" {asked['commands']:9.1f} {asked['bytes_in']:9.0f} {asked['bytes_out']:10.0f}"
        )
    return lines


def targets(results: Mapping[int, dict[str, Any]], many: int) -> dict[str, tuple[float, bool]]:
    """Return the targets, what was measured of each, and whether it is met."""
    nodes = max(results)
    found = {}
    for step, called in (("same", FEW), ("all", many)):
        ratio = median(ratios(results[nodes], step))
        name = f"{nodes} nodes: calls/s to {called} of {many} lambdas / to {FEW} of {FEW}"
        found[f"{name}, at least 0.8"] = (ratio, ratio >= 0.8)
    return found


def ratios(found: Mapping[str, Any], step: str) -> list[float]:
    """Return the rate with many lambdas over that with few, round by round."""
    pairs = zip(found[step], found["few"], strict=True)
    return [many["rate"] / few["rate"] for many, few in pairs]


def cost(figures: Figures) -> float:
    """Return the CPU time of a call in all processes, in ms."""
    return sum(figures[kind] for kind in (*stacks.KINDS, "load"))


def _on_signal(number: int, frame: object) -> None:
    raise SystemExit(128 + number)


@click.command()
@click.option("--nodes", "sizes", type=click.IntRange(1, 16), multiple=True, default=(1, 4))
@click.option("--lambdas", type=click.IntRange(min=100), default=5000, show_default=True)
@click.option("--calls", type=click.IntRange(min=100), default=1000, show_default=True)
@click.option("--rounds", type=click.IntRange(min=1), default=3, show_default=True)
@click.option("--backends", type=click.IntRange(1, 64), default=2, show_default=True)
@click.option("--pings/--no-pings", default=True, help="Measure pings at the default interval.")
@click.option("--json", "path", type=click.Path(path_type=Path), help="Where to keep all figures.")
def main(sizes: tuple[int, ...], path: Path | None, *, pings: bool, **options: int) -> None:
    """Measure clusters with 16 and with thousands of open lambdas, at 32 callers.

    --nodes may be given more than once; it is 1 and 4 otherwise. --calls is per round and row: few
    is all of 16 open lambdas, same is 16 of many, all is many of many. Few and many lambdas are
    open in a cluster each, which are measured in turns.
    """
    signal.signal(signal.SIGTERM, _on_signal)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    results = {nodes: measure(nodes, options) for nodes in sorted(set(sizes))}
    pinged = measure_pings(max(sizes), options) if pings else {}
    many = options["lambdas"]
    click.echo(report(results, pinged, many))
    if path is not None:
        kept = {
            "options": options,
            "nodes": results,
            "summary": {nodes: summary(found) for nodes, found in results.items()},
            "pings": pinged,
            "targets": targets(results, many),
        }
        path.write_bytes(orjson.dumps(kept, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS))


if __name__ == "__main__":
    main()
