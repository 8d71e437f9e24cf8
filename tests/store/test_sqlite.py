"""What is peculiar to the embedded store."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from grip_lambda.errors import StoreError
from grip_lambda.store import open_store


def test_three_slashes_are_relative_and_four_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    open_store("sqlite:///a/relative.db").close()
    open_store(f"sqlite:///{tmp_path}/b/absolute.db").close()

    assert (tmp_path / "a" / "relative.db").exists()
    assert (tmp_path / "b" / "absolute.db").exists()


def test_the_file_of_an_earlier_version_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE lambdas (id TEXT)")
        db.execute("PRAGMA user_version = 1")

    store = open_store(f"sqlite:///{path}")

    assert store.list_lambdas(0.0) == []
    store.close()


def test_the_file_of_a_later_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 99")

    with pytest.raises(StoreError, match="version 99"):
        open_store(f"sqlite:///{path}")


def test_what_is_no_database_is_out_of_reach(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.write_bytes(b"hello" * 1000)

    with pytest.raises(StoreError):
        open_store(f"sqlite:///{path}")


def test_a_folder_that_cannot_be_made_is_out_of_reach(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(StoreError):
        open_store(f"sqlite:///{tmp_path}/file/store.db")
