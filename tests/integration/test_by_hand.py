"""The folder `pushpin`, started by hand beside `app.py` under another WSGI server."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import requests

from tests.support.clients import Host, call
from tests.support.stack import descendants, ended, free_port, inherited, program_below, wait_until

ROOT = Path(__file__).parents[2]


@contextmanager
def running(command: list[str], log: Path, **options: object) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program until the end of the block, and all that it started."""
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, **options)  # type: ignore[call-overload]
    started = []
    try:
        yield process
    finally:
        started = [process.pid, *descendants(process.pid)]
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        left = [pid for pid in started[1:] if not ended(pid)]
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        process.kill()
        process.wait()
        assert not left, log.read_text()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hand")


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    """Both, on ports that are free."""
    shutil.copytree(ROOT / "pushpin", folder / "p", ignore=shutil.ignore_patterns("run"))
    ports = {port: str(free_port()) for port in ("5560", "5561", "5562", "5563", "7999", "8000")}
    for name in ("pushpin.conf", "routes"):
        path = folder / "p" / name
        path.write_text(re.sub("|".join(ports), lambda at: ports[at[0]], path.read_text()))
    url = f"http://127.0.0.1:{ports['7999']}"
    options = "--workers 2 --threads 1024 --worker-connections 2048 app:app"
    backend = f"{sys.executable} -m gunicorn --bind 127.0.0.1:{ports['8000']} {options}"
    environ = {**inherited(), "GRIP_LAMBDA_DATA": str(folder / "data")}
    with running([str(folder / "p/start")], folder / "pushpin.log") as pushpin:
        wait_until((folder / "p/run/env").exists, what="the key")
        by_shell = ["sh", "-c", f". {folder}/p/run/env && exec {backend}"]
        with running(by_shell, folder / "backend.log", cwd=ROOT, env=environ):
            wait_until(lambda: answers(url), 30, "the start")
            yield url
        # All of them end with any one of them.
        os.kill(program_below(pushpin.pid, "zurl"), signal.SIGKILL)
        assert pushpin.wait(10) == 1


def answers(url: str) -> bool:
    with suppress(requests.RequestException):
        return requests.get(f"{url}/readyz", timeout=5).status_code == 200
    return False


def test_a_call_is_answered_through_it(url: str) -> None:
    with Host(url.replace("http", "ws", 1), lambda method, body: [method, body]) as host:
        answer = call(url, host.id, "greet", '{"hello": "world"}')

        assert (answer.status_code, answer.json()) == (200, ["greet", {"hello": "world"}])


def test_what_takes_longer_is_held_until_its_deadline(url: str) -> None:
    with Host(url.replace("http", "ws", 1), lambda method, body: wait_until(lambda: 0, 3)) as host:
        answer = call(url, host.id, wait=0.5)

        assert (answer.status_code, answer.json()["code"]) == (504, "deadline_exceeded")


def test_its_key_is_one_that_nobody_else_has(url: str, folder: Path) -> None:
    made = [folder / "p/run" / name for name in ("pushpin.conf", "routes", "env", "key")]
    key = made[-1].read_text()

    assert re.fullmatch("[0-9a-f]{64}", key)
    for path in made:
        assert key in path.read_text()
        assert "change-me" not in path.read_text()
        assert path.stat().st_mode & 0o077 == 0
