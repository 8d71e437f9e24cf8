"""Services, completion and `doctor` on the command line, against the real stack."""

from __future__ import annotations

import json
import os
import socket
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from grip_lambda.client import Client, Host
from tests.support.commands import COMMAND, Run, failed
from tests.support.keys import KeyedStack
from tests.support.stack import Stack, free_port, wait_until

NAME = "cli.services"


def weather(city: str) -> str:
    if city == "Paris":
        raise ValueError("no such city")
    return f"mild in {city}"


@pytest.fixture(scope="module")
def hosts(stack: Stack) -> Iterator[list[str]]:
    functions = {"weather": weather, "wind": lambda: 3}
    with (
        Host(stack.url, functions, service=NAME) as one,
        Host(stack.url, functions, service=[NAME, "cli.other"]) as other,
    ):
        yield [one.id, other.id]


def test_one_of_the_hosts_is_called(run: Run, hosts: list[str]) -> None:
    assert run("call", f"service/{NAME}", "weather", "city=Oslo").stdout == '"mild in Oslo"\n'
    assert run("call", f"service/{NAME}/wind").stdout == "3\n"


def test_all_hosts_are_called(stack: Stack, run: Run, hosts: list[str]) -> None:
    done = run("call", f"{stack.url}/service/{NAME}", "weather", "city=Oslo", "--all")
    bad = run("call", f"service/{NAME}", "weather", "city=Paris", "--all")

    assert done.returncode == 0
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert sorted(one.pop("id") for one in told) == sorted(hosts)
    assert told == [{"status": 200, "result": "mild in Oslo"}] * 2
    assert bad.returncode == 1
    for line in bad.stdout.splitlines():
        assert json.loads(line)["error"]["errorMessage"] == "no such city"


def test_what_all_hosts_can_not_be_asked(run: Run, hosts: list[str]) -> None:
    for words in ((hosts[0], "wind"), (f"service/{NAME}", "wind", "--stream")):
        status, said = failed(run("call", *words, "--all"))
        assert status == 2
        assert "--all" in said
    assert failed(run("call", "service/cli.nobody", "wind", "--all"))[0] == 3


def test_services_are_listed(run: Run, hosts: list[str]) -> None:
    table = run("services").stdout.splitlines()
    shown = json.loads(run("services", "--json").stdout)

    assert table[0].split() == ["SERVICE", "HOSTS", "METHODS"]
    assert [row.split()[:2] for row in table if row.startswith("cli.")] == [
        ["cli.other", "1"],
        ["cli.services", "2"],
    ]
    assert shown[NAME]["hosts"] == 2
    rows = run("services", f"service/{NAME}").stdout.splitlines()
    assert sorted(row.split()[0] for row in rows) == sorted(["ID", *hosts])
    assert failed(run("services", "cli.nobody"))[0] == 3
    assert failed(run("services", "1st"))[0] == 2


def test_a_host_joins_services(stack: Stack, run: Run) -> None:
    process = subprocess.Popen(
        [*COMMAND, "host", "--exec", "cat", "--service", "cli.one", "--service", "cli.two"],
        env={**os.environ, "GRIP_LAMBDA_URL": stack.url},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline()
        for name in ("cli.one", "cli.two"):
            assert run("call", f"service/{name}", "any", "5").stdout == "5\n"
    finally:
        process.kill()
        process.communicate()


def completed(url: str, line: str) -> list[str]:
    """Return what is proposed for the word at the end of a line."""
    words = line.split(" ")
    environ = {
        **os.environ,
        "GRIP_LAMBDA_URL": url,
        "_GRIP_LAMBDA_COMPLETE": "bash_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - 1),
    }
    code = "from grip_lambda.cli import main; main(prog_name='grip-lambda')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environ,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return [one.removeprefix("plain,") for one in done.stdout.splitlines() if one]


def test_what_is_open_is_completed(stack: Stack, hosts: list[str]) -> None:
    assert set(completed(stack.url, "grip-lambda call ")) >= {*hosts, f"service/{NAME}"}
    assert completed(stack.url, "grip-lambda call service/cli.s") == [f"service/{NAME}"]
    assert completed(stack.url, f"grip-lambda call {hosts[0]} ") == ["weather", "wind"]
    assert completed(stack.url, f"grip-lambda bench service/{NAME} wi") == ["wind"]
    assert completed(stack.url, f"grip-lambda call {hosts[0]} wind ") == []
    assert completed(stack.url, "grip-lambda services cli.o") == ["cli.other"]
    assert hosts[0] in completed(stack.url, "grip-lambda close ")


def test_nothing_is_completed_without_a_server() -> None:
    assert completed(f"http://127.0.0.1:{free_port()}", "grip-lambda call ") == []
    assert completed("no url", "grip-lambda call ") == []


def findings(run: Run, *words: str, **environ: str) -> dict[str, tuple[str, str]]:
    """Return what `doctor` found: the state and all that it says, by what it looked at."""
    done = run("doctor", "--json", *words, **environ)
    found = {
        one["check"]: (one["state"], one["said"] + one["todo"]) for one in json.loads(done.stdout)
    }
    assert done.returncode == any(state == "failed" for state, _ in found.values())
    return found


def test_a_server_that_is_well(stack: Stack, run: Run) -> None:
    done = run("doctor")
    found = findings(run)

    assert (done.returncode, done.stderr) == (0, "")
    assert {line.split(":")[0].split(" ", 1)[0] for line in done.stdout.splitlines()} == {"ok"}
    assert {state for state, _ in found.values()} == {"ok"}
    assert found.keys() >= {"server", "clock", "store", "versions", "WebSocket", "call", "stream"}
    with Client(stack.url) as client:
        opened = found["WebSocket"][1].removeprefix("opened ")
        wait_until(lambda: opened not in {one.id for one in client.list()}, what="its end")


def test_a_server_that_is_not_there_is_told(run: Run) -> None:
    url = f"http://127.0.0.1:{free_port()}"

    state, said = findings(run, "--url", url)["server"]

    assert state == "failed"
    assert url in said
    assert "GRIP_LAMBDA_URL" in said


def test_another_server_is_told(run: Run) -> None:
    with proxy(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello") as url:
        state, said = findings(run, "--url", url)["server"]

    assert state == "failed"
    assert "not as grip-lambda does" in said


def test_a_proxy_that_drops_upgrade_is_told(stack: Stack, run: Run) -> None:
    with proxy(None, stack.port) as url:
        found = findings(run, "--url", url)

    assert found["server"][0] == "ok"
    assert found["WebSocket"][0] == "failed"
    assert "Upgrade" in found["WebSocket"][1]
    assert "call" not in found


def test_a_missing_key_and_one_that_may_not_host_are_told(keyed: KeyedStack, run: Run) -> None:
    url = ("--url", keyed.url)

    without = findings(run, *url)
    calling = findings(run, *url, GRIP_LAMBDA_KEY=keyed.keys["call"])
    hosting = findings(run, *url, GRIP_LAMBDA_KEY=keyed.keys["host"])

    assert without["versions"][0] == "skipped"
    for found in (without, calling):
        assert found["WebSocket"][0] == "failed"
        assert "may host" in found["WebSocket"][1]
    assert hosting["WebSocket"][0] == "ok"
    assert hosting["call"][0] == "failed"
    assert "may call" in hosting["call"][1]


def test_settings_that_make_no_sense_are_told(run: Run) -> None:
    state, said = findings(run, PORT="none")["settings"]

    assert state == "failed"
    assert "PORT" in said


@contextmanager
def proxy(answer: bytes | None, port: int = 0) -> Iterator[str]:
    """Run a server that gives one answer to all, or passes on all but ``Upgrade``."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            head = b""
            while b"\r\n\r\n" not in head:
                piece = self.request.recv(65536)
                if not piece:
                    return
                head += piece
            if answer is not None:
                self.request.sendall(answer)
                return
            lines = [one for one in head.split(b"\r\n") if not one.lower().startswith(b"upgrade:")]
            kept = [one for one in lines if not one.lower().startswith(b"connection:")]
            with socket.create_connection(("127.0.0.1", port)) as far:
                far.sendall(b"\r\n".join([kept[0], b"Connection: close", *kept[1:]]))
                while piece := far.recv(65536):
                    self.request.sendall(piece)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()
