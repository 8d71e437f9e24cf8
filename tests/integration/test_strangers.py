"""What is not our server: redirects, pages of HTML, other certificates, proxies, logs."""

from __future__ import annotations

import asyncio
import os
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from grip_lambda.client import (
    AsyncClient,
    AsyncHost,
    Client,
    Host,
    Monologue,
    RemoteError,
    ServerError,
    Unavailable,
)
from tests.support.keys import KeyedStack
from tests.support.stack import Stack, free_port
from tests.support.strangers import Answers, Stranger, redirect, response

ID = "inRwcfvee17P85B8"
TOKEN = "0123456789abcdefghijklmnopqrstuv"
KEY = "gl_0123456789abcdef_secret"
#: What fails by itself is told within this time, in seconds; there are no retries.
AT_ONCE_S = 3.0

Operation = Callable[[Client], Any]
OPERATIONS: dict[str, Operation] = {
    "call": lambda client: client.call(ID, "m", {"a": 1}),
    "call once": lambda client: client.call(ID, "m", {"a": 1}, idempotency_key="k"),
    "submit": lambda client: client.submit(ID, "m", {"a": 1}),
    "stream": lambda client: client.stream(ID, "m", {"a": 1}).result,
    "list": lambda client: client.list(),
    "get": lambda client: client.get(ID),
    "delete": lambda client: client.delete(ID, TOKEN),
    "result": lambda client: client.pending("c").result(1),
    "done": lambda client: client.pending("c").done(),
    "cancel": lambda client: client.pending("c").cancel(),
}


async def awaited(url: str, name: str) -> Any:
    """Do the same with the caller that awaits."""
    async with AsyncClient(url, key=KEY) as client:
        if name == "stream":
            return await client.stream(ID, "m", {"a": 1}).result()
        if name == "call once":
            return await client.call(ID, "m", {"a": 1}, idempotency_key="k")
        return await OPERATIONS[name](client)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_error_that_names_the_target(name: str, status: int) -> None:
    with (
        Stranger(lambda head: response(200, "null", "application/json")) as target,
        Stranger(redirect(status, target.url.replace("://", "://user:geheim@"))) as stranger,
        Client(stranger.url, key=KEY) as client,
    ):
        began = time.monotonic()
        with pytest.raises(Unavailable, match=f"redirects to {target.url}/") as failed:
            OPERATIONS[name](client)
        assert time.monotonic() - began < AT_ONCE_S
        assert failed.value.status == status
        assert not failed.value.may_have_run
        assert "geheim" not in str(failed.value)
        assert TOKEN not in str(failed.value)
        assert len(stranger.heads) == 1
        assert target.heads == []


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_caller_that_awaits_is_not_redirected_either(name: str) -> None:
    with (
        Stranger(lambda head: response(200, "null", "application/json")) as target,
        Stranger(redirect(307, target.url)) as stranger,
    ):
        if name in ("result", "done", "cancel"):
            with pytest.raises(Unavailable, match=target.url):
                asyncio.run(_pending(stranger.url, name))
        else:
            with pytest.raises(Unavailable, match=target.url):
                asyncio.run(awaited(stranger.url, name))
        assert target.heads == []


async def _pending(url: str, name: str) -> Any:
    async with AsyncClient(url) as client:
        return await getattr(client.pending("c"), name)()


PAGES = {
    "a page": response(200, "<html>sign in</html>"),
    "a page that is JSON": response(200, "1"),
    "an empty page": response(200, ""),
    "a page that was accepted": response(202, "<html>"),
    "a page for a page": response(203, "null"),
}


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("page", PAGES)
def test_a_page_of_html_is_no_success(name: str, page: str) -> None:
    with Stranger(lambda head: PAGES[page]) as stranger, Client(stranger.url) as client:
        with pytest.raises(ServerError):
            OPERATIONS[name](client)
        assert len(stranger.heads) == 1


@pytest.mark.parametrize("status", [301, 308])
@pytest.mark.parametrize("kind", ["host", "monologue"])
def test_a_host_is_not_redirected(kind: str, status: int) -> None:
    """Its key and its token would be shown to somebody else."""

    async def open_host(url: str) -> None:
        if kind == "host":
            await AsyncHost(url, {}, key=KEY, id=ID, token=TOKEN).start(10)
        else:
            await Monologue(f"{url}/monologue", api_key=KEY).connect()

    with Stranger() as target, Stranger(redirect(status, target.url)) as stranger:
        with pytest.raises(Unavailable, match=f"redirects to {target.url}/") as failed:
            asyncio.run(open_host(stranger.url))
        assert TOKEN not in str(failed.value)
        assert len(stranger.heads) == 1
        assert TOKEN not in stranger.heads[0].split("\r\n")[0]
        assert target.heads == []


def posts(answer: bytes) -> Answers:
    """Answer what a host posts, and pass its WebSocket on."""
    return lambda head: answer if head.startswith("POST") else None


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (response(200, "<html>sign in</html>"), "200 <html>sign in"),
        (response(302, "", Location="https://a.example/in?token=t"), "https://a.example/in"),
        (response(413, "too much"), "413 too much"),
    ],
)
def test_a_result_that_is_not_taken_fails_its_call_at_once(
    stack: Stack, answer: bytes, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        Stranger(posts(answer), stack.port) as stranger,
        Host(stranger.url, {"big": lambda: "x" * 150_000}) as host,
        Client(stack.url) as client,
    ):
        began = time.monotonic()
        with pytest.raises(RemoteError, match=f"NotSent: the result was not sent: .*{why}"):
            client.call(host.id, "big", wait=20)
        assert time.monotonic() - began < AT_ONCE_S
        post = next(head for head in stranger.heads if head.startswith("POST"))
        assert f"Authorization: Bearer {host.token}".lower() in post.lower()
        assert host.token not in post.split("\r\n")[0]
    assert "a result was not sent" in caplog.text
    assert host.token not in caplog.text


def test_no_secrets_are_logged(
    keyed: KeyedStack, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(1)
    for name in ("httpx", "httpcore", "websockets", "websockets.client", "grip_lambda"):
        caplog.set_level(1, name)
    caplog.set_level(1, "grip_lambda.client.websockets")
    key = keyed.keys["full"]
    basic = {"Authorization": "Basic abc"}
    with Host(keyed.url, {"big": lambda: "x" * 150_000}, key=key) as host:
        with Client(keyed.url, key=key) as client:
            assert len(client.call(host.id, "big")) == 150_000
            pending = client.submit(host.id, "big")
            assert len(pending.result()) == 150_000
        with Host(keyed.url, {"big": lambda: 1}, id=host.id, token=host.token, key=key) as second:
            token = second.token
            with Client(keyed.url, headers=basic, key=key) as client:
                client.delete(host.id, token)  # in the query, as there is no room in a header
    with Host(keyed.url, {"big": lambda: 1}, key=key) as third, Client(keyed.url) as client:
        client.delete(third.id, third.token)

    assert "HTTP Request: DELETE" in caplog.text
    for secret in (host.token, third.token, key, key.rpartition("_")[2], pending.id):
        assert secret not in caplog.text


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    """The context of a server whose certificate is of a company's own authority, and that."""
    own = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own.issue_cert("localhost").configure_cert(context)
    path = tmp_path_factory.mktemp("authority") / "ca.pem"
    own.cert_pem.write_to_path(str(path))
    return context, path


@pytest.fixture
def https(stack: Stack, authority: tuple[ssl.SSLContext, Path]) -> Iterator[Stranger]:
    with Stranger(to_port=stack.port, tls=authority[0]) as one:
        yield one


def test_the_systems_authorities_are_trusted_for_all(
    https: Stranger, authority: tuple[ssl.SSLContext, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority[1]))

    with Host(https.url, {"big": lambda n: "x" * n}) as host, Client(https.url) as client:
        assert client.call(host.id, "big", 3) == "xxx"
        assert len(client.call(host.id, "big", 150_000)) == 150_000
        assert client.stream(host.id, "big", 1).result == "x"
        assert client.get(host.id).id == host.id
        assert asyncio.run(_count(https.url)) > 0


async def _count(url: str) -> int:
    async with AsyncClient(url) as client:
        return len(await client.list())


@pytest.mark.parametrize("name", ["call", "call once", "stream", "list", "delete"])
def test_another_certificate_is_told_at_once(https: Stranger, name: str) -> None:
    with Client(https.url) as client:
        began = time.monotonic()
        with pytest.raises(Unavailable, match="certificate is not trusted") as failed:
            OPERATIONS[name](client)
        assert time.monotonic() - began < AT_ONCE_S
    assert not failed.value.may_have_run
    assert https.heads == []


def test_another_certificate_ends_a_host(https: Stranger) -> None:
    with pytest.raises(Unavailable, match="certificate is not trusted"):
        Host(https.url, {}).run()
    with pytest.raises(Unavailable, match="certificate is not trusted"):
        asyncio.run(Monologue(f"{https.url}/monologue").connect())


def test_a_dead_proxy_is_named(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_PROXY", "no_proxy", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTP_PROXY", f"http://user:geheim@127.0.0.1:{free_port()}")
    words = r"refused.*the proxy that HTTP_PROXY names"
    with Client(stack.url, retries=0) as client, pytest.raises(Unavailable, match=words) as failed:
        client.list()
    assert "geheim" not in str(failed.value)
    with pytest.raises(Unavailable, match="the proxy that HTTP_PROXY names") as failed:
        Host(stack.url, {}).start(0.5)
    assert "geheim" not in str(failed.value)


@pytest.mark.parametrize("arguments", [("list",), ("call", ID, "m"), ("host", "--exec", "true")])
@pytest.mark.parametrize("value", ["socks5://u:geheim@127.0.0.1:1", "socks://u:geheim@127.0.0.1:1"])
def test_a_proxy_that_cannot_work_is_one_line_of_the_command(
    arguments: tuple[str, ...], value: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "grip_lambda", *arguments, "--url", "http://a.example"],
        env={**os.environ, "ALL_PROXY": value},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("grip-lambda: ALL_PROXY names a")
    assert done.stderr.count("\n") == 1
    assert "geheim" not in done.stderr


def test_the_command_line_prints_no_password(stack: Stack) -> None:
    url = stack.url.replace("://", "://user:geheim@")
    with Host(stack.url, {}) as host:
        done = subprocess.run(
            [sys.executable, "-m", "grip_lambda", "ping", host.id, "--url", url],
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        )

    assert done.stdout.startswith(f"{stack.url}/lambda/{host.id} is open")
    assert "geheim" not in done.stdout + done.stderr
