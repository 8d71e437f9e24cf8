"""The units of systemd, as systemd itself checks them."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from grip_lambda.cli import main

UNITS = Path(__file__).parents[2] / "deploy" / "systemd"
SERVICES = sorted(UNITS.glob("*.service"))
PROGRAM = "/opt/grip-lambda/bin/grip-lambda"
#: What systemd counts as medium begins at 5.0; here the limit is 3.0.
MOST_EXPOSED = "30"

pytestmark = pytest.mark.servers


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *arguments], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture(params=SERVICES, ids=lambda path: path.name)
def unit(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A unit whose program is there; of a template an instance."""
    source: Path = request.param
    copy = tmp_path / source.name.replace("@.", "@n1.")
    text = source.read_text()
    assert PROGRAM in text
    copy.write_text(text.replace(PROGRAM, sys.executable))
    return copy


def test_systemd_finds_nothing_wrong_with_a_unit(unit: Path) -> None:
    found = analyze("verify", "--man=no", str(unit))

    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")


def test_a_unit_may_do_hardly_anything_but_serve(unit: Path) -> None:
    found = analyze("security", "--offline=true", f"--threshold={MOST_EXPOSED}", str(unit))

    assert found.returncode == 0, found.stdout
    assert re.search(r"exposure level for .*: \d\.\d", found.stdout)


def test_a_unit_that_may_do_anything_would_be_found(tmp_path: Path) -> None:
    bare = tmp_path / "bare.service"
    bare.write_text(f"[Service]\nExecStart={sys.executable}\n")

    assert analyze("security", "--offline=true", "--threshold=30", str(bare)).returncode != 0


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.name)
def test_a_unit_starts_a_command_that_there_is(path: Path) -> None:
    (line,) = re.findall(r"^ExecStart=(.*)$", path.read_text(), re.MULTILINE)
    program, name, *options = shlex.split(line)

    assert program == PROGRAM
    command = main.get_command(click.Context(main), name)
    assert command is not None
    known = {one for parameter in command.params for one in parameter.opts}
    assert {one for one in options if one.startswith("--")} <= known


def test_there_is_a_unit_for_each_part() -> None:
    assert [path.name for path in SERVICES] == [
        "grip-lambda-backend.service",
        "grip-lambda-front.service",
        "grip-lambda-pushpin@.service",
    ]
