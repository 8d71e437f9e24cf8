"""What an installed package has."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import grip_lambda
from tools import bundle

ROOT = Path(__file__).parents[2]


def test_everything_that_is_not_python_comes_along(tmp_path: Path) -> None:
    """The JavaScript library, too, whose files are those of clients/js."""
    setup = "from setuptools import setup; setup()"
    build = f"egg_info --egg-base {tmp_path} build_py --build-lib {tmp_path}/built"
    program = [sys.executable, "-c", setup, *build.split()]

    subprocess.run(program, cwd=ROOT, check=True, capture_output=True)

    package = ROOT / "grip_lambda"
    built = tmp_path / "built" / "grip_lambda"
    expected = [path for path in package.rglob("*") if path.is_file() and "__" not in str(path)]
    expected += (package / "web/static/grip-lambda").iterdir()
    assert len(expected) > 80
    for path in expected:
        copy = built / path.relative_to(package)
        assert copy.read_bytes() == path.read_bytes(), path
        assert not copy.is_symlink()


def test_both_packages_are_one_version_under_one_licence() -> None:
    package = json.loads((ROOT / "clients/js/package.json").read_text())

    assert package["version"] == grip_lambda.__version__
    assert package["license"] == "MIT"
    assert (ROOT / "clients/js/LICENSE").read_text() == (ROOT / "LICENSE").read_text()


def test_the_bundle_is_of_the_modules_as_they_are() -> None:
    assert bundle.BUNDLE.read_text().startswith(bundle.header()), "run `make bundle`"


def test_cleaning_up_keeps_the_secrets_and_purging_does_not(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text((ROOT / "Makefile").read_text())
    for folder in ("data", "build", ".venv"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "file").touch()

    subprocess.run(["make", "clean"], cwd=tmp_path, check=True, capture_output=True)
    assert {path.name for path in tmp_path.iterdir()} == {"Makefile", "data"}

    subprocess.run(["make", "purge"], cwd=tmp_path, check=True, capture_output=True)
    assert {path.name for path in tmp_path.iterdir()} == {"Makefile"}


def test_what_takes_long_is_announced(tmp_path: Path) -> None:
    """As it happens: each command that may take seconds comes after a line that says so."""
    (tmp_path / "Makefile").write_text((ROOT / "Makefile").read_text())
    (tmp_path / "pyproject.toml").touch()
    pushpin = tmp_path / "pushpin"
    pushpin.write_text("#!/bin/sh\n")
    pushpin.chmod(0o755)
    made = 'mkdir -p .venv/bin; [ -e .venv/bin/python ] || cp "$0" .venv/bin/python'
    (tmp_path / "python").write_text(f"#!/bin/sh\n{made}\n")
    (tmp_path / "python").chmod(0o755)
    environ = {"PATH": f"{tmp_path}:/usr/bin:/bin"}

    said = subprocess.run(
        ["make", "run", f"PYTHON={tmp_path}/python"],
        cwd=tmp_path,
        env=environ,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()

    assert said == [
        "making the virtual environment .venv ...",
        "installing what the server needs into .venv ...",
    ]
