"""The command line, as a subprocess against the real stack."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

import pytest

from grip_lambda import __version__
from grip_lambda.client import Host
from tests.support.clients import calling
from tests.support.commands import COMMAND, Run, failed
from tests.support.keys import KeyedStack
from tests.support.stack import Stack, ended, free_port, wait_until

StartHost = Callable[..., "RunningHost"]


class RunningHost:
    """A `grip-lambda host`, which has printed its address."""

    def __init__(self, stack: Stack, folder: Path, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, "host", "--quiet", "--url", stack.url, *arguments],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        printed = self.process.stdout.readline()
        found = re.fullmatch(rf"{stack.url}/lambda/([\w-]{{16}})\n", printed)
        assert found, (printed, self.process.poll())
        self.id = found[1]

    def stop(self, how: int = signal.SIGINT) -> tuple[int, str]:
        """End it; return its exit status and what it complained of."""
        self.process.send_signal(how)
        _, complaints = self.process.communicate(timeout=15)
        return self.process.returncode, complaints


@pytest.fixture
def host(stack: Stack, tmp_path: Path) -> Iterator[StartHost]:
    hosts: list[RunningHost] = []

    def start(*arguments: str) -> RunningHost:
        hosts.append(RunningHost(stack, tmp_path, *arguments))
        return hosts[-1]

    yield start
    for one in hosts:
        one.process.kill()
        one.process.communicate()


@pytest.fixture(scope="module")
def echo(stack: Stack) -> Iterator[str]:
    """The id of a lambda of many talents."""
    held = Event()
    one = Host(stack.url, {"echo": lambda body: body, "hold": held.wait}, max_calls=3)

    @one.method
    def fail() -> None:
        raise ValueError("no\nsuch order")

    with one:
        yield one.id
        held.set()


def test_call(run: Run, echo: str) -> None:
    body = {"é": [1, None, 2**70], "b": "x"}

    assert json.loads(run("call", echo, "echo", json.dumps(body)).stdout) == body
    assert json.loads(run("call", echo, "echo", "-", stdin=json.dumps(body)).stdout) == body
    assert run("call", echo, "echo", '"a b"', "--raw").stdout == "a b\n"
    assert run("call", echo, "echo").stdout == "null\n"
    assert run("call", echo, "echo", "-d", "-5").stdout == "-5\n"


def test_the_address_of_a_call_may_be_a_url(stack: Stack, run: Run, echo: str) -> None:
    elsewhere = {"GRIP_LAMBDA_URL": f"http://127.0.0.1:{free_port()}", "GRIP_LAMBDA_KEY": "s3cret"}
    url = f"{stack.url}/lambda/{echo}"

    for words in ([f"{url}/echo"], [f"{url}/", "echo"]):
        done = run("call", *words, "name=Oslo", "n:=3", "-v", **elsewhere)
        assert json.loads(done.stdout) == {"name": "Oslo", "n": 3}
        assert f"> POST {url}/echo\n" in done.stderr
        assert "< HTTP/1.1 200 OK\n" in done.stderr
        assert "authorization" not in done.stderr.lower()
    assert run("call", f"{echo}/echo", stdin="[1]").stdout == "[1]\n"
    shown = run("call", echo, "echo", "-v", GRIP_LAMBDA_KEY="s3cret").stderr
    assert "Authorization: Bearer …\n" in shown
    assert "s3cret" not in shown


def test_a_key_of_the_environment_is_for_the_server_of_the_environment(
    keyed: KeyedStack, run: Run
) -> None:
    key = keyed.keys["call"]
    with Host(keyed.url, {"x": lambda: 1}, key=keyed.keys["host"], private=True) as private:
        url = private.address("x")
        status, line = failed(run("call", url, GRIP_LAMBDA_KEY=key))
        given = run("call", url, "--key", key)
        named = run("call", url, GRIP_LAMBDA_KEY=key, GRIP_LAMBDA_URL=keyed.url)

    assert status == 7
    assert "GRIP_LAMBDA_KEY is for the server that GRIP_LAMBDA_URL names" in line
    assert given.stdout == named.stdout == "1\n"


@pytest.mark.parametrize("lambda_id", ["-r0123456789abcd", "--0123456789-_ab"])
def test_ids_and_numbers_may_begin_with_a_dash(stack: Stack, run: Run, lambda_id: str) -> None:
    with Host(stack.url, {"echo": lambda body: body}, id=lambda_id):
        assert run("call", lambda_id, "echo", "-5", "--wait", "5").stdout == "-5\n"
        assert run("ping", lambda_id).returncode == 0


def test_errors_are_one_line_and_an_exit_status(run: Run, echo: str) -> None:
    status, line = failed(run("call", echo, "fail"))
    assert status == 1
    assert line == (
        "the host answered with an error: "
        '{"errorType":"ValueError","errorMessage":"no\\nsuch order"}'
    )
    assert failed(run("call", echo, "echo", "{")) == (
        2,
        "the body is not JSON: Expecting property name enclosed in double quotes: "
        "line 1 column 2 (char 1)",
    )
    assert failed(run("call", "A" * 16, "echo")) == (3, "lambda not found")
    assert failed(run("call", "A" * 15, "echo"))[0] == 2
    assert failed(run("call", echo, "hold", "20", "--wait", "0.1"))[0] == 5
    assert failed(run("call", echo, "open"))[0] == 7
    assert failed(run("host"))[0] == 2
    assert failed(run("host", "no_such_module"))[0] == 2


def test_a_host_that_is_busy(stack: Stack, run: Run) -> None:
    running, released = Event(), Event()

    def hold() -> None:
        running.set()
        released.wait(20)

    with Host(stack.url, {"hold": hold}, max_calls=1) as one:
        held = calling(stack.url, one.id, "hold")
        assert running.wait(10)
        assert failed(run("call", one.id, "hold"))[0] == 6
        released.set()
        assert held.result().status_code == 200


def test_a_server_that_is_not_there(run: Run) -> None:
    url = f"http://127.0.0.1:{free_port()}"

    assert failed(run("list", "--url", url)) == (
        4,
        f"the server {url} is out of reach: Connection refused"
        " (GRIP_LAMBDA_URL or --url names the server)",
    )


def test_list(run: Run, echo: str) -> None:
    table = run("list").stdout.splitlines()
    listing = json.loads(run("list", "--json").stdout)

    assert table[0].split() == ["ID", "OPEN", "FOR", "CODE", "CLIENT"]
    (line,) = [line for line in table if line.startswith(echo)]
    _, age, code, client = re.split(r" {2,}", line)
    assert re.fullmatch(r"\d+ (s|min|h)", age)
    assert (code, client) == ("json-rpc", f"grip-lambda/{__version__}")
    assert listing[echo]["id"] == echo


def test_ping(run: Run, echo: str) -> None:
    done = run("ping", echo)

    assert done.returncode == 0
    assert re.fullmatch(
        rf"http\S+/{echo} is open for \d+ (?:s|min|h); asked in \d+ ms\n", done.stdout
    )
    assert failed(run("ping", "A" * 16)) == (3, "lambda not found")


def test_a_command_as_a_host(stack: Stack, run: Run, host: StartHost) -> None:
    one = host("--exec", 'case $GRIP_LAMBDA_METHOD in fail) echo no >&2; exit 3;; '
                         'text) echo two; echo lines;; *) cat;; esac')  # fmt: skip

    assert json.loads(run("call", one.id, "echo", '{"a": 1}').stdout) == {"a": 1}
    assert json.loads(run("call", one.id, "text").stdout) == "two\nlines"
    status, line = failed(run("call", one.id, "fail"))
    assert status == 1
    assert line.endswith('{"errorType":"ExitStatus","errorMessage":"no","exitStatus":3}')
    assert one.stop()[0] == 0
    assert one.id not in stack.listing()


def test_a_module_as_a_host(run: Run, host: StartHost, tmp_path: Path) -> None:
    (tmp_path / "greeter.py").write_text("def greet(body):\n    return {'hello': body['name']}\n")
    one = host("greeter", "--keep", "kept")

    assert json.loads(run("call", one.id, "greet", '{"name": "w"}').stdout) == {"hello": "w"}
    assert failed(run("call", one.id, "greet", "1"))[0] == 1
    assert (tmp_path / "kept").stat().st_mode & 0o777 == 0o600
    status, complaints = one.stop()
    assert (status, complaints.count("\n")) == (0, 1)
    assert complaints.startswith("grip-lambda: greet failed: TypeError(")
    assert host("greeter", "--keep", "kept").id == one.id
    by_file = host(str(tmp_path / "greeter.py"))
    assert json.loads(run("call", by_file.id, "greet", "name=w").stdout) == {"hello": "w"}
    assert "nothing.py" in failed(run("host", "nothing.py"))[1]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_host_finishes_what_runs(stack: Stack, host: StartHost, tmp_path: Path, how: int) -> None:
    one = host("--exec", "touch begun; until test -e go; do sleep 0.05; done; echo done")
    call = calling(stack.url, one.id, "x")
    wait_until((tmp_path / "begun").exists)

    one.process.send_signal(how)
    wait_until(
        lambda: b"Closing" in calling(stack.url, one.id, "y", wait=5).result().content,
        what="the refusal of new calls",
    )
    (tmp_path / "go").touch()

    assert call.result().json() == "done"
    assert one.process.wait(10) == 0


@pytest.mark.parametrize(
    ("how", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"]
)
def test_the_second_signal_ends_what_runs(
    stack: Stack, host: StartHost, tmp_path: Path, how: int, status: int
) -> None:
    one = host("--exec", "echo $$ > pid; touch begun; sleep 30")
    call = calling(stack.url, one.id, "x")
    wait_until((tmp_path / "begun").exists)

    one.process.send_signal(how)
    wait_until(
        lambda: b"Closing" in calling(stack.url, one.id, "y", wait=5).result().content,
        what="the refusal of new calls",
    )

    ended_with, complaints = one.stop(how)
    assert (ended_with, complaints.strip()) == (status, "")
    assert call.result().json()["code"] == "disconnected"
    wait_until(lambda: ended(int((tmp_path / "pid").read_text())), what="the command's end")


@pytest.mark.parametrize(
    ("how", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"]
)
@pytest.mark.parametrize("kind", ["command", "function"])
def test_the_second_signal_may_come_at_any_moment_after_the_first(
    stack: Stack, host: StartHost, tmp_path: Path, how: int, status: int, kind: str
) -> None:
    code = "def x(body):\n    open('begun', 'w').close()\n    while True:\n        pass\n"
    (tmp_path / "lasting.py").write_text(code)
    for later_s in (0.0, 0.01):
        (tmp_path / "begun").unlink(missing_ok=True)
        one = host(*(["lasting"] if kind == "function" else ["--exec", "touch begun; sleep 30"]))
        call = calling(stack.url, one.id, "x")
        wait_until((tmp_path / "begun").exists)
        one.process.send_signal(how)
        wait_until(lambda pid=one.process.pid: not has_pending(pid))  # type: ignore[misc]
        time.sleep(later_s)  # is what is tried

        ended_with, complaints = one.stop(how)

        assert (ended_with, complaints.strip()) == (status, "")
        assert call.result().json()["code"] == "disconnected"


def has_pending(pid: int) -> bool:
    """Tell whether a signal is on its way to a process: another one would count as the same."""
    found = re.search(r"ShdPnd:\t(\w+)", Path(f"/proc/{pid}/status").read_text())
    return found is not None and int(found[1], 16) != 0


def test_a_caller_can_be_interrupted(stack: Stack) -> None:
    entered, released = Event(), Event()

    def hold() -> None:
        entered.set()
        released.wait(20)

    with Host(stack.url, {"hold": hold}) as one:
        command = [*COMMAND, "call", one.id, "hold", "--url", stack.url]
        caller = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert entered.wait(10)
        caller.send_signal(signal.SIGINT)
        _, complaints = caller.communicate(timeout=10)
        released.set()

    assert (caller.returncode, complaints.strip()) == (130, "")


def test_a_host_that_was_taken_over_ends(stack: Stack, host: StartHost, tmp_path: Path) -> None:
    one = host("--exec", "cat", "--keep", "kept")
    token = json.loads((tmp_path / "kept").read_text())["token"]

    with Host(stack.url, {"x": len}, id=one.id, token=token):
        assert one.process.wait(10) == 7
    assert one.process.stderr is not None
    assert re.fullmatch(r"grip-lambda: [^\n]+\n", one.process.stderr.read())


def test_help(run: Run) -> None:
    for command in ("host", "list", "call", "ping"):
        assert "Examples:" in run(command, "--help").stdout
    told = run("--help").stdout
    assert "Exit status:" in told
    assert "_GRIP_LAMBDA_COMPLETE=bash_source" in told


def test_what_can_be_called_is_shown(stack: Stack, run: Run) -> None:
    def add(a: int, b: int = 0, tags: list[str] | None = None) -> int:
        """Add two numbers.\x1b[31m"""
        return a + b

    with Host(stack.url, {"add": add, "any": lambda body: body, "none": lambda: 1}) as host:
        shown = run("describe", host.id)
        document = json.loads(run("describe", host.address("").rstrip("/"), "--json").stdout)

    assert shown.stdout.splitlines() == [
        "add(a: integer, b: integer = 0, tags: array of string | null = null) -> integer",
        "    Add two numbers.[31m",
        "",
        "any(body: any)",
        "",
        "none()",
    ]
    assert [one["name"] for one in document["methods"]] == ["add", "any", "none"]
    assert run("describe", host.id).returncode == 3
    for wrong in ("a/b", "http://x/", "service/a/b"):
        assert run("describe", wrong).returncode == 2


def test_what_an_agent_is_told(stack: Stack, run: Run) -> None:
    with Host(stack.url, {"add": lambda a, b: a + b}) as host:
        url = f"{stack.url}/mcp/lambda/{host.id}"
        shown = run("mcp", host.id)
        code = run("mcp", host.id, "--for", "vscode", "--name", "mine", "--wait", "600")
        keyed = run("mcp", host.id, "--for", "claude-code", "--key", "a-secret", "--name", "it")

    assert "Tools: add" in shown.stdout
    assert shown.stdout.count(url) == 6
    server = {"type": "http", "url": url, "headers": {"Prefer": "wait=600"}}
    assert json.loads(code.stdout) == {"servers": {"mine": server}}
    assert keyed.stdout == (
        f"claude mcp add --transport http it {url}"
        ' --header "Authorization: Bearer ${GRIP_LAMBDA_KEY}"\n'
    )
