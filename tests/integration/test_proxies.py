"""The server behind nginx and HAProxy as docs/proxies.md sets them up: with TLS, below a path."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import pwd
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin

import pytest
import requests
import trustme

from grip_lambda.protocol.sse import Event, Parser
from tests.support.clients import Socket, for_sockets
from tests.support.stack import Stack, free_port, inherited, wait_until

DOCS = Path(__file__).parents[2] / "docs" / "proxies.md"
NGINX = """
daemon off; user {user}; pid {folder}/pid; error_log stderr; worker_processes 1;
events {{ worker_connections 500; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/none; uwsgi_temp_path {folder}/none; scgi_temp_path {folder}/none;
    {site}
}}
"""


def documented(language: str) -> str:
    """Return what the page says, in one of its configurations."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", DOCS.read_text(), re.M | re.S)
    return str(found)


class Proxied:
    """The server, and the proxy that clients reach it by.

    Attributes:
        url: where the proxy serves it.
        certificate: the file of the authority to trust.
    """

    def __init__(self, stack: Stack, port: int, certificate: Path) -> None:
        self.stack = stack
        self.port = port
        self.url = f"https://localhost:{port}/grip"
        self.certificate = certificate

    def socket(self) -> Socket:
        host = Socket(f"{self.url.replace('https', 'wss')}", ssl=for_sockets(self.certificate))
        host.open()
        wait_until(lambda: host.id in self.stack.listing(), what="the listing of a lambda")
        return host

    def request(self, method: str, path: str, **options: Any) -> requests.Response:
        return requests.request(
            method, self.url + path, verify=str(self.certificate), timeout=20, **options
        )


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    running = Stack(tmp_path_factory.mktemp("proxied"), GRIP_LAMBDA_TRUSTED_PROXIES="1")
    yield running
    running.stop()


@pytest.fixture(scope="module", params=["nginx", "haproxy"])
def proxied(
    request: pytest.FixtureRequest, stack: Stack, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Proxied]:
    kind, folder, port = str(request.param), tmp_path_factory.mktemp("proxy"), free_port()
    authority, certificate, key = (
        folder / name for name in ("ca.pem", "example.org.pem", "example.org.key")
    )
    own = trustme.CA()
    own.cert_pem.write_to_path(authority)
    issued = own.issue_cert("localhost")
    issued.private_key_pem.write_to_path(key)
    issued.cert_chain_pems[0].write_to_path(certificate)
    text = documented(kind).replace("127.0.0.1:7999", f"127.0.0.1:{stack.port}")
    if kind == "nginx":
        text = text.replace("listen 443", f"listen 127.0.0.1:{port}")
        text = NGINX.format(
            folder=folder,
            user=pwd.getpwuid(os.getuid()).pw_name,
            site=text.replace("/etc/ssl/", f"{folder}/"),
        )
        command = ["nginx", "-p", str(folder), "-e", "stderr", "-c"]
    else:
        both = folder / "both.pem"
        both.write_text(certificate.read_text() + key.read_text())
        text = text.replace("maxconn 20000", "maxconn 500")  # files may be few
        text = text.replace("bind :443", f"bind 127.0.0.1:{port}")
        text = text.replace("/etc/haproxy/example.org.pem", str(both))
        command = ["haproxy", "-f"]
    config = folder / "config"
    config.write_text(text)
    program = shutil.which(command[0], path="/usr/sbin:/usr/bin:/usr/local/sbin")
    assert program is not None
    log = folder / "log"
    with log.open("wb") as out:
        process = subprocess.Popen([program, *command[1:], str(config)], stdout=out, stderr=out)
    found = Proxied(stack, port, authority)

    def answers() -> bool:
        assert process.poll() is None, log.read_text()
        with contextlib.suppress(requests.ConnectionError):
            return found.request("GET", "/readyz").status_code == 200
        return False

    try:
        wait_until(answers, 20, "the start of the proxy")
        yield found
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        process.wait()


def test_a_host_and_a_caller_of_the_command_line_find_each_other(proxied: Proxied) -> None:
    environ = {**inherited(), "SSL_CERT_FILE": str(proxied.certificate)}
    run = [sys.executable, "-m", "grip_lambda"]
    with subprocess.Popen(
        [*run, "host", "--url", proxied.url, "--exec", "cat"],
        env=environ,
        stdout=subprocess.PIPE,
        text=True,
    ) as host:
        try:
            assert host.stdout is not None
            address = host.stdout.readline().strip()
            assert address.startswith(f"{proxied.url}/lambda/")
            called = subprocess.run(
                [*run, "call", f"{address}/echo", '{"a": 1}'],
                env=environ,
                capture_output=True,
                text=True,
                timeout=30,
                check=True,
            )
        finally:
            host.terminate()
    assert json.loads(called.stdout) == {"a": 1}


@pytest.mark.parametrize("path", ["/", "/console", "/grip-lambda.js", "/openapi.json", "/version"])
def test_pages_are_there(proxied: Proxied, path: str) -> None:
    assert proxied.request("GET", path).status_code == 200


def test_pages_ask_for_what_is_below_the_path(proxied: Proxied) -> None:
    page = proxied.request("GET", "/console")

    found = re.findall(r"""(?:src|href)=["']([^"'#:]+)["']""", page.text)
    assert found
    for one in found:
        where = urljoin(f"{proxied.url}/console", one)
        assert where.startswith(f"{proxied.url}/")
        shown = requests.get(where, verify=str(proxied.certificate), timeout=20)
        assert shown.status_code == 200, where


def test_a_path_arrives_as_it_was_sent(proxied: Proxied) -> None:
    host = proxied.socket()
    for method, status in [("a%2Fb", 404), ("a%20b", 504), ("%C3%A4", 504)]:
        path, headers = f"/lambda/{host.id}/{method}", {"Prefer": "wait=0.1"}
        direct = requests.post(proxied.stack.url + path, headers=headers, timeout=5)
        told = proxied.request("POST", path, headers=headers)
        assert (told.status_code, told.text) == (direct.status_code, direct.text)
        assert told.status_code == status
        if status == 504:  # it has come to the host
            assert [host.receive()["method"] for _ in range(2)] == [unquote(method)] * 2


def test_a_call_that_is_begun_is_found_below_the_path(proxied: Proxied) -> None:
    host = proxied.socket()

    begun = proxied.request("POST", f"/lambda/{host.id}/echo", headers={"Prefer": "respond-async"})
    host.answer(host.receive(), result="done")

    assert begun.status_code == 202
    where = urljoin(begun.url, begun.headers["Location"])
    assert where.startswith(f"{proxied.url}/calls/")

    def result() -> list[Any]:
        shown = requests.get(where, verify=str(proxied.certificate), timeout=20)
        return [shown.json()] if shown.status_code == 200 else []

    assert wait_until(result, what="the result") == ["done"]


def test_events_come_when_they_are_sent(proxied: Proxied) -> None:
    host = proxied.socket()
    response = proxied.request(
        "POST",
        f"/lambda/{host.id}/count",
        headers={"Accept": "text/event-stream"},
        stream=True,
    )
    message = host.receive()
    pieces, parser = response.iter_content(None), Parser()

    for number in range(3):
        host.send({"method": "progress", "params": [message["id"], number], "id": None})
        events: list[Event] = []
        while not events:
            events = list(parser.feed(next(pieces)))
        assert [json.loads(event.data) for event in events] == [number]
    response.close()


def test_a_host_without_websocket_is_called(proxied: Proxied) -> None:
    response = proxied.request(
        "GET", "/lambda/new", headers={"Accept": "text/event-stream"}, stream=True
    )
    pieces, parser = response.iter_content(None), Parser()

    def following() -> Any:
        events: list[Event] = []
        while not events:
            events = list(parser.feed(next(pieces)))
        return json.loads(events[0].data)

    lambda_id, details = following()["params"]
    where = f"/lambda/new/{lambda_id}?token={details['token']}"
    assert proxied.request("POST", where, json={"id": 0, "result": "ok"}).ok
    wait_until(lambda: lambda_id in proxied.stack.listing(), what="the listing of a lambda")
    began = time.monotonic()
    called = proxied.request(
        "POST", f"/lambda/{lambda_id}/echo", headers={"Prefer": "respond-async"}
    )
    assert called.status_code == 202
    assert following()["method"] == "echo"
    assert time.monotonic() - began < 5
    response.close()


def test_the_address_of_a_client_is_that_which_the_proxy_sees(proxied: Proxied) -> None:
    """And not what the client says that it is."""
    with requests.get(f"{proxied.stack.url}/events", stream=True, timeout=20) as watched:
        pieces, parser = watched.iter_content(None), Parser()
        host = proxied.socket()
        connection = http.client.HTTPSConnection(
            "localhost",
            proxied.port,
            source_address=("127.0.0.2", 0),
            context=for_sockets(proxied.certificate),
        )
        connection.request(
            "POST",
            f"/grip/lambda/{host.id}/echo",
            headers={"X-Forwarded-For": "192.0.2.1", "Prefer": "respond-async"},
        )
        assert connection.getresponse().status == 202
        connection.close()
        for piece in pieces:
            told = [json.loads(one.data) for one in parser.feed(piece) if one.name == "call"]
            mine = [one for one in told if one["lambda"] == host.id]
            if mine:
                break
    assert [one["from"] for one in mine] == ["127.0.0.2"]


def test_a_large_body_passes(proxied: Proxied) -> None:
    host = proxied.socket()
    begun = proxied.request(
        "POST",
        f"/lambda/{host.id}/echo",
        data=json.dumps("x" * 90_000),
        headers={"Prefer": "respond-async"},
    )

    assert begun.status_code == 202
    assert host.receive()["params"] == ["x" * 90_000]
