"""The JavaScript library in Node and Deno: tests/node, against the real stack."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin

import pytest
import requests
import trustme

from tests.support.keys import KeyedStack
from tests.support.stack import Stack

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / "clients" / "js"
NODE_TESTS = ROOT / "tests" / "node"
TOOLS = NODE_TESTS / "node_modules" / ".bin"
DENO = Path(sys.executable).with_name("deno")


class Running:
    """A program that runs while other tests do."""

    def __init__(
        self, *command: str | Path, cwd: Path = NODE_TESTS, environ: dict[str, str] | None = None
    ) -> None:
        assert shutil.which("node"), "Node is missing; `make test` installs it"
        assert TOOLS.is_dir(), "run `npm ci --prefix tests/node`"
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("GRIP_")}
        self._process = subprocess.Popen(
            [str(word) for word in command],
            cwd=cwd,
            env={**inherited, "NO_COLOR": "1", **(environ or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def end(self) -> str:
        """Wait for its end; return what it printed. Fails if it did."""
        try:
            told, complaints = self._process.communicate(timeout=60)
        finally:
            self.kill()
        assert self._process.returncode == 0, told[-8000:] + complaints[-4000:]
        return told

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


def run(*command: str | Path, cwd: Path) -> str:
    return Running(*command, cwd=cwd).end()


@pytest.fixture(scope="module")
def programs(
    stack: Stack, keyed: KeyedStack, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Running]]:
    """The tests in other languages, all at once: they wait more than they work."""
    folder = tmp_path_factory.mktemp("tls")
    certificate = trustme.CA().issue_cert("127.0.0.1")
    certificate.private_key_pem.write_to_path(str(folder / "key"))
    certificate.cert_chain_pems[0].write_to_path(str(folder / "cert"))
    servers = {
        "TLS_KEY": str(folder / "key"),
        "TLS_CERT": str(folder / "cert"),
        "GRIP_LAMBDA_URL": stack.url,
        "KEYED_URL": keyed.url,
        **{f"KEY_{name.upper()}": key for name, key in keyed.keys.items()},
    }
    core = ("core.test.mjs", "vectors.test.mjs")
    ours = ("stack.test.mjs", "odd.test.mjs")
    quick = ("--test", "--test-timeout=50000")
    deno = ("test", "-A", "--no-check")
    running = {
        "node": Running("node", *quick, *ours, "hasty.test.mjs", environ=servers),
        "deno": Running(DENO, *deno, *core, *ours, "console.test.mjs", environ=servers),
        "core": Running("node", *quick, *core),
        "types": Running(TOOLS / "tsc", "--project", "tsconfig.json"),
    }
    yield running
    for one in running.values():
        one.kill()


def test_the_package_has_what_it_needs(programs: dict[str, Running], tmp_path: Path) -> None:
    npm = ("npm", "--silent", "--cache", tmp_path / "cache", "--no-update-notifier")
    (packed,) = json.loads(run(*npm, "pack", "--json", "--pack-destination", tmp_path, cwd=LIBRARY))
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "program.js").write_text(
        'import { Client, Host } from "grip-lambda"; console.log(Client.name, Host.name)'
    )

    run(*npm, "install", "--offline", "--no-audit", tmp_path / packed["filename"], cwd=tmp_path)

    assert run("node", "program.js", cwd=tmp_path) == "Client Host\n"
    files = {one["path"] for one in packed["files"]}
    assert {path.name for path in LIBRARY.iterdir() if path.is_file()} == {
        path for path in files if "/" not in path
    }
    sources = {f"grip-lambda/{path.name}" for path in (LIBRARY / "grip-lambda").iterdir()}
    assert {path for path in files if "/" in path} == sources


def test_pages_anywhere_can_import_it(stack: Stack) -> None:
    for path in (str(one.relative_to(LIBRARY)) for one in LIBRARY.rglob("*.js")):
        response = requests.get(f"{stack.url}/{path}", timeout=10)

        assert response.status_code == 200, path
        assert response.headers["Content-Type"] == "text/javascript; charset=utf-8"
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        assert response.content == (LIBRARY / path).read_bytes()


def test_its_types_are_beside_it(stack: Stack) -> None:
    library = requests.get(f"{stack.url}/grip-lambda.js", timeout=10)
    types = requests.get(urljoin(library.url, library.headers["X-TypeScript-Types"]), timeout=10)

    assert types.headers["Content-Type"] == "application/typescript; charset=utf-8"
    assert types.headers["Access-Control-Allow-Origin"] == "*"
    assert types.content == (LIBRARY / "grip-lambda.d.ts").read_bytes()


@pytest.mark.parametrize("name", ["none.js", "..%2f..%2fpages.js", "%2e%2e/grip-lambda.js"])
def test_nothing_else_is_served_there(stack: Stack, name: str) -> None:
    response = requests.get(f"{stack.url}/grip-lambda/{name}", timeout=10)

    assert response.status_code in (400, 404)
    assert response.json()["code"] in ("bad_request", "not_found")


def test_its_core(programs: dict[str, Running]) -> None:
    assert "\n# fail 0\n" in programs["core"].end()


def test_in_node(programs: dict[str, Running]) -> None:
    assert "\n# fail 0\n" in programs["node"].end()


def test_in_deno(programs: dict[str, Running]) -> None:
    assert "| 0 failed" in programs["deno"].end()


def test_its_declarations_fit_programs(programs: dict[str, Running]) -> None:
    programs["types"].end()
