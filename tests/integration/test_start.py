"""The start: what it refuses, where it listens, what it leaves behind."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import requests

from tests.integration.conftest import StackFactory
from tests.support.clients import call
from tests.support.stack import (
    READY_S,
    Stack,
    descendants,
    ended,
    free_port,
    inherited,
    parent,
    wait_until,
)

SERVE = [sys.executable, "-m", "grip_lambda", "serve"]


def refused(folder: Path, **environ: str) -> str:
    """Start it with settings that it refuses; return the one line that it says."""
    given = {"PORT": str(free_port()), "GRIP_LAMBDA_DATA": str(folder / "data"), **environ}
    done = subprocess.run(
        SERVE,
        env={**inherited(), **given},
        capture_output=True,
        encoding="utf-8",
        errors="backslashreplace",
        timeout=20,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    return done.stderr


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"GRIP_LAMBDA_ORIGINS": "https://*.example"}, "GRIP_LAMBDA_ORIGINS"),
        ({"GRIP_LAMBDA_STORE": "mysql://x"}, "GRIP_LAMBDA_STORE"),
        ({"GRIP_LAMBDA_STORE": "redis://h/0?socket_timeout=x"}, "GRIP_LAMBDA_STORE"),
        ({"GRIP_LAMBDA_API_KEYS": ""}, "GRIP_LAMBDA_API_KEYS"),
        ({"GRIP_LAMBDA_API_KEYS": "/"}, "GRIP_LAMBDA_API_KEYS"),
        ({"GRIP_LAMBDA_SECRET": "\udcff"}, "GRIP_LAMBDA_SECRET"),
        ({"GRIP_LAMBDA_DATA": "/dev/null"}, "GRIP_LAMBDA_DATA"),
        ({"HOST": "my-machine"}, "HOST"),
        ({"HOST": "203.0.113.7"}, "HOST"),
        ({"PORT": "9" * 5000}, "PORT"),
    ],
)
def test_a_setting_that_makes_no_sense_ends_the_start(
    tmp_path: Path, environ: dict[str, str], told: str
) -> None:
    assert told in refused(tmp_path, **environ)


@pytest.mark.parametrize("name", ["grip-lambda.db", "secret", "sig-key"])
@pytest.mark.parametrize("content", [b"\xff\x00, " * 2000, None])
def test_what_can_not_be_used_in_the_data_folder_ends_the_start(
    tmp_path: Path, name: str, content: bytes | None
) -> None:
    path = tmp_path / "data" / name
    if content is None:
        path.mkdir(parents=True)
    else:
        path.parent.mkdir()
        path.write_bytes(content)

    assert str(path) in refused(tmp_path)


def test_a_store_that_somebody_locks_ends_the_start(tmp_path: Path) -> None:
    path = tmp_path / "elsewhere.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("BEGIN EXCLUSIVE")

        assert f"{path} can't be opened" in refused(tmp_path, GRIP_LAMBDA_STORE=f"sqlite:///{path}")


def test_a_backend_that_is_started_by_hand_says_one_line(tmp_path: Path) -> None:
    """Each worker does, as often as granian tries it."""
    arguments = ["granian", "--interface", "wsgi", "--port", str(free_port())]
    done = subprocess.run(
        [sys.executable, "-m", *arguments, "--factory", "grip_lambda.web:create_app"],
        env={**inherited(), "GRIP_URL": "A://[", "GRIP_LAMBDA_DATA": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("grip-lambda:")]
    assert {line.partition(" must be")[0] for line in lines} == {"grip-lambda: GRIP_URL"}


def test_what_can_not_be_started_ends_the_start(tmp_path: Path) -> None:
    """A Pushpin that ends at once is not started again for ever."""
    pushpin = tmp_path / "bin" / "pushpin"
    pushpin.parent.mkdir()
    pushpin.write_text('#!/bin/sh\n[ "$1" = --version ] && echo pushpin 1 || exit 3\n')
    pushpin.chmod(0o755)
    environ = {
        **inherited(),
        "PATH": f"{pushpin.parent}:{os.environ['PATH']}",
        "PORT": str(free_port()),
        "GRIP_LAMBDA_DATA": str(tmp_path / "data"),
    }

    done = subprocess.run(
        SERVE, env=environ, capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == "grip-lambda: pushpin can't be started; see above"
    assert not (tmp_path / "data" / "serve.json").exists()


def test_a_variable_that_is_no_setting_is_warned_of(start_stack: StackFactory) -> None:
    log = start_stack(GRIP_LAMBDA_PNG="5", GRIP_LAMBDA_URL="http://x").log.read_text()

    assert "GRIP_LAMBDA_PNG is not a setting; is GRIP_LAMBDA_PING meant?" in log
    assert log.count("is not a setting") == 1


def test_a_second_start_names_the_process_that_uses_the_folder(
    stack: Stack, tmp_path: Path
) -> None:
    holder = f"process {stack.pid} (grip-lambda serve)"
    store = f"sqlite:///{stack.data}/grip-lambda.db"

    assert holder in refused(tmp_path, GRIP_LAMBDA_DATA=str(stack.data))
    assert holder in refused(tmp_path, GRIP_LAMBDA_STORE=store)
    assert stack.listing() is not None
    assert json.loads((stack.data / "serve.json").read_text())["processes"]


def test_only_its_user_can_read_what_it_keeps(stack: Stack) -> None:
    files = list(stack.data.iterdir())

    names = {path.name for path in files}
    assert {"secret", "sig-key", "grip-lambda.db", "grip-lambda.db-wal", "serve.json"} <= names
    assert stat.S_IMODE(stack.data.stat().st_mode) == 0o700
    assert {path.name for path in files if stat.S_IMODE(path.stat().st_mode) & 0o077} == set()


def test_the_start_says_where_process_ids_are(stack: Stack) -> None:
    path = stack.data / "serve.json"
    wait_until(lambda: f"Process ids: {path}" in stack.log.read_text())

    def known() -> bool:
        state = json.loads(path.read_text())
        processes = state["processes"]
        assert state["supervisor"] == stack.pid
        assert {name: parent(pid) for name, pid in processes.items()} == {
            "backend": stack.pid,
            "pushpin": stack.pid,
            "nginx": stack.pid,
        }
        return sorted(state["workers"]) == sorted(stack.workers())

    wait_until(known, what="the ids of the workers")


def reaches(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), 2).close()
    except OSError:
        return False
    return True


def test_only_the_loopback_interface_is_listened_on(stack: Stack) -> None:
    """127.0.0.2 stands for the addresses that nobody named."""
    assert requests.get(f"http://[::1]:{stack.port}/healthz", timeout=5).ok
    assert requests.get(f"http://localhost:{stack.port}/healthz", timeout=5).ok
    assert not reaches("127.0.0.2", stack.port)
    assert f"Open http://localhost:{stack.port}/" in stack.log.read_text()


@pytest.mark.parametrize(
    ("host", "url", "open_to_all"),
    [
        ("127.0.0.2", "127.0.0.2", False),
        ("::1", "[::1]", False),
        ("0.0.0.0", "127.0.0.1", True),
        ("::", "[::1]", True),
    ],
)
def test_host_is_the_address_that_is_listened_on(
    tmp_path: Path, host: str, url: str, open_to_all: bool
) -> None:
    with terminal(tmp_path, HOST=host) as one:
        said = one.read_until("Ctrl-C")
        assert f"Open http://{url}:{one.port}/" in said
        assert reaches(url.strip("[]"), one.port)
        assert reaches("127.0.0.1", one.port) is open_to_all
        assert reaches("::1", one.port) is (host in ("::", "::1"))
        assert ("\x1b[31mIt listens on " in said) is open_to_all
        assert "No API keys are configured" in said


def test_the_public_address_is_what_is_printed(tmp_path: Path) -> None:
    with terminal(tmp_path, GRIP_LAMBDA_PUBLIC_URL="https://example.org/grip/") as one:
        said = one.read_until("Ctrl-C")

    assert "Open https://example.org/grip/console" in said


class Terminal:
    """A start in a terminal of its own.

    Attributes:
        pid: of the supervisor.
        port: the public port.
    """

    def __init__(self, pid: int, end: int, port: int) -> None:
        self.pid = pid
        self.port = port
        self._end = end
        self._said = ""

    def read_until(self, words: str) -> str:
        while words not in self._said:
            self._said += os.read(self._end, 65536).decode()
        return self._said

    def close(self) -> None:
        """Close the window."""
        with contextlib.suppress(OSError):
            os.close(self._end)
        self._end = -1


@contextlib.contextmanager
def terminal(folder: Path, **environ: str) -> Iterator[Terminal]:
    port = free_port()
    given = {"PORT": str(port), "GRIP_LAMBDA_DATA": str(folder / "data"), "WORKERS": "1"}
    pid, end = pty.fork()
    if pid == 0:
        os.execve(SERVE[0], [*SERVE, "--no-demo"], {**inherited(), **given, **environ})
    one = Terminal(pid, end, port)
    try:
        yield one
    finally:
        started = descendants(pid)
        one.close()
        with contextlib.suppress(ProcessLookupError):
            wait_until(lambda: ended(pid), 20, "its end")
            os.waitpid(pid, 0)
        wait_until(lambda: all(map(ended, started)), what="the end of what it started")


def test_closing_the_terminal_ends_everything(tmp_path: Path) -> None:
    with terminal(tmp_path, NO_COLOR="1", HOST="0.0.0.0") as one:
        assert "\x1b[" not in one.read_until("Ctrl-C")
        os.kill(one.pid, signal.SIGHUP)  # a reload, as long as the window is there
        assert requests.get(f"http://127.0.0.1:{one.port}/healthz", timeout=5).ok
        assert not ended(one.pid)
        assert len(descendants(one.pid)) > 5


def test_what_it_started_ends_with_it_when_it_is_killed(start_stack: StackFactory) -> None:
    stack = start_stack()
    started = [pid for pid in descendants(stack.pid) if not ended(pid)]
    rundir = Path(json.loads((stack.data / "serve.json").read_text())["rundir"])
    assert len(started) > 5

    os.kill(stack.pid, signal.SIGKILL)

    wait_until(lambda: all(map(ended, started)), 8, "the end of what it started")
    assert rundir.exists()
    stack.stop()
    stack.start()
    assert not rundir.exists()


class Demo(Stack):
    """A stack that opens a lambda itself."""

    arguments = ("serve",)

    def demo(self) -> str:
        """Return the id of its lambda, once it is open."""

        def ids() -> list[str]:
            return list(self.listing())

        return wait_until(ids, what="the lambda of the start")[0]


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    running = Demo(tmp_path, WORKERS="1")
    yield running
    running.stop()


def test_the_lambda_of_the_start_keeps_its_id_and_takes_any_json(demo: Demo) -> None:
    lambda_id = demo.demo()
    deep = "[" * 499 + "]" * 499
    for body in ("9" * 5000, "1e400", "1.0e2", '{"a":1,"a":2}', deep, '"\\u0000"', ""):
        answer = call(demo.url, lambda_id, "echo", body)
        assert answer.status_code == 200
        assert answer.text == f'{{"method":"echo","echo":{body or "null"}}}'
    assert call(demo.url, lambda_id, "echo", r'"\ud800"').status_code == 400
    assert stat.S_IMODE((demo.data / "demo.json").stat().st_mode) == 0o600

    demo.stop()
    demo.start()
    assert demo.demo() == lambda_id
    printed = f"curl -X POST http://localhost:{demo.port}/lambda/{lambda_id}/echo"
    wait_until(lambda: demo.log.read_text().count(printed) == 2, READY_S, "the same line")

    demo.stop()
    (demo.data / "secret").write_text("another secret")
    demo.start()
    assert call(demo.url, demo.demo(), "echo", "1").status_code == 200


class FewFiles(Stack):
    """A stack that may open 256 files."""

    by = ("sh", "-c", 'ulimit -n 256; exec "$@"', "sh")


def test_no_more_clients_are_taken_than_files_may_be_open(tmp_path: Path) -> None:
    """As many as it says are answered; more of them do no lasting harm."""
    stack = FewFiles(tmp_path, WORKERS="1")
    try:
        log = stack.log.read_text()
        assert "no more than 88 clients can be connected: 256 files may be open" in log

        def connect(count: int) -> list[socket.socket]:
            address = ("127.0.0.1", stack.port)
            return [sockets.enter_context(socket.create_connection(address)) for _ in range(count)]

        with contextlib.ExitStack() as sockets:
            clients = connect(88)
            for client in clients:
                client.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            for client in clients:
                client.settimeout(20)
                assert client.recv(15) == b"HTTP/1.1 200 OK"
            connect(600)
        wait_until(lambda: requests.get(f"{stack.url}/healthz", timeout=10).ok)
        assert "accept error" not in stack.log.read_text()
        assert "Too many open files" not in stack.log.read_text()
    finally:
        stack.stop()


def test_a_store_that_can_not_be_written_is_not_ready(start_stack: StackFactory) -> None:
    stack = start_stack(WORKERS="1")

    def status() -> int:
        return requests.get(f"{stack.url}/readyz", timeout=5).status_code

    with closing(sqlite3.connect(stack.data / "grip-lambda.db", isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        wait_until(lambda: status() == 503, what="not ready")
        db.execute("ROLLBACK")
        wait_until(lambda: status() == 200, what="ready")
