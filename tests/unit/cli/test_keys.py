"""`grip-lambda keys`, on files alone."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from grip_lambda.cli import main
from grip_lambda.hub.access import KeyRing
from grip_lambda.protocol import keys

Run = Callable[..., Result]


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {
        "GRIP_LAMBDA_API_KEYS": str(tmp_path / "keys.json"),
        "GRIP_LAMBDA_DATA": str(tmp_path / "data"),
        "GRIP_LAMBDA_SECRET": "s3cret",
    }


@pytest.fixture
def run(environ: dict[str, str]) -> Run:
    def start(*arguments: str, **changed: str) -> Result:
        return CliRunner().invoke(main, ["keys", *arguments], env=environ | changed)

    return start


def failed(done: Result) -> str:
    assert done.exit_code == 2
    assert done.stdout == ""
    assert done.stderr.startswith("grip-lambda: ")
    assert done.stderr.count("\n") == 1
    return done.stderr


def ring(environ: dict[str, str]) -> KeyRing:
    return KeyRing(Path(environ["GRIP_LAMBDA_API_KEYS"]), b"s3cret")


def test_a_key_is_printed_once_and_taken(run: Run, environ: dict[str, str]) -> None:
    added = run("add", "laptop")

    key = ring(environ).find(added.stdout.removesuffix("\n"))
    assert key is not None
    assert (key.name, key.may, key.lambdas_of) == ("laptop", frozenset(keys.USUAL_RIGHTS), None)
    assert added.stdout.strip() not in added.stderr
    assert key.id in run("list").stdout
    assert added.stdout[20:].strip() not in run("list").stdout + run("list", "--json").stdout


def test_a_key_has_the_rights_that_are_named(run: Run, environ: dict[str, str]) -> None:
    first = ring_key(environ, run("add", "first", "--may", "host").stdout)
    second = ring_key(
        environ, run("add", "second", "--may", "call, list", "--lambdas-of", "first").stdout
    )
    third = ring_key(
        environ,
        run("add", "third", "--may", "call", "--may", "host", "--own-lambdas").stdout,
    )

    assert first.may == {"host"}
    assert second.may == {"call", "list"}
    assert second.lambdas_of == frozenset([first.id])
    assert third.may == {"call", "host"}
    assert third.lambdas_of == frozenset()
    table = [line.split() for line in run("list").stdout.splitlines()]
    assert table[1][:5] == ["first", first.id, "host", "all", "keys"]
    assert table[2][:4] == ["second", second.id, "call,list", "itself,first"]
    assert table[3][:4] == ["third", third.id, "host,call", "itself"]
    run("revoke", "first")
    assert f"itself,{first.id} (revoked)" in run("list").stdout


def ring_key(environ: dict[str, str], text: str) -> keys.Key:
    found = ring(environ).find(text.strip())
    assert found is not None
    return found


def test_a_key_is_revoked_by_its_name_or_its_id(run: Run, environ: dict[str, str]) -> None:
    texts = [run("add", name).stdout.strip() for name in ("first", "second", "third")]
    second = ring_key(environ, texts[1])

    assert run("revoke", "first").stdout.startswith("first (")
    assert run("revoke", second.id).stdout == f"second ({second.id}) is revoked\n"

    assert [ring(environ).find(text) is None for text in texts] == [True, True, False]
    assert "there is no key first" in failed(run("revoke", "first"))


def test_what_makes_no_sense_is_one_line_and_changes_nothing(
    run: Run, environ: dict[str, str]
) -> None:
    run("add", "laptop")
    path = Path(environ["GRIP_LAMBDA_API_KEYS"])
    before = path.read_bytes()

    assert "already" in failed(run("add", "laptop"))
    assert "a name is" in failed(run("add", "a b"))
    assert "a name is" in failed(run("add", ""))
    assert "rights are" in failed(run("add", "other", "--may", "fly"))
    assert "no key desktop" in failed(run("add", "other", "--lambdas-of", "desktop"))
    assert path.read_bytes() == before
    path.write_text("{")
    for arguments in (["list"], ["add", "other"], ["revoke", "laptop"]):
        assert str(path) in failed(run(*arguments))
    assert path.read_text() == "{"
    assert "can't be used" in failed(run("list", GRIP_LAMBDA_API_KEYS="/nowhere/keys.json"))


def test_the_file_is_for_its_owner_alone(run: Run, environ: dict[str, str]) -> None:
    path = Path(environ["GRIP_LAMBDA_API_KEYS"])
    mask = os.umask(0)
    try:
        run("add", "first")
        path.chmod(0o644)
        run("add", "second")
    finally:
        os.umask(mask)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in path.parent.iterdir() if one.name != "data"] == ["keys.json"]


def test_a_link_to_the_file_stays_one(run: Run, environ: dict[str, str], tmp_path: Path) -> None:
    run("add", "first")
    link = tmp_path / "link.json"
    link.symlink_to(environ["GRIP_LAMBDA_API_KEYS"])

    run("add", "second", GRIP_LAMBDA_API_KEYS=str(link))

    assert link.is_symlink()
    assert len(ring(environ)) == 2


def test_without_a_setting_the_file_is_in_the_data_folder(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "data" / "keys.json"

    added = run("add", "first", GRIP_LAMBDA_API_KEYS="", GRIP_LAMBDA_SECRET="")

    assert f"GRIP_LAMBDA_API_KEYS={path}" in added.stderr
    made = KeyRing(path, (tmp_path / "data" / "secret").read_bytes())
    key = made.find(added.stdout.strip())
    assert key is not None
    assert made.secret_of(key.id) == added.stdout.strip()[20:]
    other = tmp_path / "other.json"
    assert run("add", "first", "--file", str(other)).exit_code == 0
    assert json.loads(run("list", "--json", "--file", str(other)).stdout)[0]["name"] == "first"


def test_many_who_add_at_once_lose_none(environ: dict[str, str]) -> None:
    adding = [
        subprocess.Popen(
            [sys.executable, "-m", "grip_lambda", "keys", "add", f"key-{n}"],
            env=os.environ | environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for n in range(4)
    ]
    texts = [one.communicate(timeout=20)[0].strip() for one in adding]

    found = [ring_key(environ, text).name for text in texts]

    assert found == [f"key-{n}" for n in range(4)]
    assert len(ring(environ)) == 4
