"""Figures that nobody measured."""

from __future__ import annotations

from bench.peers.figures import Measured, Results, Round


def one(rate: float, *, errors: int = 0, lost: int = 0) -> Round:
    return Round(
        rate=rate, p50=1000 / rate, p99=3000 / rate, calls=100, errors=errors, lost=lost, cpu=0.5
    )


def entry(key: str, kind: str, *by_level: list[Round], unavailable: str | None = None) -> Measured:
    rounds = dict(zip((1, 32), by_level, strict=False))
    return Measured(key, key.title(), kind, f"how {key} does it", unavailable, rounds)


def results(*entries: Measured, others: float = 0.02) -> Results:
    return Results(
        date="2026-01-02",
        machine="a machine",
        others=others,
        versions={"Python": "3.11"},
        hosts=16,
        rounds=3,
        seconds=4,
        entries=list(entries),
    )


def whole() -> Results:
    return results(
        entry("front", "product", unavailable="there is none"),
        entry("pushpin", "product", [one(50), one(60), one(40)], [one(80, errors=2, lost=3)] * 3),
        entry("held", "floor", [one(100), one(60), one(40)], [one(160)] * 3),
        entry("direct", "floor", [one(200)] * 3, [one(400)] * 3),
        entry("peer", "peer", [one(100)] * 3, [one(1600)] * 3),
    )
