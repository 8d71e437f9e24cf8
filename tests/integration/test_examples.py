"""The examples, run as they are."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import mcp
import pytest

from tests.support.clients import call
from tests.support.stack import Stack, wait_until

ROOT = Path(__file__).parents[2]
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(stack: Stack, tmp_path: Path) -> Iterator[Start]:
    """Start an example on the shared stack."""
    running: list[subprocess.Popen[str]] = []

    def run(name: str, *arguments: str) -> subprocess.Popen[str]:
        copy = tmp_path / name
        copy.write_text((ROOT / "examples" / name).read_text())
        programs = {".mjs": ["node"], ".sh": ["sh"]}
        program = programs.get(copy.suffix, [sys.executable, "-u"])
        process = subprocess.Popen(
            [*program, str(copy), *arguments],
            env={**os.environ, "PYTHONPATH": str(ROOT), "GRIP_LAMBDA_URL": stack.url},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # a shell's programs end with it
        )
        running.append(process)
        return process

    yield run
    for process in running:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.fixture
def node_modules(tmp_path: Path) -> None:
    """What the examples in JavaScript import."""
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "grip-lambda").symlink_to(ROOT / "clients" / "js")
    (tmp_path / "node_modules" / "ws").symlink_to(ROOT / "tests" / "node" / "node_modules" / "ws")


@pytest.mark.usefixtures("node_modules")
@pytest.mark.parametrize(
    "name",
    ["host.py", "plain_host.py", "host.mjs", "library_host.mjs", "stream_host.sh", "poll_host.sh"],
)
def test_a_host_and_its_caller(stack: Stack, start: Start, name: str) -> None:
    host = start(name)
    assert host.stdout is not None
    printed = re.search(r"/lambda/([\w-]{16})/greet", host.stdout.readline())
    assert printed
    wait_until(lambda: printed[1] in stack.listing())

    answer = call(stack.url, printed[1], "greet", '{"name": "w"}')
    caller = start("caller.py", printed[1])

    assert answer.json() == {"hello": {"name": "w"}}
    assert caller.communicate(timeout=20) == ("{'hello': {'name': 'world'}}\n", "")


@pytest.mark.usefixtures("node_modules")
@pytest.mark.parametrize("name", ["host.py", "plain_host.py", "host.mjs", "library_host.mjs"])
def test_a_host_outlives_what_callers_send(stack: Stack, start: Start, name: str) -> None:
    host = start(name)
    assert host.stdout is not None
    printed = re.search(r"/lambda/([\w-]{16})/greet", host.stdout.readline())
    assert printed
    wait_until(lambda: printed[1] in stack.listing())

    for body in ("9" * 5000, "1e400", "[" * 400 + "]" * 400, r'"\ud800"', '{"__proto__": 1}', ""):
        assert call(stack.url, printed[1], "greet", body).status_code in (200, 400)
    if name != "plain_host.py":  # which has one method
        for method in ("toString", "constructor", "__proto__", "__class__"):
            assert call(stack.url, printed[1], method, "1").status_code == 400

    assert host.poll() is None
    assert call(stack.url, printed[1], "greet", "1").json() == {"hello": 1}


@pytest.mark.usefixtures("node_modules")
def test_in_javascript(stack: Stack, start: Start) -> None:
    host = start("library_host.mjs")
    assert host.stdout is not None
    lambda_id = host.stdout.readline().split("/")[-2]

    caller = start("caller.mjs", lambda_id)

    assert caller.communicate(timeout=20) == ("{ hello: { name: 'world' } }\n", "")
    host.send_signal(signal.SIGTERM)
    assert host.wait(10) == 0
    assert lambda_id not in stack.listing()


@pytest.mark.usefixtures("node_modules")
@pytest.mark.parametrize("name", ["caller.py", "caller.mjs"])
def test_a_caller_of_nobody(start: Start, name: str) -> None:
    caller = start(name, "A" * 16)

    _, told = caller.communicate(timeout=20)

    assert told == "lambda not found (not_found); the work was not done\n"
    assert caller.returncode == 1


def test_a_command_on_a_laptop(stack: Stack, start: Start) -> None:
    host = start("laptop.py")
    assert host.stdout is not None
    command = host.stdout.readline().split()
    assert command[:2] == ["grip-lambda", "call"]

    called = subprocess.run(
        [sys.executable, "-m", *("grip_lambda", *command[1:]), "--raw", "--url", stack.url],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )

    first, *_, status = called.stdout.splitlines()
    assert first.startswith("Filesystem")
    assert status == "0"
    assert call(stack.url, command[2], "rm").json()["error"]["errorType"] == "NoSuchMethod"


def test_both_in_one_event_loop(start: Start) -> None:
    printed, told = start("async_both.py").communicate(timeout=20)

    assert (printed, told) == ("[0, 2, 4, 6, 8, 10, 12, 14, 16, 18]\n", "")


def test_a_module_for_the_command_line(stack: Stack) -> None:
    host = subprocess.Popen(
        [sys.executable, "-m", "grip_lambda", "host", "weather", "--url", stack.url],
        cwd=ROOT / "examples",
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert host.stdout is not None
        lambda_id = host.stdout.readline().strip().rpartition("/")[2]
        assert call(stack.url, lambda_id, "cities").json() == ["Oslo", "Zürich"]
        assert call(stack.url, lambda_id, "temperature", '{"city": "Oslo"}').json() == 14.0
    finally:
        host.kill()
        host.communicate()


def test_with_the_client_of_aws(start: Start) -> None:
    host = start("context_host.py")
    assert host.stdout is not None
    lambda_id = host.stdout.readline().split("/")[-2]

    caller = start("aws.py", lambda_id)

    out, told = caller.communicate(timeout=20)
    assert told == ""
    answer = re.fullmatch(r"done {'hello': {'name': 'world'}, 'left_ms': (\d+)}\n", out)
    assert answer
    assert 50_000 < int(answer[1]) <= 55_000


def test_a_chat_of_two_services(start: Start) -> None:
    ann = start("chat.py", "ann")
    assert ann.stdout is not None
    printed = re.fullmatch(r"ann is ([\w-]{16})\n", ann.stdout.readline())
    assert printed

    bob, told = start("chat.py", "bob", printed[1]).communicate(timeout=20)

    assert re.fullmatch(r"bob is [\w-]{16}\nann has heard it\nann has heard it\n", bob)
    assert (told, ann.communicate(timeout=20)) == ("", ("bob: hello\nbob: bye\n", ""))


def test_functions_as_tools(stack: Stack, start: Start) -> None:
    host = start("tools.py")
    assert host.stdout is not None
    printed = re.fullmatch(r"grip-lambda mcp (\S+)\n", host.stdout.readline())
    assert printed
    command = [sys.executable, "-m", "grip_lambda", "mcp", printed[1], "--for", "json"]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)
    (server,) = json.loads(told.stdout)["mcpServers"].values()

    async def use() -> None:
        async with mcp.Client(server["url"]) as client:
            for note in ("tea", "coffee"):
                await client.call_tool("remember", {"note": note})
            found = await client.call_tool("recall", {"word": "t"})
            assert found.structured_content == {"result": ["tea"]}
            disk = await client.call_tool("disk", {})
            assert disk.structured_content is not None
            assert disk.structured_content["free"] > 0
            drawn = await client.call_tool("colour", {"red": 1, "green": 2, "blue": 3})
            assert drawn.content[0].type == "image"

    asyncio.run(use())


def test_workers_behind_one_name_of_which_two_are_killed_under_load(
    stack: Stack, start: Start
) -> None:
    workers = {}
    for _ in range(3):
        worker = start("worker.py")
        assert worker.stdout is not None
        printed = re.fullmatch(r"worker \d+ is ([\w-]{16})\n", worker.stdout.readline())
        assert printed
        workers[printed[1]] = worker
    kept, *killed = workers
    load = start("many_calls.py", "400")
    assert load.stdout is not None
    assert load.stdout.readline() == "100 of 400\n"

    for one in killed:
        workers[one].kill()

    told, complaints = load.communicate(timeout=60)
    ends = re.findall(r"^(\d+) (made by|disconnected at) ([\w-]+)$", told, re.MULTILINE)
    lost = {host: int(count) for count, how, host in ends if how != "made by"}
    assert complaints == ""
    assert sum(int(count) for count, _, _ in ends) == 400, "each call has an end, and no other"
    assert lost.keys() <= set(killed)
    assert sum(lost.values()) <= 16, "those that were in flight"
    assert str(workers[kept].pid) in {host for _, how, host in ends if how == "made by"}
