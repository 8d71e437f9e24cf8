"""A Pushpin, a backend and the front, each started by a command of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import trustme

from tests.support.clients import Socket, calling, for_sockets
from tests.support.parts import SECRETS, Deployment, deployed
from tests.support.stack import command, descendants, ended, inherited, wait_until

PROXIES = json.dumps(
    [{"verify_iss": "n1", "verify_key": "k" * 32, "control_zmq_uri": "tcp://127.0.0.1:5563"}]
)


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with deployed(tmp_path_factory.mktemp("parts")) as running:
        yield running


def host_of(deployment: Deployment) -> Socket:
    host = Socket(deployment.url.replace("http", "ws", 1))
    host.open()
    wait_until(
        lambda: host.id in requests.get(f"{deployment.url}/lambda", timeout=10).json(),
        what="the listing of a lambda",
    )
    return host


def test_each_part_says_that_it_is_ready_and_calls_come_through(deployment: Deployment) -> None:
    host = host_of(deployment)

    called = calling(deployment.url, host.id, "echo")
    host.answer(host.receive(), result="hello")

    assert called.result(10).json() == "hello"
    assert requests.get(f"{deployment.url}/readyz", timeout=10).status_code == 200


def test_processes_of_a_backend_that_is_reloaded_are_replaced(deployment: Deployment) -> None:
    host, before = host_of(deployment), deployment.workers()
    assert len(before) == 2

    deployment.parts["backend"].process.send_signal(signal.SIGHUP)
    wait_until(lambda: not deployment.workers() & before, 30, "the replacement")

    called = calling(deployment.url, host.id, "echo")
    host.answer(host.receive(), result=1)
    assert called.result(10).json() == 1
    assert "killing" not in deployment.parts["backend"].log.read_text(), "they end by themselves"


def test_secrets_are_in_no_environment_and_no_list_of_processes(deployment: Deployment) -> None:
    top = [part.process.pid for part in deployment.parts.values()]
    shown = b"".join(
        Path(f"/proc/{pid}/{name}").read_bytes()
        for pid in [*top, *(below for one in top for below in descendants(one))]
        for name in ("environ", "cmdline")
    )

    assert b"GRIP_LAMBDA_SECRET_FILE" in shown
    assert not any(secret.encode() in shown for secret in [*SECRETS.values(), "k" * 32])


def test_a_pushpin_that_loses_a_program_is_started_again_with_all_of_it(tmp_path: Path) -> None:
    with deployed(tmp_path) as running:
        host_of(running)
        below = descendants(running.parts["pushpin"].process.pid)
        lost = next(pid for pid in below if "zurl" in command(pid))

        os.kill(lost, signal.SIGKILL)

        programs = [pid for pid in below if pid != lost]
        wait_until(lambda: all(map(ended, programs)), 20, "the end of the others")
        wait_until(lambda: _serves(running), 30, "its return")
        host = host_of(running)
        called = calling(running.url, host.id, "echo")
        host.answer(host.receive(), result=1)
        assert called.result(10).json() == 1


def _serves(running: Deployment) -> bool:
    with contextlib.suppress(requests.RequestException):
        return requests.get(f"{running.url}/readyz", timeout=1).ok
    return False


def test_the_front_speaks_tls(tmp_path: Path) -> None:
    authority, certificate, key = (tmp_path / name for name in ("ca.pem", "cert.pem", "key.pem"))
    own = trustme.CA()
    own.cert_pem.write_to_path(authority)
    issued = own.issue_cert("localhost")
    issued.private_key_pem.write_to_path(key)
    issued.cert_chain_pems[0].write_to_path(certificate)
    options = ["--certificate", str(certificate), "--certificate-key", str(key)]
    with deployed(tmp_path, *options, scheme="https") as running:
        shown = requests.get(f"{running.url}/readyz", verify=str(authority), timeout=10)
        assert shown.status_code == 200
        host = Socket(running.url.replace("http", "ws", 1), ssl=for_sockets(authority))
        host.open()
        assert len(host.id) == 16


def run(command: str, **environ: str) -> tuple[int, str]:
    """Run a command that can't; return its status and what it says."""
    name, *options = command.split()
    ended = subprocess.run(
        [sys.executable, "-m", "grip_lambda", name, *options],
        env={**inherited(), **environ},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return ended.returncode, ended.stderr.strip()


@pytest.mark.parametrize(
    ("command", "environ", "said"),
    [
        ("pushpin", {}, "GRIP_PROXIES"),
        ("pushpin --name n2", {"GRIP_PROXIES": PROXIES}, "no entry whose verify_iss is 'n2'"),
        ("pushpin", {"GRIP_PROXIES": PROXIES.replace("127.0.0.1", "pushpin")}, "<IP address>"),
        ("pushpin", {"GRIP_PROXIES": PROXIES.replace("kkk", "k\\nk")}, "verify_key of n1 must"),
        ("pushpin --host here", {"GRIP_PROXIES": PROXIES}, "must be an IP address"),
        ("pushpin --backend x", {"GRIP_PROXIES": PROXIES}, "'x' is not host:port"),
        ("backend", {}, "GRIP_PROXIES"),
        ("backend", {"GRIP_PROXIES_FILE": "/none"}, "/none can't be read"),
        ("front", {}, "GRIP_LAMBDA_FRONT_KEY"),
        ("front", {"GRIP_LAMBDA_FRONT_KEY": 'x";\n}'}, "GRIP_LAMBDA_FRONT_KEY"),
        ("front --certificate /none", {"GRIP_LAMBDA_FRONT_KEY": "f" * 32}, "--certificate-key"),
        (
            "front --certificate /none --certificate-key /none",
            {"GRIP_LAMBDA_FRONT_KEY": "f" * 32},
            "/none can't be read",
        ),
        ("front --listen 7999", {"GRIP_LAMBDA_FRONT_KEY": "f" * 32}, "'7999' is not host:port"),
    ],
)
def test_what_makes_no_sense_is_told_in_one_line(
    tmp_path: Path, command: str, environ: dict[str, str], said: str
) -> None:
    status, text = run(command, GRIP_LAMBDA_DATA=str(tmp_path / "data"), **environ)

    assert status == 2, text
    assert said in text
    assert "Traceback" not in text
    assert len(text.splitlines()) == 1
