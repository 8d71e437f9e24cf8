"""What an installed package has."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

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
