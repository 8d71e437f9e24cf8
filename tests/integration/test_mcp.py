"""Lambdas as servers of the Model Context Protocol: its own clients, unchanged, and bad ones."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import anyio
import mcp
import pytest
import requests

from grip_lambda.client import Host, Image, progress
from grip_lambda.protocol.mcp import LEGACY, MODERN, VERSIONS
from tests.integration.conftest import SocketFactory
from tests.integration.test_javascript import NODE_TESTS, Running
from tests.support.clients import Socket
from tests.support.keys import KeyedStack
from tests.support.stack import Stack, wait_until
from tests.unit.client.test_describing import Order, add

PNG = b"\x89PNG"
EVENTS = "application/json, text/event-stream"


class Tools:
    """What a test has for tools."""

    def __init__(self) -> None:
        self.add = add
        self.cancelled = threading.Semaphore(0)

    def functions(self) -> dict[str, Any]:
        return {
            "add": add,
            "order": self.order,
            "picture": self.picture,
            "steps": self.steps,
            "wait": self.wait,
        }

    def order(self, order: Order) -> Order:
        return order

    def picture(self) -> list[str | Image]:
        return ["look", Image(PNG)]

    async def steps(self, n: int) -> str:
        for number in range(n):
            await progress({"progress": number + 1, "total": n, "message": "step"})
        await progress("almost")
        return "done"

    async def wait(self) -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            self.cancelled.release()
            raise


@pytest.fixture(scope="module")
def tools() -> Tools:
    return Tools()


@pytest.fixture
def url(stack: Stack, tools: Tools) -> Iterator[str]:
    with Host(stack.url, tools.functions()) as host:
        yield f"{stack.url}/mcp/lambda/{host.id}"


def post(url: str, message: Any, **headers: str) -> requests.Response:
    text = message if isinstance(message, bytes) else json.dumps(message)
    return requests.post(url, data=text, headers=headers, timeout=20)


def request(method: str, id: Any = 1, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": id, "method": method, "params": params}


@pytest.mark.bare_too
@pytest.mark.parametrize("mode", [MODERN, "auto", "legacy"])
def test_the_client_of_the_protocol_in_python(url: str, tools: Tools, mode: str) -> None:
    told: list[tuple[float, float | None, str | None]] = []

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        told.append((progress, total, message))

    async def use() -> None:
        async with mcp.Client(url, mode=mode) as client:
            assert client.protocol_version == (LEGACY[0] if mode == "legacy" else MODERN)
            listed = {tool.name: tool for tool in (await client.list_tools()).tools}
            assert set(listed) == {"add", "order", "picture", "steps", "wait"}
            assert listed["add"].input_schema["required"] == ["a"]
            done = await client.call_tool("add", {"a": 1, "b": 2})
            assert done.structured_content == {"result": 3}
            done = await client.call_tool("order", {"tea": 3})
            assert done.structured_content == {"tea": 3, "to": "here"}
            done = await client.call_tool("add", {"a": "x"})
            assert done.is_error
            assert "'a'" in done.content[0].text  # type: ignore[union-attr]
            done = await client.call_tool("picture")
            assert [one.type for one in done.content] == ["text", "image"]
            done = await client.call_tool("steps", {"n": 3}, progress_callback=on_progress)
            assert done.structured_content == {"result": "done"}
            with pytest.raises(mcp.MCPError) as unknown:
                await client.call_tool("nothing", {})
            assert unknown.value.error.code == -32602
            with anyio.move_on_after(0.5):
                await client.call_tool("wait")

    asyncio.run(use())
    steps = [(1, 3, "step"), (2, 3, "step"), (3, 3, "step"), (4, None, "almost")]
    assert told == steps
    assert tools.cancelled.acquire(timeout=10), "the host was not told of the end"


def test_the_clients_of_the_protocol_in_javascript(url: str, tools: Tools) -> None:
    assert Running("node", "mcp.mjs", url, cwd=NODE_TESTS).end() == "done\n"
    for _ in range(3):
        assert tools.cancelled.acquire(timeout=10), "the host was not told of the end"


def test_a_call_reaches_its_host_as_it_was_sent(stack: Stack, opened: SocketFactory) -> None:
    host = opened({"ok": True, "methods": ["größe", {"name": "n", "params": {"type": "number"}}]})
    url = f"{stack.url}/mcp/lambda/{host.id}"
    numbers = b'{"b": 1.50, "a": 12345678901234567890123}'
    message = (
        b'{"jsonrpc":"2.0","id":"x","method":"tools/call","params":{"arguments":%b,"name":"%b"}}'
    )
    with ThreadPoolExecutor() as threads:
        asked = threads.submit(post, url, message % (numbers, b"gr__e"))
        host.answer(host.receive(), error="no such method")  # rpc.discover
        call = json.loads(host.socket.recv(10), parse_float=str)
        assert (call["method"], call["params"]) == (
            "größe",
            [{"b": "1.50", "a": 12345678901234567890123}],
        )
        host.socket.send(f'{{"id":"{call["id"]}","result":{{"n":1.50}}}}')
        assert asked.result().text == (
            '{"jsonrpc":"2.0","id":"x","result":{"content":[{"type":"text","text":"{\\"n\\":1.50}"}],'
            '"structuredContent":{"n":1.50}}}'
        )
        asked = threads.submit(post, url, message % (b'{"body": 7}', b"n"))
        call = host.receive()
        while call["method"] == "rpc.discover":  # of the other process
            host.answer(call, error="no such method")
            call = host.receive()
        assert (call["method"], call["params"]) == ("n", [7])
        host.close()
        told = asked.result().json()["result"]
        assert told["isError"] is True
        assert "disconnected" in told["content"][0]["text"]


@pytest.mark.bare_too
def test_what_never_reached_the_host_is_an_error(stack: Stack, url: str) -> None:
    unknown = post(url, request("tools/call", name="nothing", arguments={}))
    nobody = post(f"{stack.url}/mcp/lambda/{'x' * 16}", request("tools/list"))
    array = post(url, request("tools/call", name="add", arguments=[1]))
    method = post(url, request("resources/list"))

    assert unknown.json()["error"]["code"] == -32602
    assert nobody.json()["error"]["data"] == {"code": "not_found", "status": 404}
    assert array.json()["error"]["code"] == -32602
    assert method.json()["error"]["code"] == -32601
    for one in (unknown, nobody, array, method):
        assert one.status_code == 200
        assert one.headers["Content-Type"] == "application/json"


def test_nothing_is_kept_between_two_requests(url: str) -> None:
    first = post(url, request("initialize", protocolVersion="2025-06-18", capabilities={}))
    assert first.json()["result"]["protocolVersion"] == "2025-06-18"
    assert "Mcp-Session-Id" not in first.headers
    assert post(url, request("ping")).json() == {"jsonrpc": "2.0", "id": 1, "result": {}}
    for note in ("notifications/initialized", "notifications/cancelled", "notifications/other"):
        told = post(url, {"jsonrpc": "2.0", "method": note, "params": {"requestId": 1}})
        assert (told.status_code, told.text) == (202, "")
    for version in VERSIONS[1:]:
        listed = post(url, request("tools/list"), **{"MCP-Protocol-Version": version})
        assert len(listed.json()["result"]["tools"]) == 5
    for method in ("GET", "DELETE", "PUT"):
        told = requests.request(method, url, headers={"Accept": EVENTS}, timeout=10)
        assert (told.status_code, told.json()["code"]) == (405, "method_not_allowed")
        assert told.headers["Allow"].startswith("POST")


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (b"", -32700),
        (b"\xff", -32700),
        (b"[" * 200_000, -32700),
        ([request("tools/list")] * 1000, -32600),
        (request("tools/list", id=None), -32600),
        (request("tools/list", id="x" * 100_000), -32600),
        ({"jsonrpc": "2.0", "id": 1}, -32600),
        ({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": 5}, -32602),
        (request("tools/call", name={}), -32602),
        (request("tools/call"), -32602),
        (request("initialize" * 1000), -32601),
    ],
)
def test_garbage_is_refused(url: str, message: Any, code: int) -> None:
    told = post(url, message)

    assert told.status_code in (200, 400)
    assert told.json()["error"]["code"] == code
    assert len(told.content) < 1000


def test_a_version_that_is_not_spoken(url: str) -> None:
    told = post(url, request("tools/list"), **{"MCP-Protocol-Version": "2099-01-01"})

    assert told.status_code == 400
    assert told.json()["error"]["code"] == -32022
    assert told.json()["error"]["data"]["supported"] == list(VERSIONS)


def test_keys_are_shown_as_a_bearer(keyed: KeyedStack) -> None:
    host = {"Authorization": f"Bearer {keyed.keys['host']}"}
    may = {"Authorization": f"Bearer {keyed.keys['call']}"}
    with closing(Socket(keyed.ws_url, "/lambda/new?private", additional_headers=host)) as one:
        one.open({"ok": True, "methods": ["secret"]})
        url = f"{keyed.url}/mcp/lambda/{one.id}"
        first = request("initialize", protocolVersion="2025-06-18", capabilities={})
        wait_until(lambda: post(url, first).status_code == 401, what="the opening")
        for message in (first, request("tools/list"), request("tools/call", name="secret")):
            without, wrong = post(url, message), post(url, message, Authorization="Bearer no")
            assert (without.status_code, wrong.status_code) == (401, 401)
            assert without.headers["WWW-Authenticate"].startswith("Bearer")
            assert post(url, message, **host).status_code == 403
            assert "secret" not in without.text + wrong.text
        with ThreadPoolExecutor() as threads:
            asked = threads.submit(post, url, request("tools/list"), **may)
            one.answer(one.receive(), error="no")
            assert asked.result().json()["result"]["tools"][0]["name"] == "secret"


def test_pages_of_other_origins_are_refused(start_stack: Any) -> None:
    stack = start_stack(GRIP_LAMBDA_ORIGINS="https://app.example", WORKERS="1")
    url = f"{stack.url}/mcp/lambda/{'x' * 16}"

    assert post(url, request("ping"), Origin="https://evil.example").status_code == 403
    assert post(url, request("ping"), Origin="https://app.example").status_code == 200
    rebound = {"Origin": f"http://evil.example:{stack.port}", "Host": f"evil.example:{stack.port}"}
    assert post(url, request("ping"), **rebound).status_code == 403
    assert post(url, request("ping")).status_code == 200
