"""The JavaScript library in Node and Deno: tests/node, against the real stack."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.support.stack import Stack

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / "clients" / "js"
NODE_TESTS = ROOT / "tests" / "node"
TOOLS = NODE_TESTS / "node_modules" / ".bin"
DENO = Path(sys.executable).with_name("deno")


@pytest.fixture(scope="module")
def pinging(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that pings its hosts every second."""
    running = Stack(tmp_path_factory.mktemp("pinging"), GRIP_LAMBDA_PING="1")
    yield running
    running.stop()


def run(*command: str | Path, cwd: Path = NODE_TESTS, **environ: str) -> str:
    """Run a program to its end; return what it printed. Fails if it does."""
    assert shutil.which("node"), "Node is missing; `make test` installs it"
    assert TOOLS.is_dir(), "run `npm ci --prefix tests/node`"
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("GRIP_")}
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**inherited, "NO_COLOR": "1", **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-4000:]
    return done.stdout


def test_its_core() -> None:
    told = run("node", "--test", "core.test.mjs", "vectors.test.mjs")

    assert "\n# fail 0\n" in told


def test_in_node(pinging: Stack) -> None:
    names = ["stack.test.mjs", "silence.test.mjs"]

    told = run("node", "--test", *names, GRIP_LAMBDA_URL=pinging.url)

    assert "\n# fail 0\n" in told


def test_in_deno(pinging: Stack) -> None:
    names = ["core.test.mjs", "vectors.test.mjs", "stack.test.mjs"]

    told = run(DENO, "test", "-A", "--no-check", *names, GRIP_LAMBDA_URL=pinging.url)

    assert "| 0 failed" in told


def test_its_declarations_fit_programs() -> None:
    run(TOOLS / "tsc", "--project", "tsconfig.json")


def test_the_package_has_what_it_needs(tmp_path: Path) -> None:
    npm = ("npm", "--silent", "--cache", tmp_path / "cache", "--no-update-notifier")
    (packed,) = json.loads(run(*npm, "pack", "--json", "--pack-destination", tmp_path, cwd=LIBRARY))
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "program.js").write_text(
        'import { Client, Host } from "grip-lambda"; console.log(Client.name, Host.name)'
    )

    run(*npm, "install", "--offline", "--no-audit", tmp_path / packed["filename"], cwd=tmp_path)

    assert run("node", "program.js", cwd=tmp_path) == "Client Host\n"
    files = {one["path"] for one in packed["files"]}
    assert {"README.md", "package.json", "grip-lambda.js", "grip-lambda.d.ts"} < files
    sources = {f"grip-lambda/{path.name}" for path in (LIBRARY / "grip-lambda").iterdir()}
    assert {path for path in files if "/" in path} == sources


def test_pages_anywhere_can_import_it(stack: Stack) -> None:
    for path in ["grip-lambda.js", *(f"grip-lambda/{one.name}" for one in LIBRARY.glob("*/*.js"))]:
        response = requests.get(f"{stack.url}/{path}", timeout=10)

        assert response.status_code == 200, path
        assert response.headers["Content-Type"] == "text/javascript; charset=utf-8"
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        assert response.content == (LIBRARY / path).read_bytes()


@pytest.mark.parametrize("name", ["none.js", "..%2f..%2fpages.js", "%2e%2e/grip-lambda.js"])
def test_nothing_else_is_served_there(stack: Stack, name: str) -> None:
    response = requests.get(f"{stack.url}/grip-lambda/{name}", timeout=10)

    assert response.status_code == 404
