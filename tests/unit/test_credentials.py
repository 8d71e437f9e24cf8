"""Secrets that are in files."""

from __future__ import annotations

from pathlib import Path

import pytest

from grip_lambda.credentials import NAMES, with_files
from grip_lambda.errors import ConfigError


@pytest.mark.parametrize("name", NAMES)
def test_what_is_in_a_file_is_as_if_it_were_set(tmp_path: Path, name: str) -> None:
    path = tmp_path / "secret"
    path.write_text(" s3cret \n")

    assert with_files({f"{name}_FILE": str(path), "HOME": "/"}) == {name: "s3cret", "HOME": "/"}


def test_an_empty_name_is_none() -> None:
    assert with_files({"GRIP_LAMBDA_SECRET_FILE": ""}) == {}


def test_a_file_beside_the_setting_is_refused(tmp_path: Path) -> None:
    environ = {"GRIP_LAMBDA_SECRET": "a", "GRIP_LAMBDA_SECRET_FILE": str(tmp_path)}
    with pytest.raises(ConfigError, match="not both"):
        with_files(environ)


@pytest.mark.parametrize("content", [b"", b" \n", b"\xff\xfe", b"a\0b"])
def test_a_file_without_text_is_refused_and_not_shown(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "secret"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"must (be|have) text.*\(GRIP_LAMBDA_SECRET_FILE\)"):
        with_files({"GRIP_LAMBDA_SECRET_FILE": str(path)})


def test_a_file_that_is_missing_is_named() -> None:
    with pytest.raises(ConfigError, match=r"/none can't be read: No such file"):
        with_files({"GRIP_LAMBDA_STORE_FILE": "/none"})
