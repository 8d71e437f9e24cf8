"""What the command line makes of addresses and bodies."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest

import grip_lambda
from grip_lambda import client
from grip_lambda.cli.addresses import Target, target_of
from grip_lambda.cli.bodies import body_of

ID = "EHNFvAiBioATCzw4"
URL = "http://localhost:7999"


@pytest.mark.parametrize(
    ("address", "target"),
    [
        (ID, Target(URL, ID)),
        (f"{ID}/greet", Target(URL, ID, "greet")),
        (f"{ID}/a%20b", Target(URL, ID, "a b")),
        ("service/weather", Target(URL, "service/weather")),
        ("service/weather/at", Target(URL, "service/weather", "at")),
        (f"{URL}/lambda/{ID}", Target(URL, ID)),
        (f"{URL}/lambda/{ID}/greet", Target(URL, ID, "greet")),
        (f"{URL}/lambda/{ID}/?x=1#y", Target(URL, ID)),
        (f"{URL}/service/lambda/at", Target(URL, "service/lambda", "at")),
        (f"{URL}/service/weather/at", Target(URL, "service/weather", "at")),
        (f"{URL}/lambda/a/lambda/{ID}/m", Target(f"{URL}/lambda/a", ID, "m", True)),
        (f"https://a.example/b/lambda/{ID}/x", Target("https://a.example/b", ID, "x", True)),
        (f"http://u:p@a.example/lambda/{ID}", Target("http://u:p@a.example", ID, None, True)),
    ],
)
def test_addresses(address: str, target: Target) -> None:
    assert target_of(URL, address) == target


@pytest.mark.parametrize(
    "address",
    [
        *("", "/", "x", ID[:15], f"{ID}a", f"{ID}/a/b", "service", "service/", "service/1"),
        *("service/a/b/c", f"{URL}/{ID}", f"{URL}/lambda", f"{URL}/lambda/{ID}/a/b", "http://"),
        *("http://x:y/lambda/a", f"ftp://x/lambda/{ID}", f"://lambda/{ID}", f"{URL}/service/a/b/c"),
        *(f"http:///lambda/{ID}", "http://[/lambda/x"),
    ],
)
def test_addresses_that_are_none(address: str) -> None:
    with pytest.raises(click.UsageError):
        target_of(URL, address)


@pytest.mark.parametrize(
    ("items", "body"),
    [
        (["1"], 1),
        (['"a=b"'], "a=b"),
        (['{"a": 1}'], {"a": 1}),
        (["name=Oslo", "n:=3"], {"name": "Oslo", "n": 3}),
        (["a:b=c:=d", "e=", "f:=[1, null]"], {"a:b": "c:=d", "e": "", "f": [1, None]}),
        (["-5"], -5),
        (["é=ü", "x==y"], {"é": "ü", "x": "=y"}),
    ],
)
def test_bodies(items: list[str], body: Any) -> None:
    assert body_of(items, None) == body


def test_bodies_of_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "body.json").write_text('{"é": 1}', encoding="utf-8")
    (tmp_path / "latin").write_bytes(b"\xe9")
    monkeypatch.chdir(tmp_path)

    assert body_of(["@body.json"], None) == {"é": 1}
    assert body_of([], "@body.json") == {"é": 1}
    members = {"text": '{"é": 1}', "json": {"é": 1}}
    assert body_of(["text=@body.json", "json:=@body.json"], None) == members
    for name in ("latin", "missing", ".", ""):
        with pytest.raises(click.UsageError):
            body_of([f"@{name}"], None)


@pytest.mark.parametrize(
    ("text", "body"), [(b"", None), (b" \n", None), (b"null", None), (b"[1]", [1])]
)
def test_bodies_of_standard_input(monkeypatch: pytest.MonkeyPatch, text: bytes, body: Any) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
    assert body_of([], None) == body
    monkeypatch.setattr(sys, "stdin", None)
    assert body_of([], None) is None


@pytest.mark.parametrize(
    ("items", "why"),
    [
        (["Oslo"], "for an object write name=text or name:=JSON, for a file @name"),
        (["{"], "the body is not JSON"),
        (["n:=x"], "the value of n is not JSON"),
        (["a=1", "a=2"], "the body has 'a' twice"),
        (["a=1", "{}"], "'{}' is no member of a body"),
        (["[" * 100_000], "the body is not JSON"),
    ],
)
def test_bodies_that_make_no_sense(items: list[str], why: str) -> None:
    with pytest.raises(click.UsageError) as told:
        body_of(items, None)
    assert why in str(told.value.message)


def test_a_body_is_given_once() -> None:
    with pytest.raises(click.UsageError, match="not both"):
        body_of(["a=1"], "{}")


def test_a_call_imports_only_what_it_needs() -> None:
    code = "import sys; from grip_lambda.cli import main; main(['call', '--help'])"
    needless = ["rich", "pygments", "websockets", "flask", "zmq", "grip_lambda.client.hosts"]
    program = f"try:\n {code}\nfinally:\n print([n for n in {needless} if n in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )

    assert done.stdout.splitlines()[-1] == "[]"


def test_every_name_of_the_library_is_found() -> None:
    for package in (grip_lambda, client):
        for name in package.__all__:
            assert callable(getattr(package, name))
        assert set(package.__all__) <= set(dir(package))
        with pytest.raises(AttributeError):
            _ = package.nothing
