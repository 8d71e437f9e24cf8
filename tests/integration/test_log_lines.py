"""The log of a whole server, and that of a host on the command line."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.clients import Host, Socket, call
from tests.support.cluster import Cluster
from tests.support.keys import KeyedStack
from tests.support.stack import Program, Stack, wait_until

FORM = {"time", "level", "part", "message"}
CALL = {"lambda", "call", "method", "service", "from", "key", "bytes_in"} | {
    *("status", "code", "ms", "bytes_out")
}


def lines(program: Program) -> list[dict[str, Any]]:
    return [json.loads(line) for line in program.log.read_text().splitlines()]


def parts(program: Program) -> set[str]:
    return {line["part"] for line in lines(program)}


def calls(program: Program) -> list[dict[str, Any]]:
    return [line for line in lines(program) if "call" in line]


def test_every_line_is_in_one_form_and_none_has_a_secret(tmp_path: Path) -> None:
    wanted = {"GRIP_LAMBDA_LOG": "json", "GRIP_LAMBDA_ACCESS_LOG": "1"}
    stack = KeyedStack(tmp_path, {"full": "host,call,list"}, **wanted)
    try:
        key = stack.keys["full"]
        bearer = {"Authorization": f"Bearer {key}"}
        ticket = requests.post(f"{stack.url}/tickets", headers=bearer, timeout=10).json()["ticket"]
        with Host(stack.ws_url, lambda method, body: body, f"/lambda/new?ticket={ticket}") as one:
            wait_until(
                lambda: call(stack.url, one.id, "a%0Ab", headers=bearer).status_code == 200,
                what="the opening",
            )
            call(stack.url, one.id, "asked", headers={"X-Api-Key": "gl_" + "0" * 16 + "_wrong"})
            call(stack.url, one.id, f"ticketed?ticket={ticket}")
            with pytest.raises(Exception, match="HTTP 403"):
                Socket(stack.ws_url, f"/lambda/new/{one.id}?token={one.token}x")
            os.kill(stack.pushpin("pushpin-handler"), signal.SIGKILL)
            wait_until(lambda: {"pushpin", "supervisor"} <= parts(stack), what="the news of that")
            for pid in stack.workers():
                os.kill(pid, signal.SIGKILL)
            wait_until(lambda: "granian" in parts(stack), 20, "the news of that")
    finally:
        stack.stop()
    text = stack.log.read_text()

    assert all(set(line) >= FORM for line in lines(stack))
    assert {line["level"] for line in lines(stack)} <= {"INFO", "WARNING", "ERROR"}
    odd, ticketed = (one for one in calls(stack) if one["method"] in ("a\nb", "ticketed"))
    assert set(odd) == FORM | CALL
    assert (odd["method"], odd["status"], odd["from"]) == ("a\nb", 200, "127.0.0.1")
    assert odd["key"] == key[3:19]
    assert ticketed["status"] == 200
    for secret in (key, key[20:], ticket, one.token):
        assert secret not in text


def test_a_cluster_writes_in_one_form(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path, NODES="1", BACKENDS="1", GRIP_LAMBDA_LOG="json")
    try:
        os.kill(cluster.redis(), signal.SIGTERM)
        wait_until(lambda: cluster.said("Ready to exit") or cluster.said("ready to exit"))
    finally:
        cluster.stop()

    assert {"supervisor", "pushpin n1", "redis"} <= parts(cluster)
    assert calls(cluster) == []


def test_a_backend_writes_no_line_for_a_call_unless_it_is_told_to(stack: Stack) -> None:
    with Host(stack.ws_url, lambda method, body: body) as one:
        wait_until(lambda: one.id in stack.listing(), what="the listing")
        call(stack.url, one.id, "unheard-of")

    assert "unheard-of" not in stack.log.read_text()


def hosting(stack: Stack, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "grip_lambda", "host", "--exec", "cat", "--url", stack.url]
    return subprocess.Popen(
        [*command, *options],
        env={k: v for k, v in os.environ.items() if not k.startswith("GRIP_")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("quiet", [(), ("--quiet",)])
def test_a_host_on_the_command_line_writes_a_line_for_each_call(
    stack: Stack, quiet: tuple[str, ...]
) -> None:
    process = hosting(stack, *quiet)
    assert process.stdout is not None
    lambda_id = process.stdout.readline().strip().rpartition("/")[2]
    for method in ("first", "%1b[31msecond%0a"):
        assert call(stack.url, lambda_id, method, b"1").status_code == 200
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=20)

    if quiet:
        assert told == ""
        return
    first, second = told.splitlines()
    assert re.fullmatch(r"\S+Z INFO host call method=first outcome=ok ms=[\d.]+", first)
    assert r'method="\u001b[31msecond\n" outcome=ok' in second
