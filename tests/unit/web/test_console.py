"""The console's files: what they are, what they weigh, and what they may not do."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
STATIC = ROOT / "grip_lambda" / "web" / "static"
CONSOLE, VENDOR = STATIC / "console", STATIC / "vendor"
LIMIT = 150_000


def test_the_libraries_are_those_that_are_pinned() -> None:
    pins = json.loads((ROOT / "tools" / "vendor.json").read_text())

    found = {one.name: hashlib.sha256(one.read_bytes()).hexdigest() for one in VENDOR.iterdir()}

    assert found == pins["sha256"]
    for package in pins["packages"]:
        assert f"{package['name']}.LICENSE" in found
        for name in package["files"].values():
            if not name.endswith(".LICENSE"):
                head = (VENDOR / name).read_text()[:100]
                assert f"{package['name']} {package['version']}, {package['licence']}" in head


def test_the_console_weighs_little() -> None:
    served = [*CONSOLE.iterdir(), *VENDOR.glob("*.*s"), *(STATIC / "grip-lambda").glob("*.js")]

    assert sum(len(gzip.compress(one.read_bytes(), 6)) for one in served) < LIMIT


@pytest.mark.parametrize("file", sorted(CONSOLE.iterdir()), ids=lambda one: one.name)
def test_nothing_of_a_client_becomes_markup_and_nothing_comes_from_elsewhere(file: Path) -> None:
    text = file.read_text()

    assert text.count("\n") < 300
    for word in ("innerHTML", "outerHTML", "insertAdjacent", "dangerouslySet", "document.write"):
        assert word not in text
    # Below a prefix an address from the root leads elsewhere.
    assert not re.search(r'(?:href|src|fetch\(|api\()[="`(]*"?/', text)
    assert not re.search(r"\bstyle=|\son[a-z]+=\"|<style", text)
    for imported in re.findall(r'(?:from|import) "([^"]+)"', text):
        if "grip_lambda" not in imported and file.suffix == ".js":
            assert imported.startswith(("./", "../")), imported
