"""What is kept is for its owner only, and nothing else is changed."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from grip_lambda.private import make_private
from grip_lambda.settings import kept_secret


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_folder_is_made_for_its_owner(tmp_path: Path) -> None:
    kept_secret(tmp_path / "data" / "secret")

    assert (mode(tmp_path / "data"), mode(tmp_path / "data" / "secret")) == (0o700, 0o600)


def test_one_that_is_there_is_closed_with_what_is_in_it(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    names = ["secret", "sig-key", "keys.json", "grip-lambda.db", "grip-lambda.db-wal", "lock"]
    for name in names:
        (tmp_path / name).touch(0o644)

    make_private(tmp_path)

    assert mode(tmp_path) == 0o700
    assert {mode(tmp_path / name) for name in names} == {0o600}


@pytest.mark.parametrize("other", ["report.txt", "secrets"])
def test_one_that_is_used_for_other_things_keeps_its_mode(tmp_path: Path, other: str) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "secret").touch(0o644)
    (tmp_path / other).touch(0o644)

    make_private(tmp_path)

    assert mode(tmp_path) == 0o755
    assert (mode(tmp_path / "secret"), mode(tmp_path / other)) == (0o600, 0o644)


def test_what_a_link_leads_to_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "file").touch(0o644)
    (tmp_path / "data" / "secret").symlink_to(tmp_path / "file")

    make_private(tmp_path / "data")

    assert mode(tmp_path / "file") == 0o644
