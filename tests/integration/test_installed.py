"""The wheel and the sdist in an empty environment: what they bring, and what they say."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import venv
from pathlib import Path

import pytest

from tests.support.stack import Stack

ROOT = Path(__file__).parents[2]
SERVERS = {"flask", "granian", "pyzmq", "redis", "prometheus-client", "requests"}
#: What is no source: it is made of them, or grows as they run.
UNTRACKED = (".git", ".venv", "build", "data", "node_modules", "run", "*.egg-info", ".*_cache")
PROGRAM = """
from grip_lambda.client import Client, Host

host = Host("{url}")


@host.method
def more(body):
    return body + 1


with host, Client("{url}") as client:
    print(client.call(host.id, "more", 1))
"""


def ran(*command: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a program without the settings of these tests."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("GRIP_", "PYTHON"))}
    return subprocess.run(
        [str(word) for word in command],
        check=False,
        cwd=cwd,
        env=environ,
        capture_output=True,
        text=True,
        timeout=100,
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel that is built from it alone."""
    folder = tmp_path_factory.mktemp("dist")
    sources = folder / "sources"
    shutil.copytree(ROOT, sources, symlinks=True, ignore=shutil.ignore_patterns(*UNTRACKED))
    done = ran(sys.executable, "-m", "build", "--outdir", folder, sources)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def environment(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment that has the wheel, without any extra."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    (wheel,) = made.glob("*.whl")
    pip = [folder / "bin/python", "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    assert ran(*pip, wheel).returncode == 0
    return folder / "bin"


def test_it_brings_nothing_of_the_server(environment: Path) -> None:
    command = [environment / "python", "-m", "pip", "list", "--format=freeze"]
    packages = {line.partition("==")[0].lower() for line in ran(*command).stdout.splitlines()}

    assert "grip-lambda" in packages
    assert len(packages) < 25
    assert not packages & SERVERS


def test_hosts_callers_and_commands_work(environment: Path, stack: Stack, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.format(url=stack.url))

    done = ran(environment / "python", program, cwd=tmp_path)
    assert (done.stdout, done.stderr) == ("2\n", "")
    listed = ran(environment / "grip-lambda", "list", "--json", "--url", stack.url, cwd=tmp_path)
    assert listed.returncode == 0
    for name in ("--help", "host --help", "mcp --help", "keys --help", "doctor --help"):
        assert ran(environment / "grip-lambda", *name.split()).returncode == 0, name


@pytest.mark.parametrize(
    ("command", "extra"), [("serve", "server"), ("cluster", "redis")], ids=["serve", "cluster"]
)
def test_what_is_missing_has_a_name(
    environment: Path, tmp_path: Path, command: str, extra: str
) -> None:
    done = ran(environment / "grip-lambda", command, cwd=tmp_path)

    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"grip-lambda: `{command}` needs ")
    assert line.endswith(f"pip install 'grip-lambda[{extra}]'")
    imported = ran(environment / "python", "-c", "import grip_lambda.faas")
    assert "pip install 'grip-lambda[faas]'" in imported.stderr.splitlines()[-1]


def test_the_sdist_has_the_sources_of_the_javascript_library(made: Path) -> None:
    (sdist,) = made.glob("*.tar.gz")
    with tarfile.open(sdist) as tar:
        names = {name.partition("/")[2] for name in tar.getnames()}

    assert {"LICENSE", "README.md", "grip_lambda/web/static/grip-lambda/host.js"} <= names
