"""The record of what changed who may do what."""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path
from typing import Any

import pytest

from grip_lambda import audit
from grip_lambda.audit import Audit


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_each_thing_is_a_line_of_what_who_and_where(tmp_path: Path) -> None:
    path = tmp_path / "audit"
    for one in (Audit(path), Audit(path)):
        one.note("key added", key="by", client="127.0.0.1", id="made", may=["call"], comment=None)

    first, second = lines(path)
    assert first.pop("time") <= second["time"]
    assert first == {
        **{"what": "key added", "key": "by", "client": "127.0.0.1", "id": "made"},
        "may": ["call"],
    }
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_that_was_moved_away_is_begun_anew(tmp_path: Path) -> None:
    one = Audit(tmp_path / "audit")
    one.note("first")
    (tmp_path / "audit").rename(tmp_path / "old")
    one.note("second")

    assert [line["what"] for line in lines(tmp_path / "old") + lines(tmp_path / "audit")] == [
        *("first", "second")
    ]


def test_refusals_don_t_fill_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(time, "time", lambda: now[0])
    one = Audit(tmp_path / "audit")
    for _ in range(audit._REFUSALS + 500):
        one.refused("forbidden", client="c", method="GET", path="/" + "x" * 9999)
    now[0] += 1
    one.refused("unauthorized", client="c", method="GET", path="/lambda")

    written = lines(tmp_path / "audit")
    assert len(written) == audit._REFUSALS + 2
    assert written[-2]["count"] == 500
    assert (written[-1]["code"], written[-1]["path"]) == ("unauthorized", "/lambda")
    assert (tmp_path / "audit").stat().st_size < 400 * len(written)


def test_what_can_t_be_written_is_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        Audit(tmp_path / "no" / "audit").note("key revoked", id="gone")

    assert "can't be written" in caplog.text
    assert '"id":"gone"' in caplog.text


def test_without_a_file_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Audit().note("key added")
    Audit().refused("forbidden", client="", method="GET", path="/")

    assert not list(tmp_path.iterdir())
