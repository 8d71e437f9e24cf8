"""``python -m bench`` lists the benchmarks."""

from __future__ import annotations

from importlib import import_module

#: Modules here that are started with ``python -m``; the first lines of their docstrings are shown.
BENCHMARKS = ("calls", "cluster", "large", "memory", "peers", "repeats", "streams", "watching")


def main() -> None:
    for name in BENCHMARKS:
        said = import_module(f"bench.{name}").__doc__ or ""
        print(f"python -m bench.{name:9} {said.splitlines()[0]}")
    print("\nEach takes --help.")


if __name__ == "__main__":
    main()
