"""AWS Lambda's Invoke, called with boto3 itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

import boto3
import pytest
import requests
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.integration.conftest import SocketFactory
from tests.support.clients import Socket
from tests.support.stack import Stack

CONTEXT = {"ok": True, "context": True}
REGION = "eu-central-1"


def client_of(stack: Stack, key: str = "any", secret: str = "any", **options: Any) -> Any:
    return boto3.client(
        "lambda",
        endpoint_url=stack.url,
        region_name=REGION,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=Config(proxies={}, **options),
    )


@pytest.fixture(scope="module")
def client(stack: Stack) -> Any:
    return client_of(stack)


@pytest.fixture
def invoke(client: Any) -> Iterator[Callable[..., Future[dict[str, Any]]]]:
    """Invoke in the background; the payload of the response is read."""
    with ThreadPoolExecutor(8) as pool:

        def run(name: str, payload: bytes, options: dict[str, Any]) -> dict[str, Any]:
            response: dict[str, Any] = client.invoke(FunctionName=name, Payload=payload, **options)
            response["Payload"] = response["Payload"].read()
            return response

        def submit(name: str, payload: Any = None, **options: Any) -> Future[dict[str, Any]]:
            text = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
            return pool.submit(run, name, text, options)

        yield submit


Invoke = Callable[..., Future[dict[str, Any]]]


def headers(response: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = response["ResponseMetadata"]["HTTPHeaders"]
    return found


def nothing_came(host: Socket) -> None:
    with pytest.raises(TimeoutError):
        host.receive(0.05)


def is_open(host: Socket) -> None:
    """Wait until a lambda can be called: the host's own request is answered after that."""
    host.send({"id": "ready", "method": "rpc.ready", "params": []})
    assert host.receive()["id"] == "ready"


def test_request_response(opened: SocketFactory, invoke: Invoke) -> None:
    host = opened()
    future = invoke(host.id, b'{"b": 1.0, "a": "\\ud800"}', Qualifier="greet")
    message = host.receive()
    host.socket.send(f'{{"id":"{message["id"]}","result":{{"b":1.0,"a":[2]}}}}')
    response = future.result(10)

    assert message["method"] == "greet"
    assert message["params"] == [{"b": 1.0, "a": "\ud800"}]
    assert response["StatusCode"] == 200
    assert response["Payload"] == b'{"b":1.0,"a":[2]}'
    assert response["ExecutedVersion"] == "$LATEST"
    assert "FunctionError" not in response
    assert "LogResult" not in response
    assert headers(response)["x-amzn-requestid"]


@pytest.mark.parametrize(
    ("name", "qualifier", "arn"),
    [
        ("{id}", "greet", "arn:aws:lambda:local:000000000000:function:{id}:greet"),
        ("{id}:greet", None, "arn:aws:lambda:local:000000000000:function:{id}:greet"),
        ("{id}:greet", "greet", "arn:aws:lambda:local:000000000000:function:{id}:greet"),
        ("{id}:grüße: 1", None, "arn:aws:lambda:local:000000000000:function:{id}:grüße: 1"),
        ("123456789012:function:{id}", "greet", None),
        ("123456789012:function:{id}:greet", None, None),
        ("function:{id}:greet", None, None),
        (
            "arn:aws:lambda:eu-central-1:123456789012:function:{id}",
            "greet",
            "arn:aws:lambda:eu-central-1:123456789012:function:{id}:greet",
        ),
        (
            "arn:aws-cn:lambda:cn-north-1:123456789012:function:{id}:greet",
            None,
            "arn:aws-cn:lambda:cn-north-1:123456789012:function:{id}:greet",
        ),
    ],
)
def test_names_of_functions(
    opened: SocketFactory, invoke: Invoke, name: str, qualifier: str | None, arn: str | None
) -> None:
    host = opened(CONTEXT)
    options = {} if qualifier is None else {"Qualifier": qualifier}
    future = invoke(name.format(id=host.id), **options)
    message = host.receive()
    host.answer(message, result=1)

    assert future.result(10)["Payload"] == b"1"
    assert message["method"] == ("grüße: 1" if "grüße" in name else "greet")
    expected = arn or "arn:aws:lambda:local:000000000000:function:{id}:greet"
    assert message["params"][1]["invoked_function_arn"] == expected.format(id=host.id)


def test_the_context(opened: SocketFactory, invoke: Invoke) -> None:
    host = opened(CONTEXT)
    about = {
        "client": {"installation_id": "i", "app_title": "t", "more": 1},
        "custom": {"a": "ö", "n": 12345678901234567890, "deep": {"b": None}},
        "env": {"locale": "de"},
        "services": {"x": [1.0]},
    }
    future = invoke(
        host.id, 5, Qualifier="m", ClientContext=b64encode(json.dumps(about).encode()).decode()
    )
    message = host.receive()
    host.answer(message, result=None)
    response = future.result(10)

    event, context = message["params"]
    assert event == 5
    assert context["client_context"] == about
    assert context["identity"] is None
    assert context["aws_request_id"] == headers(response)["x-amzn-requestid"]
    assert 53 < context["deadline"] / 1000 - time.time() <= 55
    assert response["Payload"] == b"null"


def test_nothing_is_null(opened: SocketFactory, client: Any) -> None:
    host = opened()
    answering = threading.Thread(target=lambda: host.answer(host.receive(), result=True))
    answering.start()
    response = client.invoke(FunctionName=host.id, Qualifier="m")
    answering.join()

    assert response["Payload"].read() == b"true"


@pytest.mark.parametrize(
    ("answer", "payload"),
    [
        ({"error": "boom"}, {"errorMessage": "boom", "errorType": "Error"}),
        (
            {"error": {"errorMessage": "m", "errorType": "Oops", "stackTrace": []}},
            {"errorMessage": "m", "errorType": "Oops", "stackTrace": []},
        ),
        (
            {"result": {"errortype": "Oops", "errors": True, "result": "boom"}},
            {"errorMessage": "boom", "errorType": "Oops"},
        ),
    ],
)
def test_handled_errors(
    opened: SocketFactory, invoke: Invoke, answer: dict[str, Any], payload: Any
) -> None:
    host = opened(CONTEXT)
    future = invoke(host.id, Qualifier="m")
    host.answer(host.receive(), **answer)
    response = future.result(10)

    assert (response["StatusCode"], response["FunctionError"]) == (200, "Handled")
    assert json.loads(response["Payload"]) == payload


def test_a_host_that_goes_away(opened: SocketFactory, invoke: Invoke) -> None:
    host = opened()
    future = invoke(host.id, Qualifier="m")
    host.receive()
    host.close()
    response = future.result(10)

    assert (response["StatusCode"], response["FunctionError"]) == (200, "Unhandled")
    assert json.loads(response["Payload"]) == {
        "errorMessage": "lambda disconnected",
        "errorType": "Disconnected",
    }


def test_a_deadline_that_passes(stack: Stack, opened: SocketFactory) -> None:
    host = opened(CONTEXT)
    impatient = client_of(stack)
    impatient.meta.events.register(
        "before-sign.lambda.Invoke",
        lambda request, **_: request.headers.add_header("Prefer", "wait=1.3"),
    )
    began = time.monotonic()
    response = impatient.invoke(FunctionName=host.id, Qualifier="m", LogType="Tail")
    took = time.monotonic() - began

    # Pushpin has repeated the request by then; neither that nor botocore asks the host again.
    assert 1.2 < took < 2.5
    assert (response["StatusCode"], response["FunctionError"]) == (200, "Unhandled")
    assert json.loads(response["Payload"].read())["errorType"] == "Timeout"
    assert response["LogResult"] == ""
    context = host.receive()["params"][1]
    assert context["deadline"] / 1000 - time.time() < 1
    assert context["aws_request_id"] == headers(response)["x-amzn-requestid"]
    nothing_came(host)


@pytest.mark.parametrize(
    ("logs", "expected"),
    [
        (["one", "zwölf"], "one\nzwölf".encode()),
        (["x" * 3000, "ü" * 1500], ("x" * 3000 + "\n" + "ü" * 1500).encode()[-4096:]),
        (["y" * 80_000], b"y" * 4096),
        ([], b""),
        ("no list", b""),
    ],
)
def test_the_tail_of_the_logs(
    opened: SocketFactory, invoke: Invoke, logs: Any, expected: bytes
) -> None:
    host = opened(CONTEXT)
    future = invoke(host.id, Qualifier="m", LogType="Tail")
    host.answer(host.receive(), result={"errortype": "", "result": 1, "logs": logs})
    response = future.result(10)

    assert response["Payload"] == b"1"
    assert b64decode(response["LogResult"]) == expected


def test_logs_that_nobody_wants(opened: SocketFactory, invoke: Invoke) -> None:
    host = opened(CONTEXT)
    future = invoke(host.id, Qualifier="m", LogType="None")
    host.answer(host.receive(), result={"errortype": "", "result": 1, "logs": ["x"]})

    assert "LogResult" not in future.result(10)


def test_an_event_is_not_waited_for(opened: SocketFactory, invoke: Invoke) -> None:
    host = opened(CONTEXT)
    response = invoke(host.id, "x" * 900_000, Qualifier="m", InvocationType="Event").result(10)
    message = host.receive()
    host.answer(message, result="nobody reads this")

    assert response["StatusCode"] == 202
    assert response["Payload"] == b""
    assert message["params"][0] == "x" * 900_000
    assert message["params"][1]["aws_request_id"] == headers(response)["x-amzn-requestid"]
    nothing_came(host)


def test_a_dry_run(opened: SocketFactory, invoke: Invoke) -> None:
    host = opened()
    response = invoke(host.id, Qualifier="m", InvocationType="DryRun").result(10)

    assert response["StatusCode"] == 204
    nothing_came(host)


@pytest.mark.parametrize(
    ("options", "status", "code"),
    [
        ({"FunctionName": "A" * 16, "Qualifier": "m"}, 404, "ResourceNotFoundException"),
        (
            {"FunctionName": "A" * 16, "Qualifier": "m", "InvocationType": "DryRun"},
            404,
            "ResourceNotFoundException",
        ),
        ({"FunctionName": "no-such-function:m"}, 404, "ResourceNotFoundException"),
        ({"FunctionName": "{id}"}, 400, "InvalidParameterValueException"),
        ({"FunctionName": "arn:x:{id}", "Qualifier": "m"}, 400, "InvalidParameterValueException"),
        ({"FunctionName": "{id}:a", "Qualifier": "b"}, 400, "InvalidParameterValueException"),
        ({"Qualifier": "open"}, 400, "InvalidParameterValueException"),
        ({"Qualifier": "rpc.x"}, 400, "InvalidParameterValueException"),
        ({"Qualifier": "a/b"}, 400, "InvalidParameterValueException"),
        ({"FunctionName": "{id}:a/b"}, 400, "InvalidParameterValueException"),
        ({"InvocationType": "Later"}, 400, "InvalidParameterValueException"),
        ({"LogType": "All"}, 400, "InvalidParameterValueException"),
        ({"ClientContext": "%"}, 400, "InvalidParameterValueException"),
        ({"ClientContext": "WzFd"}, 400, "InvalidParameterValueException"),
        ({"ClientContext": "eyJjdXN0b20iOjF9"}, 400, "InvalidParameterValueException"),
        ({"Payload": b"{"}, 400, "InvalidRequestContentException"),
        ({"Payload": b"[" * 501 + b"]" * 501}, 400, "InvalidRequestContentException"),
        ({"Payload": b'"' + b"x" * 6_291_455 + b'"'}, 413, "RequestTooLargeException"),
    ],
)
def test_what_is_refused(
    client: Any, opened: SocketFactory, options: dict[str, Any], status: int, code: str
) -> None:
    host = opened()
    options = {"FunctionName": "{id}", **options}
    if options["FunctionName"] == "{id}" and len(options) > 1:
        options.setdefault("Qualifier", "m")
    options["FunctionName"] = options["FunctionName"].format(id=host.id)

    with pytest.raises(ClientError) as refused:
        client.invoke(**options)

    assert refused.value.response["Error"]["Code"] == code
    assert refused.value.response["Error"]["Message"]
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert headers(refused.value.response)["x-amzn-requestid"]
    assert isinstance(refused.value, getattr(client.exceptions, code))
    nothing_came(host)


def test_a_busy_host(stack: Stack, opened: SocketFactory, invoke: Invoke) -> None:
    host = opened({"ok": True, "max_calls": 1})
    first = invoke(host.id, Qualifier="m")
    message = host.receive()
    once = client_of(stack, retries={"total_max_attempts": 1})
    with pytest.raises(once.exceptions.TooManyRequestsException) as refused:
        once.invoke(FunctionName=host.id, Qualifier="m")
    host.answer(message, result=1)

    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429
    assert first.result(10)["Payload"] == b"1"


def test_what_botocore_repeats_reaches_a_host_that_was_busy(
    opened: SocketFactory, invoke: Invoke
) -> None:
    host = opened({"ok": True, "max_calls": 1})
    first = invoke(host.id, 1, Qualifier="m")
    message = host.receive()
    second = invoke(host.id, 2, Qualifier="m")
    host.answer(message, result=1)
    host.answer(host.receive(), result=2)

    assert first.result(10)["Payload"] == b"1"
    assert second.result(10)["Payload"] == b"2"


def test_errors_are_those_of_aws_also_for_programs_without_boto3(stack: Stack) -> None:
    response = requests.post(
        f"{stack.url}/2015-03-31/functions/{'A' * 16}/invocations?Qualifier=m", timeout=10
    )

    assert response.status_code == 404
    assert response.headers["x-amzn-ErrorType"] == "ResourceNotFoundException"
    assert response.json() == {"Type": "User", "message": "lambda not found"}


def test_other_operations_are_refused_as_aws_refuses(client: Any) -> None:
    for refused in (
        partial(client.get_function, FunctionName="A" * 16),
        client.list_functions,
        partial(client.invoke_with_response_stream, FunctionName="A" * 16, Payload=b"1"),
    ):
        with pytest.raises(ClientError, match="only Invoke") as told:
            refused()
        assert told.value.response["Error"]["Code"] == "UnknownOperationException"
        assert told.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_the_qualifier_of_the_latest_names_no_method(
    client: Any, opened: SocketFactory, invoke: Invoke
) -> None:
    host = opened()
    with pytest.raises(ClientError, match="no method was named") as told:
        client.invoke(FunctionName=host.id, Qualifier="$LATEST", Payload=b"1")
    assert told.value.response["Error"]["Code"] == "InvalidParameterValueException"

    future = invoke(f"{host.id}:m", 1, Qualifier="$LATEST")
    message = host.receive()
    assert message["method"] == "m"
    host.answer(message, result=2)
    assert future.result(10)["Payload"] == b"2"


def test_pages_may_invoke(stack: Stack) -> None:
    url = f"{stack.url}/2015-03-31/functions/{'A' * 16}/invocations?Qualifier=m"
    page = {"Origin": "https://app.example"}
    asked = requests.options(
        url, headers={**page, "Access-Control-Request-Method": "POST"}, timeout=10
    )
    answered = requests.post(url, headers=page, timeout=10)

    assert asked.status_code == 200
    assert "X-Amz-Date" in asked.headers["Access-Control-Allow-Headers"]
    assert answered.headers["Access-Control-Allow-Origin"] == "*"
    assert "X-Amz-Function-Error" in answered.headers["Access-Control-Expose-Headers"]


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, dict[str, list[str]]]]:
    """A stack with API keys, and the id and the secret of each by what it may do."""
    folder = tmp_path_factory.mktemp("aws-keys")
    environ = {
        "GRIP_LAMBDA_API_KEYS": str(folder / "keys.json"),
        "GRIP_LAMBDA_DATA": str(folder / "data"),
    }
    keys = {}
    for right in ("host", "call"):
        made = subprocess.run(
            [sys.executable, "-m", "grip_lambda", "keys", "add", right, "--may", right],
            env={**os.environ, **environ},
            capture_output=True,
            text=True,
            check=True,
            timeout=20,
        )
        keys[right] = made.stdout.strip().split("_", 2)[1:]
    running = Stack(folder, **environ)
    yield running, keys
    running.stop()


@pytest.mark.parametrize("name", ["{id}", "arn:aws:lambda:local:000000000000:function:{id}:grüße"])
def test_a_key_signs(keyed: tuple[Stack, dict[str, list[str]]], name: str) -> None:
    stack, keys = keyed
    host = Socket(
        stack.ws_url,
        "/lambda/new?private",
        additional_headers={"X-Api-Key": "gl_" + "_".join(keys["host"])},
    )
    host.open()
    is_open(host)
    client = client_of(stack, *keys["call"])
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(
            client.invoke,
            FunctionName=name.format(id=host.id),
            Qualifier="grüße",
            Payload=b'{"a": 1}',
            ClientContext=b64encode(b"{}").decode(),
            LogType="Tail",
        )
        message = host.receive()
        host.answer(message, result="done")
        assert future.result(10)["Payload"].read() == b'"done"'

    assert message["method"] == "grüße"
    dry = client.invoke(FunctionName=host.id, Qualifier="m", InvocationType="DryRun")
    assert dry["StatusCode"] == 204
    host.close()


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ("wrong secret", "InvalidSignatureException"),
        ("unknown", "UnrecognizedClientException"),
        ("none", "MissingAuthenticationTokenException"),
        ("host", "AccessDeniedException"),
    ],
)
def test_who_may_not_call(keyed: tuple[Stack, dict[str, list[str]]], key: str, code: str) -> None:
    stack, keys = keyed
    host = Socket(
        stack.ws_url,
        additional_headers={"X-Api-Key": "gl_" + "_".join(keys["host"])},
    )
    host.open()
    is_open(host)
    options: dict[str, Any] = {"signature_version": UNSIGNED} if key == "none" else {}
    pair = {"wrong secret": [keys["call"][0], "wrong"], "host": keys["host"]}.get(key, ["a", "b"])
    client = client_of(stack, *pair, **options)

    for kind in ("RequestResponse", "Event", "DryRun"):
        with pytest.raises(ClientError) as refused:
            client.invoke(FunctionName=host.id, Qualifier="m", InvocationType=kind)
        assert refused.value.response["Error"]["Code"] == code
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    nothing_came(host)
    host.close()
