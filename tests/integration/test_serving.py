"""Starting and stopping, and what is left behind."""

from __future__ import annotations

import asyncio
import os
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.integration.conftest import StackFactory
from tests.support.clients import Host, call
from tests.support.load import hosts, load
from tests.support.stack import Stack, descendants, ended, wait_until
from tests.support.traffic import until


@pytest.fixture
def own_stack(start_stack: StackFactory) -> Stack:
    return start_stack()


def test_ctrl_c_leaves_no_process_and_a_second_start_begins_empty(own_stack: Stack) -> None:
    with Host(own_stack.ws_url, lambda method, body: body) as one:
        wait_until(lambda: one.id in own_stack.listing())
        started = descendants(own_stack.pid)
        assert len(started) > 5

        own_stack.stop()  # which checks that no process is left, too

        assert [pid for pid in started if not ended(pid)] == []

    own_stack.start()
    assert own_stack.listing() == {}
    with Host(own_stack.ws_url, lambda method, body: body, f"/lambda/new/{one.id}") as again:
        assert again.details["recovered"] is True
        wait_until(lambda: again.id in own_stack.listing())
        assert call(own_stack.url, again.id, body="1").json() == 1


def test_a_port_in_use_is_told_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        port = str(taken.getsockname()[1])

        ended = subprocess.run(
            [sys.executable, "-m", "grip_lambda", "serve", "--no-demo"],
            env={**os.environ, "PORT": port, "GRIP_LAMBDA_DATA": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )

    assert ended.returncode == 2
    assert ended.stdout == ""
    assert len(ended.stderr.splitlines()) == 1
    assert port in ended.stderr
    assert "PORT" in ended.stderr


def test_the_store_does_not_grow_with_the_calls_that_were_made(own_stack: Stack) -> None:
    data = own_stack.folder / "data"

    def kept() -> int:
        with closing(sqlite3.connect(data / "grip-lambda.db")) as db:
            return int(db.execute("SELECT count(*) FROM calls").fetchone()[0])

    def size() -> int:
        return sum(path.stat().st_size for path in data.glob("grip-lambda.db*"))

    async def run() -> None:
        async with hosts(own_stack.ws_url, 4) as to:
            before = size()
            replies = await load(own_stack.url, to, ({"n": n} for n in range(2000)), 32)
            assert {reply.status for reply in replies} == {200}
            ended = time.monotonic()
            await until(lambda: kept() == 0, "the end of what is kept of calls")
            assert time.monotonic() - ended < 15
            # 2,000 calls and their results are some 700 kB while they are kept.
            assert size() < before + 6_000_000

    asyncio.run(run())
