"""What hosts say of their methods: asked for by the server, shown to whoever may call them."""

from __future__ import annotations

import json
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import requests
from openapi_spec_validator import OpenAPIV31SpecValidator

from grip_lambda.client import Host as LibraryHost
from grip_lambda.protocol import openrpc
from tests.integration.conftest import ConnectionFactory, SocketFactory
from tests.support.clients import Socket, call, calling
from tests.support.keys import KeyedStack
from tests.support.stack import Stack, wait_until
from tests.support.transports import TRANSPORTS
from tests.unit.client.test_describing import Order, add

NODE_TESTS = Path(__file__).parents[1] / "node"


def get(stack: Stack, what: str, lambda_id: str, **headers: str) -> requests.Response:
    return requests.get(f"{stack.url}/{what}/{lambda_id}", headers=headers, timeout=20)


def document(*names: str, padding: str = "") -> dict[str, Any]:
    info = {"title": "mine", "version": "7", "description": padding}
    return {
        "openrpc": "1.3.2",
        "info": info,
        "methods": [{"name": name, "params": []} for name in names],
    }


@pytest.fixture(scope="module")
def meta_schema() -> jsonschema.Draft7Validator:
    """OpenRPC's own; of the schemas in a document it only says that they are JSON Schemas."""
    schema = "import('@open-rpc/meta-schema').then((m) => m.openrpcDocument)"
    run = ["node", "-e", f"{schema}.then((one) => console.log(JSON.stringify(one)))"]
    text = subprocess.run(run, cwd=NODE_TESTS, capture_output=True, text=True, check=True).stdout
    draft = json.dumps(jsonschema.Draft7Validator.META_SCHEMA["$id"])
    for other in ('"https://meta.json-schema.tools/"', '"https://meta.json-schema.tools"'):
        text = text.replace(other, draft)
    return jsonschema.Draft7Validator(json.loads(text))


def test_the_documents_of_a_library_are_valid(
    stack: Stack, meta_schema: jsonschema.Draft7Validator
) -> None:
    def ship(order: Order, to: dict[str, Order] | None = None) -> list[Order]:
        return [order]

    with LibraryHost(stack.url, {"add": add, "ship": ship, "größe {x}": lambda body: body}) as host:
        rpc, api = get(stack, "openrpc", host.id), get(stack, "openapi", host.id)

        assert (rpc.status_code, rpc.headers["Cache-Control"]) == (200, "no-store")
        meta_schema.validate(rpc.json())
        OpenAPIV31SpecValidator(api.json()).validate()
        operation = api.json()["paths"][f"/lambda/{host.id}/add"]["post"]
        assert operation["summary"] == "Add two numbers."
        assert rpc.json()["methods"][0]["name"] == "add"
        for path in api.json()["paths"]:  # what it says can be done
            server = requests.compat.urljoin(api.url, api.json()["servers"][0]["url"])
            body = {"a": 1, "b": 2} if path.endswith("add") else {"order": {"tea": 1}}
            assert (
                requests.post(server.rstrip("/") + path, json=body, timeout=10).status_code == 200
            )


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_host_on_any_transport_is_asked(
    stack: Stack, hosting: ConnectionFactory, transport: str
) -> None:
    host = hosting(transport)
    with ThreadPoolExecutor() as threads:
        asked = threads.submit(get, stack, "openrpc", host.id)
        question = host.receive()
        assert (question["method"], question["params"]) == ("rpc.discover", [])
        host.answer(question, result=document("a"))

        assert asked.result().json() == document("a")


@pytest.mark.function_too
def test_a_description_is_asked_for_and_kept(stack: Stack, opened: SocketFactory) -> None:
    host = opened()
    with ThreadPoolExecutor() as threads:
        asked = threads.submit(get, stack, "openrpc", host.id)
        host.answer(host.receive(), result=document("a"))
        assert asked.result().json() == document("a")


@pytest.mark.bare_too
def test_one_question_is_enough_for_all_who_ask(stack: Stack, opened: SocketFactory) -> None:
    host = opened({"ok": True, "max_calls": 1})
    with ThreadPoolExecutor(9) as threads:
        one = calling(stack.url, host.id, "m", "1")
        running = host.receive()  # a host that takes no more calls is asked nevertheless
        asked = [threads.submit(get, stack, "openrpc", host.id) for _ in range(8)]
        questions = [host.receive()]
        host.answer(questions[0], result=document("a"))
        while not all(told.done() for told in asked):  # each process asks for itself
            with suppress(TimeoutError):
                questions.append(host.receive(0.1))
                host.answer(questions[-1], result=document("a"))

        assert {told.result().text for told in asked} == {json.dumps(document("a"))}
        assert {question["method"] for question in questions} == {"rpc.discover"}
        assert len(questions) <= 2
        host.answer(running, result=2)
        assert one.result(10).json() == 2


@pytest.mark.parametrize(
    "answer",
    [
        {"error": "unknown method"},
        {"result": "no document"},
        {"result": document("b", padding="x" * openrpc.DOCUMENT_MAX)},
        {"result": document("b") | {"methods": [{"name": "b", "params": "x"}]}},
    ],
    ids=["error", "other", "large", "malformed"],
)
def test_what_was_named_at_opening_is_shown_if_the_answer_is_no_document(
    stack: Stack, hosting: ConnectionFactory, meta_schema: jsonschema.Draft7Validator, answer: Any
) -> None:
    number = {"type": "number"}
    params = {"type": "object", "properties": {"n": number}, "required": ["n"]}
    square = {"name": "square", "description": "Squares.", "params": params, "result": number}
    host = hosting("sse", answer={"ok": True, "methods": ["plain", square]})
    with ThreadPoolExecutor() as threads:
        asked = threads.submit(get, stack, "openrpc", host.id)
        host.answer(host.receive(), **answer)
        told = asked.result().json()

    meta_schema.validate(told)
    assert [method["name"] for method in told["methods"]] == ["plain", "square"]
    assert told["methods"][1]["params"][0]["schema"] == params
    shown = get(stack, "lambda", host.id).json()
    assert shown["methods"] == ["plain", "square"]
    api = get(stack, "openapi", host.id).json()
    OpenAPIV31SpecValidator(api).validate()


def test_a_host_that_says_nothing_delays_it_once(stack: Stack, opened: SocketFactory) -> None:
    host = opened({"ok": True, "methods": ["a"]})
    times = []
    for _ in range(4):  # either process waits once
        began = time.monotonic()
        assert [one["name"] for one in get(stack, "openrpc", host.id).json()["methods"]] == ["a"]
        times.append(time.monotonic() - began)

    assert 4.9 < max(times) < 8
    assert min(times) < 2.5


def test_a_host_that_goes_is_not_found(stack: Stack, opened: SocketFactory) -> None:
    host = opened()
    with ThreadPoolExecutor() as threads:
        began = time.monotonic()
        asked = threads.submit(get, stack, "openrpc", host.id)
        host.receive()
        host.close()
        assert asked.result().status_code == 404
        assert time.monotonic() - began < 4.5
    assert get(stack, "openrpc", "x" * 16).status_code == 404
    assert get(stack, "openapi", "x").status_code == 400


def test_callers_can_not_ask_the_question(stack: Stack, opened: SocketFactory) -> None:
    host = opened()
    for name in ("rpc.discover", "rpc.x", "rpc.", "open"):
        assert call(stack.url, host.id, name).status_code == 400


def test_who_may_not_call_reads_nothing(keyed: KeyedStack) -> None:
    keys = keyed.keys
    bearer = {"Authorization": f"Bearer {keys['host']}"}
    with (
        closing(Socket(keyed.ws_url, "/lambda/new?private", additional_headers=bearer)) as host,
        ThreadPoolExecutor() as threads,
    ):
        host.open()
        wait_until(lambda: get(keyed, "openrpc", host.id).status_code == 401, what="the opening")
        for what in ("openrpc", "openapi"):
            assert get(keyed, what, host.id).status_code == 401
            assert get(keyed, what, host.id, **bearer).status_code == 403
        may = {"Authorization": f"Bearer {keys['call']}"}
        asked = threads.submit(get, keyed, "openrpc", host.id, **may)
        question = host.receive()
        assert question["method"] == "rpc.discover"
        host.answer(question, result=document("a"))
        assert asked.result().json() == document("a")
