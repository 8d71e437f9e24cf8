"""Services: names that hosts share, on a real stack."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
import requests
from websockets.exceptions import InvalidStatus

from tests.integration.test_keys import grip_lambda
from tests.support.clients import Host, Socket
from tests.support.monologue import Original
from tests.support.stack import Stack, wait_until
from tests.support.transports import TRANSPORTS, Connection

Hosting = Callable[..., Connection]
HostFactory = Callable[..., Host]


def ask(
    stack: Stack, name: str, method: str = "test", body: object = None, **options: Any
) -> requests.Response:
    options.setdefault("timeout", 30)
    return requests.post(f"{stack.url}/service/{name}/{method}", json=body, **options)


def path(*names: str) -> str:
    return "/lambda/new?" + "&".join(f"service={name}" for name in names)


@pytest.mark.bare_too
@pytest.mark.function_too
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_host_is_called_by_a_name(stack: Stack, hosting: Hosting, transport: str) -> None:
    name = f"by-{transport}"
    host = hosting(transport, path(name, "also", name))
    known = requests.get(f"{stack.url}/lambda/{host.id}", timeout=10).json()
    assert known["services"] == [name, "also"]
    with ThreadPoolExecutor() as pool:
        called = pool.submit(ask, stack, name, "echo", {"n": 1})
        message = host.receive()
        assert (message["method"], message["params"]) == ("echo", [{"n": 1}])
        host.answer(message, result="done")
        answer = called.result()
        assert (answer.status_code, answer.json()) == (200, "done")
        assert answer.headers["Lambda-Id"] == host.id
        called = pool.submit(ask, stack, name, "echo")
        host.answer(host.receive(), error="no")
        refused = called.result()
        assert (refused.status_code, refused.json()) == (400, {"error": "no"})
        assert refused.headers["Lambda-Id"] == host.id


def test_calls_are_shared_out(stack: Stack, host: HostFactory) -> None:
    hosts = [host(path=path("shared")) for _ in range(4)]
    counts = Counter(ask(stack, "shared").headers["Lambda-Id"] for _ in range(40))
    assert counts == {one.id: 10 for one in hosts}


def test_who_has_no_room_is_left_out(stack: Stack, hosting: Hosting) -> None:
    one = hosting("websocket", path("narrow"), answer={"max_calls": 1})
    two = hosting("websocket", path("narrow"), answer={"max_calls": 1})
    with ThreadPoolExecutor() as pool:
        calls = [pool.submit(ask, stack, "narrow") for _ in range(2)]
        messages = {host: host.receive() for host in (one, two)}
        busy = ask(stack, "narrow")
        assert (busy.status_code, busy.json()["code"]) == (429, "busy")
        assert "Lambda-Id" not in busy.headers
        for host, message in messages.items():
            host.answer(message, result=host.id)
        for call in calls:
            assert call.result().json() == call.result().headers["Lambda-Id"]


@pytest.mark.bare_too
def test_a_host_that_dies_costs_its_own_calls_only(stack: Stack, hosting: Hosting) -> None:
    one, two = (hosting("websocket", path("mortal")) for _ in range(2))
    with ThreadPoolExecutor() as pool:
        calls = [pool.submit(ask, stack, "mortal") for _ in range(2)]
        message = two.receive()
        one.receive()
        one.drop()
        wait_until(lambda: any(call.done() for call in calls), what="the end of a call")
        lost = next(call for call in calls if call.done())
        assert (lost.result().status_code, lost.result().json()["code"]) == (502, "disconnected")
        assert lost.result().headers["Lambda-Id"] == one.id
        two.answer(message, result="alive")
        (other,) = (call for call in calls if call is not lost)
        assert other.result().json() == "alive"
        assert other.result().headers["Lambda-Id"] == two.id


@pytest.mark.bare_too
def test_the_deadline_names_the_host(stack: Stack, hosting: Hosting) -> None:
    host = hosting("websocket", path("late"))
    late = ask(stack, "late", headers={"Prefer": "wait=0.5"})
    assert (late.status_code, late.json()["code"]) == (504, "deadline_exceeded")
    assert late.headers["Lambda-Id"] == host.id


@pytest.mark.bare_too
def test_an_asynchronous_call(stack: Stack, hosting: Hosting) -> None:
    host = hosting("websocket", path("slow"))
    begun = ask(stack, "slow", headers={"Prefer": "respond-async"})
    assert (begun.status_code, begun.json()["state"]) == (202, "pending")
    assert begun.headers["Lambda-Id"] == host.id
    host.answer(host.receive(), result=[1, 2])
    where = urljoin(begun.url, begun.headers["Location"])
    ended = requests.get(where, headers={"Prefer": "wait=10"}, timeout=20)
    assert (ended.status_code, ended.json()) == (200, [1, 2])
    assert ended.headers["Lambda-Id"] == host.id


@pytest.mark.bare_too
def test_a_streamed_call_goes_on_at_the_address_of_the_service(
    stack: Stack, hosting: Hosting
) -> None:
    host = hosting("websocket", path("streamed"))
    accept = {"Accept": "text/event-stream"}
    with ask(stack, "streamed", headers=accept, stream=True) as stream:
        assert stream.headers["Lambda-Id"] == host.id
        message = host.receive()
        host.send({"method": "progress", "params": [message["id"], 50], "id": None})
        lines = stream.iter_lines()
        seen = []
        while "data: 50" not in seen:
            seen.append(next(lines).decode())
        last = next(line for line in reversed(seen) if line.startswith("id: "))[4:]
    host.answer(message, result="done")
    again = ask(stack, "streamed", headers={**accept, "Last-Event-ID": last})
    assert again.headers["Lambda-Id"] == host.id
    assert "event: result" in again.text
    assert '"done"' in again.text
    for wrong in ("other", "streamed/x"):
        gone = ask(stack, wrong, headers={**accept, "Last-Event-ID": last})
        assert gone.status_code == 404


@pytest.mark.bare_too
def test_an_idempotency_key_belongs_to_the_service(stack: Stack, hosting: Hosting) -> None:
    hosts = [hosting("websocket", path("once")) for _ in range(2)]
    key = {"Idempotency-Key": "k"}
    with ThreadPoolExecutor() as pool:
        first = pool.submit(ask, stack, "once", "work", {"n": 1}, headers=key)
        host, message = wait_for_message(hosts)
        again = pool.submit(ask, stack, "once", "work", {"n": 1}, headers=key)
        host.answer(message, result="once")
        assert [call.result().json() for call in (first, again)] == ["once", "once"]
    for _ in range(3):
        same = ask(stack, "once", "work", {"n": 1}, headers=key)
        assert (same.json(), same.headers["Lambda-Id"]) == ("once", host.id)
    other = ask(stack, "once", "work", {"n": 2}, headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "key_reused")


def wait_for_message(hosts: list[Connection]) -> tuple[Connection, dict[str, Any]]:
    """Return the host that was asked, and what it was."""
    found: list[tuple[Connection, dict[str, Any]]] = []

    def look() -> bool:
        for host in hosts:
            try:
                found.append((host, host.receive(0.05)))
            except TimeoutError:
                continue
            return True
        return False

    wait_until(look, what="a message")
    return found[0]


def test_every_method_but_head(stack: Stack, host: HostFactory) -> None:
    one = host(lambda method, body: [method, body], path=path("verbs"))
    url = f"{stack.url}/service/verbs/m"
    for verb in ("POST", "PUT", "PATCH", "DELETE"):
        assert requests.request(verb, url, data="[1]", timeout=10).json() == ["m", [1]]
    got = requests.get(url, params={"a": "1"}, timeout=10)
    assert (got.json(), got.headers["Lambda-Id"]) == (["m", {"a": "1"}], one.id)
    assert requests.head(url, timeout=10).status_code == 405
    asked = requests.options(url, headers={"Origin": "https://a.example"}, timeout=10)
    assert asked.headers["Access-Control-Allow-Origin"] == "*"
    shown = requests.post(url, headers={"Origin": "https://a.example"}, timeout=10)
    assert "Lambda-Id" in shown.headers["Access-Control-Expose-Headers"]


def test_what_there_is_not(stack: Stack, host: HostFactory) -> None:
    host(path=path("there"))
    for name, method, status, code in [
        ("nobody", "m", 404, "not_found"),
        ("1st", "m", 400, "bad_request"),
        ("x" * 65, "m", 400, "bad_request"),
        ("there", "open", 400, "bad_request"),
        ("there", "rpc.x", 400, "bad_request"),
    ]:
        refused = ask(stack, name, method)
        assert (refused.status_code, refused.json()["code"]) == (status, code), (name, method)
    large = requests.post(f"{stack.url}/service/nobody/m", data=b"1" * 200_000, timeout=10)
    assert large.status_code == 404


@pytest.mark.parametrize(
    "names", [["1st"], [""], ["a/b"], ["x" * 65], ["ä"], [f"s{n}" for n in range(9)]]
)
def test_names_that_none_may_have(stack: Stack, names: list[str]) -> None:
    with pytest.raises(InvalidStatus) as refused:
        Socket(stack.ws_url, path(*names))
    assert refused.value.response.status_code == 400
    for accept in ("text/event-stream", "application/json"):
        asked = requests.get(stack.url + path(*names), headers={"Accept": accept}, timeout=10)
        assert (asked.status_code, asked.json()["code"]) == (400, "bad_request")


def test_up_to_eight_names_each_once(stack: Stack, host: HostFactory) -> None:
    names = [f"eight-{n}" for n in range(8)]
    one = host(path=path(*names, *names))
    known = requests.get(f"{stack.url}/lambda/{one.id}", timeout=10).json()
    assert known["services"] == names


def test_the_listing(stack: Stack, hosting: Hosting) -> None:
    one = hosting("websocket", path("listed"), answer={"methods": ["a", "b"]})
    two = hosting("sse", path("listed", "listed-too"), answer={"methods": ["b", "c"]})
    listed = requests.get(f"{stack.url}/service", timeout=10).json()
    assert listed["listed"] == {"name": "listed", "hosts": 2, "methods": ["a", "b", "c"]}
    assert listed["listed-too"] == {"name": "listed-too", "hosts": 1, "methods": ["b", "c"]}
    hosts = requests.get(f"{stack.url}/service/listed?pretty", timeout=10)
    assert list(hosts.json()) == [one.id, two.id]
    assert hosts.json()[one.id] == stack.listing()[one.id]
    assert hosts.text.startswith("{\n")
    for name, status in (("nobody", 404), ("1st", 400)):
        assert requests.get(f"{stack.url}/service/{name}", timeout=10).status_code == status
    assert requests.post(f"{stack.url}/service/listed", timeout=10).status_code == 405


def test_whoever_watches_is_told_the_name(stack: Stack, host: HostFactory) -> None:
    one = host(path=path("watched"))
    with requests.get(f"{stack.url}/events", stream=True, timeout=10) as events:
        lines = events.iter_lines()
        next(lines)
        ask(stack, "watched")
        told: dict[str, Any] = {}
        while told.get("lambda") != one.id or "method" not in told:
            line = next(lines)
            told = json.loads(line[6:]) if line.startswith(b"data: ") else {}
    assert told["service"] == "watched"


def test_invocations_and_functions_of_aws(stack: Stack, host: HostFactory) -> None:
    one = host(lambda method, body: {method: body}, path=path("function"))
    invoked = requests.post(
        f"{stack.url}/invoke/service/function/m", json={"event": 1, "ok": True}, timeout=10
    )
    assert invoked.json()["result"] == {"m": 1}
    assert invoked.headers["Lambda-Id"] == one.id
    for kind, status in (("RequestResponse", 200), ("Event", 202), ("DryRun", 204)):
        answer = requests.post(
            f"{stack.url}/2015-03-31/functions/function/invocations?Qualifier=m",
            data=b"2",
            headers={"X-Amz-Invocation-Type": kind},
            timeout=10,
        )
        assert answer.status_code == status
        assert answer.headers.get("Lambda-Id") == (None if kind == "DryRun" else one.id)
    unknown = f"{stack.url}/2015-03-31/functions/unknown/invocations?Qualifier=m"
    assert requests.post(unknown, timeout=10).headers["x-amzn-ErrorType"] == (
        "ResourceNotFoundException"
    )


def test_clients_of_monologue_call_and_are_called(stack: Stack, host: HostFactory) -> None:
    host(lambda method, body: [method, body], path=path("plain"))
    client = Original(f"{stack.ws_url}/monologue", timeout_s=5)
    client.connect()
    assert client.call("plain", "m", 1) == ["m", 1]
    other = Original(f"{stack.ws_url}/monologue?service=listeners", timeout_s=5)
    other.connect()
    other.on("add", lambda a, b=0: a + b)
    assert client.call("listeners", "add", 1, 2) == 3
    answer = ask(stack, "listeners", "add", 1)
    assert answer.headers["Lambda-Id"] == other.connection_id


def test_a_service_is_described_by_the_host_that_opened_last(
    stack: Stack, hosting: Hosting
) -> None:
    hosting("websocket", path("described"), answer={"methods": ["old"]})
    host = hosting("websocket", path("described"), answer={"methods": ["new"]})
    refused = {"code": -32601, "message": "no such method"}
    with ThreadPoolExecutor() as pool:
        shown = pool.submit(requests.get, f"{stack.url}/openrpc/service/described", timeout=10)
        message = host.receive()
        assert message["method"] == "rpc.discover"
        host.answer(message, error=refused)
        assert [one["name"] for one in shown.result().json()["methods"]] == ["new"]
    tools = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    with ThreadPoolExecutor() as pool:
        url = f"{stack.url}/mcp/service/described"
        listed = pool.submit(requests.post, url, json=tools, timeout=10)
        api = pool.submit(requests.get, f"{stack.url}/openapi/service/described", timeout=10)
        while not (listed.done() and api.done()):
            try:
                host.answer(host.receive(0.1), error=refused)
            except TimeoutError:
                continue
        assert [one["name"] for one in listed.result().json()["result"]["tools"]] == ["new"]
        assert list(api.result().json()["paths"]) == ["/service/described/new"]
    for what in ("openrpc", "openapi"):
        nobody = requests.get(f"{stack.url}/{what}/service/nobody", timeout=10)
        assert nobody.status_code == 404


def test_a_tool_of_a_service_is_a_call_of_it(stack: Stack, hosting: Hosting) -> None:
    host = hosting("websocket", path("tools"), answer={"methods": ["m"]})
    called = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "m", "arguments": {"n": 1}},
    }
    with ThreadPoolExecutor() as pool:
        url = f"{stack.url}/mcp/service/tools"
        answer = pool.submit(requests.post, url, json=called, timeout=10)
        message = host.receive()
        if message["method"] == "rpc.discover":
            host.answer(message, error="no")
            message = host.receive()
        assert (message["method"], message["params"]) == ("m", [{"n": 1}])
        host.answer(message, result={"ok": True})
        assert answer.result().json()["result"]["structuredContent"] == {"ok": True}
        assert answer.result().headers["Lambda-Id"] == host.id


def test_a_key_may_be_limited_to_services(start_stack: Any, tmp_path: Path) -> None:
    environ = {"GRIP_LAMBDA_API_KEYS": str(tmp_path / "keys.json")}
    environ["GRIP_LAMBDA_DATA"] = str(tmp_path / "data")

    def key(name: str, *options: str) -> str:
        done = grip_lambda("keys", "add", name, *options, **environ)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    limited, other = key("limited", "--services", "a,b"), key("other", "--services", "b")
    full = key("full")
    assert grip_lambda("keys", "add", "x", "--services", "1st", **environ).returncode == 2
    stack = start_stack(WORKERS="1", **environ)
    auth = {"Authorization": f"Bearer {limited}"}
    with pytest.raises(InvalidStatus) as refused:
        Socket(stack.ws_url, path("a", "c"), additional_headers=auth)
    assert refused.value.response.status_code == 403
    socket = Socket(stack.ws_url, path("a"), additional_headers=auth)
    socket.open()
    url = f"{stack.url}/service/a"
    wait_until(lambda: requests.get(url, headers=auth, timeout=10).status_code == 200)
    headers = {"Authorization": f"Bearer {other}"}
    assert ask(stack, "a", headers=headers).status_code == 403
    assert requests.get(url, headers=headers, timeout=10).status_code == 404
    assert requests.get(f"{stack.url}/service", headers=headers, timeout=10).json() == {}
    assert (
        requests.get(f"{stack.url}/openrpc/service/a", headers=headers, timeout=10).status_code
        == 403
    )
    assert requests.get(url, timeout=10).status_code == 401
    with ThreadPoolExecutor() as pool:
        called = pool.submit(ask, stack, "a", headers={"Authorization": f"Bearer {full}"})
        socket.answer(socket.receive(), result=1)
        assert called.result().json() == 1
    socket.close()
