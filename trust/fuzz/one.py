"""``python -m trust.fuzz.one <target> [options of libFuzzer]``: search one target."""

from __future__ import annotations

import sys
from importlib import import_module

import atheris


def main() -> None:
    name = sys.argv.pop(1)
    with atheris.instrument_imports(include=["grip_lambda"]):
        target = import_module("trust.fuzz.targets").TARGETS[name]
    atheris.Setup(sys.argv, target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
