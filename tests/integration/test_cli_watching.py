"""The commands that show what is open and what happens, as processes against the real stack."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from grip_lambda import __version__
from grip_lambda.client import Client, Host
from tests.support.commands import COMMAND, Run, failed, running
from tests.support.keys import KeyedStack
from tests.support.stack import Stack, free_port, wait_until


@pytest.fixture(scope="module")
def host(stack: Stack) -> Iterator[Host]:
    with Host(stack.url, {"greet": lambda body: body}, max_calls=3) as one:
        yield one


class Terminal:
    """A command on a terminal."""

    def __init__(self, url: str, *arguments: str, **environ: str) -> None:
        self._master, slave = pty.openpty()
        kept = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR")}
        self.process = subprocess.Popen(
            [*COMMAND, *arguments],
            env={**kept, "GRIP_LAMBDA_URL": url, "TERM": "xterm", "COLUMNS": "200", **environ},
            stdin=slave,
            stdout=slave,
            stderr=slave,
        )
        os.close(slave)
        self.text = ""

    def read(self, until: Callable[[str], object] | None = None) -> str:
        """Read until the text is as wanted, or to its end; return it."""
        end = time.monotonic() + 30
        while until is None or not until(self.text):
            assert select.select([self._master], [], [], max(end - time.monotonic(), 0))[0], (
                self.text
            )
            try:
                piece = os.read(self._master, 65536)
            except OSError:  # that is how a terminal ends
                break
            if not piece:
                break
            self.text += piece.decode(errors="replace")
        return self.text

    def interrupt(self) -> int:
        """Press Ctrl-C; return the exit status."""
        self.process.send_signal(signal.SIGINT)
        self.read()
        return self.process.wait(20)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._master)


@contextmanager
def terminal(url: str, *arguments: str, **environ: str) -> Iterator[Terminal]:
    one = Terminal(url, *arguments, **environ)
    try:
        yield one
    finally:
        one.close()


def called(host: Host, body: object) -> None:
    """Make a call, and wait until the server tells of it as the last one."""
    with Client(host.url) as client:
        client.call(host.id, "greet", body)
    size = len(json.dumps(body))

    def is_last() -> bool:
        query = {"lambda": host.id, "limit": "1"}
        told = requests.get(f"{host.url}/calls", query, timeout=10).json()
        return [one["bytes_in"] for one in told["calls"]] == [size]

    wait_until(is_last, 20, "the call in the list")


def test_what_is_known_of_a_lambda(run: Run, host: Host) -> None:
    shown = dict(line.split(maxsplit=1) for line in run("info", host.id).stdout.splitlines())
    told = json.loads(run("info", host.address("").rstrip("/"), "--json").stdout)

    assert shown["address"] == f"{host.url}/lambda/{host.id}"
    assert shown["host"] == f"grip-lambda/{__version__}, json-rpc by websocket"
    assert (shown["methods"], told["methods"]) == ("greet", ["greet"])
    assert told["max_calls"] == 3
    assert failed(run("info", "A" * 16)) == (3, "lambda not found")
    assert failed(run("info", "service/x"))[0] == 2
    assert failed(run("info", f"{host.id}/greet"))[0] == 2


def test_a_lambda_is_closed_with_its_token_or_a_key(
    stack: Stack, run: Run, keyed: KeyedStack, tmp_path: Path
) -> None:
    with Host(stack.url, {"x": len}) as one:
        keep = tmp_path / "kept"
        keep.write_text(json.dumps({"id": one.id, "token": one.token}))
        assert failed(run("close", one.id))[0] == 7
        assert failed(run("close"))[0] == 2
        assert failed(run("close", "--keep", str(tmp_path / "missing")))[0] == 2
        assert run("close", "--keep", str(keep)).stdout == f"{one.id} is closed\n"
        assert failed(run("close", "--keep", str(keep)))[0] == 3
    with Host(keyed.url, {"x": len}, key=keyed.keys["host"]) as one:
        done = running(keyed.url)("close", one.id, "--key", keyed.keys["host"], "--json")
        assert json.loads(done.stdout) == {"id": one.id, "closed": True}


def test_the_last_calls_and_what_follows(stack: Stack, host: Host) -> None:
    command = [*COMMAND, "events", "-f", "-n", "1", "--lambda", host.id, "--json"]
    called(host, "before")
    with (
        Client(stack.url) as client,
        subprocess.Popen(
            [*command, "--url", stack.url], stdout=subprocess.PIPE, text=True
        ) as following,
    ):
        assert following.stdout is not None
        try:
            first = json.loads(following.stdout.readline())
            client.call(host.id, "greet", "after")
            begun, ended = (json.loads(following.stdout.readline()) for _ in range(2))
        finally:
            following.send_signal(signal.SIGINT)
            following.wait(20)

    assert (first["event"], first["bytes_in"]) == ("ended", len('"before"'))
    assert (begun["event"], ended["event"]) == ("call", "ended")
    assert (ended["status"], ended["bytes_in"]) == (200, len('"after"'))
    assert following.returncode == 130


def test_events_are_a_line_each(run: Run, host: Host) -> None:
    called(host, 1)
    (line,) = run("events", "-n", "1", "--lambda", host.id).stdout.splitlines()

    form = r"[\d:.]{12}  ended   \S{16}  greet  200  [\d.]+ ms  1 B in, 1 B out  from 127\.0\.0\.1"
    assert re.fullmatch(form, line)
    assert run("events", "-n", "0").stdout == ""
    assert failed(run("events", "--lambda", "x"))[0] == 2


def test_which_lambdas_are_called(stack: Stack, run: Run, host: Host) -> None:
    with Client(stack.url) as client:
        client.call(host.id, "greet", 1)
    table = run("top", "-i", "0.2").stdout.splitlines()
    told = json.loads(run("top", "-i", "0.2", "--json").stdout)

    assert table[0].split() == [
        "ID",
        "CALLS",
        "PER",
        "S",
        "ERRORS",
        "RUNNING",
        "MEAN",
        "MAX",
        "CLIENT",
    ]
    (mine,) = [one for one in told if one["id"] == host.id]
    assert mine["calls"] >= 1
    assert mine["errors"] == 0


def test_what_is_live_on_a_terminal(stack: Stack, host: Host) -> None:
    with terminal(stack.url, "list", "--watch") as watching:
        watching.read(lambda text: host.id in text)
        with Host(stack.url, {"x": len}) as other:
            watching.read(lambda text: other.id in text)
        assert watching.interrupt() == 130
    with terminal(stack.url, "top", "-i", "0.2") as watching:
        watching.read(lambda text: host.id in text)
        assert watching.interrupt() == 130
    assert "Traceback" not in watching.text


def test_colours_are_for_terminals(stack: Stack, run: Run, host: Host) -> None:
    call = ("call", host.id, "greet", '{"a": "\\u009b31m"}')
    assert "\x1b" not in run(*call).stdout
    assert "\x1b" not in run(*call, FORCE_COLOR="1", TERM="xterm").stdout
    with terminal(stack.url, *call) as coloured, terminal(stack.url, *call, NO_COLOR="1") as plain:
        assert "\x1b[" in coloured.read()
        assert plain.read() == '{\r\n  "a": "\\u009b31m"\r\n}\r\n'


def test_versions(run: Run, keyed: KeyedStack, stack: Stack) -> None:
    told = json.loads(run("version", "--json").stdout)
    assert told["client"]["version"] == told["server"]["version"] == __version__
    assert told["server"]["url"] == stack.url
    assert f"server {__version__} at {stack.url}" in run("version").stdout

    keyless = running(keyed.url)("version")
    assert (keyless.returncode, "does not tell" in keyless.stderr) == (0, True)
    dead = running(f"http://127.0.0.1:{free_port()}")("version")
    assert (dead.returncode, dead.stderr.count("\n")) == (4, 1)
    assert dead.stdout.startswith(f"grip-lambda {__version__} ")


def test_what_is_not_watched(keyed: KeyedStack, run: Run) -> None:
    assert failed(run("list", "--watch"))[0] == 2
    for command in (["list"], ["top"], ["events"], ["events", "-f"]):
        assert failed(running(keyed.url)(*command))[0] == 7


def test_how_fast_a_method_answers(run: Run, host: Host) -> None:
    shown = run("bench", host.id, "greet", "name=Oslo", "-n", "20", "-c", "4")
    told = json.loads(run("bench", host.id, "greet", "-n", "20", "-c", "3", "--json").stdout)

    assert re.match(r"20 calls, 4 at once, in [\d.]+ s: [\d.]+ calls/s\n", shown.stdout)
    assert (told["calls"], told["errors"]) == (20, {})
    assert sum(bar["calls"] for bar in told["histogram"]) == 20
    assert told["ms"]["min"] <= told["ms"]["p50"] <= told["ms"]["p99"] <= told["ms"]["max"]
    missing = run("bench", "A" * 16, "greet", "-n", "3")
    assert missing.returncode == 3
    assert "3 failed (not_found), like: lambda not found" in missing.stdout
