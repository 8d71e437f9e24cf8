"""Calls, from their caller to their host and back."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import Future
from typing import Any
from urllib.parse import quote

import pytest
import requests

from tests.integration.conftest import ConnectionFactory, HostFactory, SocketFactory
from tests.support import raw
from tests.support.clients import Socket, call, calling
from tests.support.stack import Stack, wait_until
from tests.support.transports import TRANSPORTS

pytestmark = [pytest.mark.bare_too, pytest.mark.function_too]

UNUSED_ID = "AAAAbbbb0000-_zz"


def ask(stack: Stack, one: Socket, *args: Any, **options: Any) -> Future[requests.Response]:
    return calling(stack.url, one.id, *args, **options)


def received(one: Socket) -> tuple[str, str]:
    """Wait for a call; return its text and its id."""
    text = one.socket.recv(10)
    assert isinstance(text, str)
    return text, json.loads(text)["id"]


def refused(response: requests.Response | raw.Reply) -> tuple[int, str]:
    """Return status and code of an error that says more."""
    status = response.status if isinstance(response, raw.Reply) else response.status_code
    body = response.json()
    assert list(body) == ["error", "code"] or list(body) == ["code", "error"]
    assert isinstance(body["error"], str)
    assert body["error"]
    return status, body["code"]


# Requests


def test_a_call_is_answered_with_the_hosts_result(stack: Stack, host: HostFactory) -> None:
    one = host(lambda method, body: {"echo": body})

    response = call(stack.url, one.id, "test", '{ "hello": "world" }')

    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"
    assert response.json() == {"echo": {"hello": "world"}}
    assert [message["method"] for message in one.seen] == ["test"]


def test_a_call_reaches_its_host_as_json_rpc(stack: Stack, opened: SocketFactory) -> None:
    one = opened()
    future = ask(stack, one, "test", '{"hello":"world"}')

    message = one.receive()

    assert list(message) == ["method", "params", "id"]
    assert message["method"] == "test"
    assert message["params"] == [{"hello": "world"}]
    assert isinstance(message["id"], str)
    assert len(message["id"]) >= 16
    one.answer(message, result=None)
    assert future.result(10).text == "null"


@pytest.mark.parametrize("verb", ["POST", "PUT", "PATCH", "DELETE"])
def test_every_method_with_a_body_calls(stack: Stack, host: HostFactory, verb: str) -> None:
    one = host(lambda method, body: [method, body])

    response = requests.request(verb, f"{stack.url}/lambda/{one.id}/m", data=b'{"a":1}', timeout=10)

    assert (response.status_code, response.json()) == (200, ["m", {"a": 1}])


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("", {}),
        ("?a=1&b=two", {"a": "1", "b": "two"}),
        ("?a=1&b=2&a=3", {"a": ["1", "3"], "b": "2"}),
        ("?name=gr%C3%B6%C3%9Fer+als&empty=", {"name": "größer als", "empty": ""}),
    ],
)
def test_get_passes_its_query(stack: Stack, host: HostFactory, query: str, body: Any) -> None:
    one = host()

    response = requests.get(f"{stack.url}/lambda/{one.id}/m{query}", timeout=10)

    assert (response.status_code, response.json()) == (200, body)


def test_head_is_refused_and_the_host_not_asked(stack: Stack, host: HostFactory) -> None:
    one = host()

    response = requests.head(f"{stack.url}/lambda/{one.id}/m", timeout=10)

    assert response.status_code == 405
    assert "POST" in response.headers["Allow"]
    assert call(stack.url, one.id, "after").status_code == 200
    assert [message["method"] for message in one.seen] == ["after"]


def test_options_answers_for_browsers(stack: Stack, host: HostFactory) -> None:
    one = host()

    response = requests.options(
        f"{stack.url}/lambda/{one.id}/m",
        headers={
            "Origin": "https://example.test",
            "Access-Control-Request-Method": "PUT",
            "Access-Control-Request-Headers": "content-type, prefer",
        },
        timeout=10,
    )

    assert response.ok
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert "PUT" in response.headers["Access-Control-Allow-Methods"]
    allowed = response.headers["Access-Control-Allow-Headers"].lower()
    assert {"content-type", "prefer", "idempotency-key"} <= set(allowed.split(", "))
    assert "Access-Control-Allow-Credentials" not in response.headers
    assert one.seen == []


def test_real_answers_are_for_browsers_too(stack: Stack, opened: SocketFactory) -> None:
    one = opened()
    origin = {"Origin": "https://example.test"}
    futures = [ask(stack, one, name, headers=dict(origin)) for name in ("good", "bad")]
    late = ask(stack, one, "late", wait=0.1, headers=dict(origin))
    for _ in range(3):
        message = one.receive()
        if message["method"] == "good":
            one.answer(message, result=1)
        elif message["method"] == "bad":
            one.answer(message, error="bad")
    missing = call(stack.url, UNUSED_ID, headers=dict(origin))

    responses = [future.result(10) for future in (*futures, late)] + [missing]

    assert [response.status_code for response in responses] == [200, 400, 504, 404]
    for response in responses:
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        assert response.headers["Content-Type"] == "application/json"


# Bodies and results


@pytest.mark.parametrize(
    "body",
    [
        "1.0",
        "1e400",
        "-0",
        "12345678901234567890123",
        "9" * 4000,
        '{"b":1,"a":2}',
        '{"a":1,"a":2}',
        ' {\t"a" :\r\n [ 1 , 2 ] } ',
        '"cut \\ud83d"',
        '"\\u00e9 é \\ud83d\\ude00 😀 \\/ \u2028"',
        '"\\u0000"',
        "[[[[]]]]",
        "true",
        "null",
        '"' + "x" * 50_000 + '"',
    ],
    ids=lambda body: repr(body[:20]),
)
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_bodies_and_results_pass_byte_for_byte(
    stack: Stack, hosting: ConnectionFactory, body: str, transport: str
) -> None:
    one = hosting(transport)
    future = calling(stack.url, one.id, "m", body.encode())

    text = one.receive_text()
    call_id = json.loads(text, parse_int=str)["id"]
    one.send_text(f'{{"result":{body},"id":"{call_id}"}}')

    # The lines of an event end in one way, which is all the same between the tokens of JSON.
    sent = body.replace("\r\n", "\n") if transport == "sse" else body
    assert text == f'{{"method":"m","params":[{sent}],"id":"{call_id}"}}'
    # Whitespace around a result is the host's message, not its result.
    assert future.result(10).content == body.strip().encode()


def test_an_empty_body_is_null(stack: Stack, host: HostFactory) -> None:
    one = host()

    assert call(stack.url, one.id, body=b"").text == "null"
    assert one.seen[0]["params"] == [None]


@pytest.mark.parametrize(
    "content_type",
    ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x", "??"],
)
def test_the_body_is_json_whatever_its_type_says(
    stack: Stack, host: HostFactory, content_type: str
) -> None:
    one = host()

    response = call(
        stack.url, one.id, body='{"a": "1&b=2"}', headers={"Content-Type": content_type}
    )

    assert (response.status_code, response.json()) == (200, {"a": "1&b=2"})


@pytest.mark.parametrize(
    "body",
    [b"hello", b"{", b"a=1", b"NaN", b"[1,]", b"1 2", b"01", b"'a'", b" "],
)
def test_a_body_that_is_not_json_is_refused(stack: Stack, host: HostFactory, body: bytes) -> None:
    one = host()

    assert refused(call(stack.url, one.id, body=body)) == (400, "bad_request")
    assert one.seen == []


def test_a_byte_order_mark_does_not_reach_the_host(stack: Stack, host: HostFactory) -> None:
    one = host()

    response = call(stack.url, one.id, body=b'\xef\xbb\xbf{"a": 1}')

    assert (response.status_code, response.json()) == (200, {"a": 1})
    assert call(stack.url, one.id, body=b"\xef\xbb\xbf").json() is None


def test_a_body_has_a_limit(stack: Stack, host: HostFactory) -> None:
    """Of 6 MB, and of 100,000 bytes where no front stands before Pushpin."""
    one = host(lambda method, body: len(body))

    fits = call(stack.url, one.id, body=b'"' + b"x" * (stack.max_body - 2) + b'"')
    assert (fits.status_code, fits.json()) == (200, stack.max_body - 2)
    too_large = call(stack.url, one.id, body=b'"' + b"x" * (stack.max_body - 1) + b'"')
    assert refused(too_large) == (413, "too_large")

    assert len(one.seen) == 1


def test_a_chunked_body_has_the_same_limit(stack: Stack, host: HostFactory) -> None:
    one = host(lambda method, body: len(body))

    def chunks(size: int) -> Any:
        return iter([b'"', *[b"x" * 1000] * (size // 1000), b"x" * (size % 1000 - 2), b'"'])

    url = f"{stack.url}/lambda/{one.id}/m"
    fits = requests.post(url, data=chunks(9_999), timeout=10)
    assert (fits.status_code, fits.json()) == (200, 9_997)
    too_large = requests.post(url, data=chunks(stack.max_body + 999), timeout=10)
    assert refused(too_large) == (413, "too_large")


def test_a_large_result_comes_through(stack: Stack, opened: SocketFactory) -> None:
    one = opened()
    result = "ä" * 45_000
    future = ask(stack, one)
    message = one.receive()
    text = json.dumps({"id": message["id"], "result": result}, ensure_ascii=False)
    assert 90_000 < len(text.encode()) < 100_000
    one.socket.send(text)

    assert future.result(10).json() == result


@pytest.mark.parametrize(
    "method", ["grüßen", "你好", "🎉", "a b", "a.b:c", "%", "a%2Fb", "..", "�"]
)
def test_any_name_is_a_method(stack: Stack, host: HostFactory, method: str) -> None:
    one = host(lambda method, body: method)
    path = f"/lambda/{one.id}/{quote(method, safe='')}"

    response = raw.post(stack.port, path.encode(), b"1")

    assert (response.status, response.json()) == (200, method)


# Refusals


def test_a_lambda_that_is_not_open_is_not_found(stack: Stack) -> None:
    response = call(stack.url, UNUSED_ID)

    assert refused(response) == (404, "not_found")
    assert response.json()["error"] == "lambda not found"


@pytest.mark.parametrize("lambda_id", ["short", "AAAAbbbb0000-_z", "AAAAbbbb0000-_zzz", "new", "é"])
def test_a_malformed_id_is_refused(stack: Stack, lambda_id: str) -> None:
    assert refused(call(stack.url, lambda_id)) == (400, "bad_request")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("open", (400, "bad_request")),
        ("%6Fpen", (400, "bad_request")),
        ("rpc.x", (400, "bad_request")),
        ("rpc.", (400, "bad_request")),
        ("rpc.cancel", (400, "bad_request")),
        ("a%00b", (400, "bad_request")),
        ("%00", (400, "bad_request")),
        ("%FF", (400, "bad_request")),
        ("a%C3", (400, "bad_request")),
        ("%ED%A0%80", (400, "bad_request")),
        ("", (404, "not_found")),
        ("a/b", (404, "not_found")),
        ("a%2Fb", (404, "not_found")),
        ("%2F", (404, "not_found")),
        ("/", (404, "not_found")),
        ("../x", (404, "not_found")),
        ("..%2Fx", (404, "not_found")),
        ("a/", (404, "not_found")),
    ],
)
def test_what_no_method_may_be_called_is_refused(
    stack: Stack, host: HostFactory, path: str, expected: tuple[int, str]
) -> None:
    one = host()

    response = raw.post(stack.port, f"/lambda/{one.id}/{path}".encode(), b"1")

    assert refused(response) == expected
    assert one.seen == []


@pytest.mark.parametrize("method", ["Open", "opened", "rpc", "rpcx", "x.rpc.", "xopen"])
def test_names_like_the_reserved_ones_are_callable(
    stack: Stack, host: HostFactory, method: str
) -> None:
    assert call(stack.url, host().id, method, "1").json() == 1


# Errors of the host


@pytest.mark.parametrize(
    "error",
    ['"it broke"', '{"code": -1,  "message":"no", "n":1.0}', "0", "false", '""', "[]", "1e400"],
)
def test_an_error_comes_back_as_it_came(stack: Stack, opened: SocketFactory, error: str) -> None:
    one = opened()
    future = ask(stack, one)
    _, call_id = received(one)
    one.socket.send(f'{{"id":"{call_id}","error":{error}}}')

    response = future.result(10)

    assert (response.status_code, response.content) == (400, b'{"error":%b}' % error.encode())
    assert response.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        ({"result": 1, "error": "no"}, 400, {"error": "no"}),
        ({"result": None, "error": "no"}, 400, {"error": "no"}),
        ({"result": 1, "error": None}, 200, 1),
        ({"result": None, "error": None}, 200, None),
        ({}, 200, None),
        ({"result": 1, "jsonrpc": "1.0", "more": []}, 200, 1),
    ],
)
def test_an_error_that_is_not_null_counts(
    stack: Stack, opened: SocketFactory, answer: dict[str, object], status: int, body: object
) -> None:
    one = opened()
    future = ask(stack, one)
    one.answer(one.receive(), **answer)

    response = future.result(10)

    assert (response.status_code, response.json()) == (status, body)


def test_a_host_is_asked_no_more_than_it_takes(stack: Stack, opened: SocketFactory) -> None:
    one = opened({"max_calls": 2})
    futures = [ask(stack, one, name) for name in ("a", "b")]
    messages = [one.receive(), one.receive()]

    busy = call(stack.url, one.id, "c")
    assert refused(busy) == (429, "busy")
    assert int(busy.headers["Retry-After"]) >= 1

    for message in messages:
        one.answer(message, result=message["method"])
    assert sorted(future.result(10).json() for future in futures) == ["a", "b"]
    # There is room again, and the host was not asked for what was refused.
    future = ask(stack, one, "d")
    message = one.receive()
    assert message["method"] == "d"
    one.answer(message, result="d")
    assert future.result(10).json() == "d"


def test_a_call_past_its_deadline_makes_room(stack: Stack, opened: SocketFactory) -> None:
    one = opened({"max_calls": 1})
    assert call(stack.url, one.id, wait=0.05).status_code == 504
    one.receive()

    future = ask(stack, one, "again")
    one.answer(one.receive(), result=1)
    assert future.result(10).status_code == 200


# Deadlines


@pytest.mark.slow_in_function
def test_a_deadline_is_kept(stack: Stack, opened: SocketFactory) -> None:
    one = opened()
    waits = [0.05, 0.5, 3, 7]
    took: dict[float, float] = {}
    responses: dict[float, requests.Response] = {}

    def wait(seconds: float) -> None:
        started = time.monotonic()
        responses[seconds] = call(stack.url, one.id, wait=seconds)
        took[seconds] = time.monotonic() - started

    threads = [threading.Thread(target=wait, args=(seconds,)) for seconds in waits]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    for seconds in waits:
        assert refused(responses[seconds]) == (504, "deadline_exceeded")
        assert seconds <= took[seconds] < seconds + 0.3
    # However often the proxy repeated a request: each was delivered once.
    messages = [one.receive() for _ in waits]
    assert len({message["id"] for message in messages}) == len(waits)
    with pytest.raises(TimeoutError):
        one.receive(0.1)


@pytest.mark.parametrize(
    "prefer", ["wait=0", "wait=-1", "wait=99999", "wait=1e300", "wait=2.5", 'wait="3"', "WAIT=3"]
)
def test_a_deadline_of_any_number_is_taken(
    stack: Stack, opened: SocketFactory, prefer: str
) -> None:
    one = opened()
    future = ask(stack, one, headers={"Prefer": prefer})
    one.answer(one.receive(), result=1)

    response = future.result(10)

    if prefer in ("wait=0", "wait=-1"):
        # 50 ms are enough as a rule, but not on every machine.
        assert response.status_code in (200, 504)
    else:
        assert (response.status_code, response.json()) == (200, 1)


@pytest.mark.parametrize("wait", ["0", "-1", "1e-300"])
def test_the_least_deadline_is_50_ms(stack: Stack, opened: SocketFactory, wait: str) -> None:
    one = opened()

    started = time.monotonic()
    response = call(stack.url, one.id, wait=wait)

    assert refused(response) == (504, "deadline_exceeded")
    assert 0.05 <= time.monotonic() - started < 2


def test_other_preferences_are_none_of_ours(stack: Stack, host: HostFactory) -> None:
    one = host()

    for prefer in ("return=minimal", "handling=lenient, wait=5", "wait=5; x=y, foo", "", "waiting"):
        response = call(stack.url, one.id, body="1", headers={"Prefer": prefer})
        assert (response.status_code, response.json()) == (200, 1)


@pytest.mark.parametrize(
    "wait", ["nan", "inf", "-inf", "1e999", "abc", "", " ", "5s", "0x10", "1_0"]
)
def test_a_deadline_that_is_no_finite_number_is_refused(
    stack: Stack, host: HostFactory, wait: str
) -> None:
    one = host()

    response = call(stack.url, one.id, wait=wait)

    assert refused(response) == (400, "bad_request")
    assert one.seen == []


# Hosts that go, answers that come late, twice or out of order


@pytest.mark.parametrize("end", [Socket.close, Socket.drop])
def test_callers_learn_at_once_that_their_host_is_gone(
    stack: Stack, opened: SocketFactory, end: Any
) -> None:
    one = opened()
    futures = [ask(stack, one, str(number), wait=20) for number in range(5)]
    for _ in futures:
        one.receive()

    started = time.monotonic()
    end(one)
    responses = [future.result(10) for future in futures]

    assert time.monotonic() - started < 1
    for response in responses:
        assert refused(response) == (502, "disconnected")
        assert response.json()["error"] == "lambda disconnected"
    assert call(stack.url, one.id).status_code == 404


def test_an_answer_just_before_the_end_still_counts(stack: Stack) -> None:
    connection, lambda_id = raw.open_host(stack.port)
    wait_until(lambda: lambda_id in stack.listing())
    futures = {name: calling(stack.url, lambda_id, name) for name in ("answered", "lost")}
    ids = {}
    for _ in futures:
        message = json.loads(raw.read_frame(connection)[1])
        ids[message["method"]] = message["id"].encode()

    # What comes while the proxy passes on the first message makes one batch.
    frames = [
        raw.frame(1, b'{"id":null}'),
        raw.frame(1, b'{"id":"%b","result":"done"}' % ids["answered"]),
        raw.frame(8, b"\x03\xe8"),
    ]
    connection.sendall(b"".join(frames))

    assert futures["answered"].result(10).json() == "done"
    assert futures["lost"].result(10).status_code == 502
    connection.close()


def test_late_and_repeated_answers_change_nothing(stack: Stack, opened: SocketFactory) -> None:
    one = opened()
    assert call(stack.url, one.id, "slow", wait=0.05).status_code == 504
    slow = one.receive()
    future = ask(stack, one, "fast")
    fast = one.receive()

    one.answer(slow, result="late")
    one.answer(fast, result="first")
    one.answer(fast, result="second")
    one.answer(fast, error="third")
    assert future.result(10).json() == "first"
    one.answer(slow, error="later still")

    future = ask(stack, one, "next")
    message = one.receive()
    one.answer(fast, result="fourth")
    one.answer(message, result="next")
    assert future.result(10).json() == "next"
    assert one.id in stack.listing()


def test_answers_come_in_any_order(stack: Stack, opened: SocketFactory) -> None:
    one = opened()
    futures = {name: ask(stack, one, name) for name in "abcdefgh"}
    messages = [one.receive() for _ in futures]

    for message in sorted(messages, key=lambda message: str(message["method"]), reverse=True):
        one.answer(message, result=message["method"])

    assert {name: future.result(10).json() for name, future in futures.items()} == {
        name: name for name in futures
    }


def test_text_and_binary_frames_are_read_alike(stack: Stack, opened: SocketFactory) -> None:
    one = opened()
    for binary in (True, False, True):
        future = ask(stack, one, "m", '"ä"')
        message = one.receive()
        text = json.dumps({"id": message["id"], "result": message["params"]}, ensure_ascii=False)
        one.socket.send(text.encode() if binary else text)
        assert future.result(10).json() == ["ä"]


def test_fragments_are_put_together(stack: Stack, opened: SocketFactory) -> None:
    one = opened()
    future = ask(stack, one)
    _, call_id = received(one)
    one.socket.send(iter(['{"id":"', call_id, '","res', 'ult":"ok"}']))

    assert future.result(10).json() == "ok"


def test_slow_answers_are_delivered_once(stack: Stack, opened: SocketFactory) -> None:
    one = opened()
    future = ask(stack, one)
    message = one.receive()
    # The proxy repeats the request after a second; the host must not see that.
    with pytest.raises(TimeoutError):
        one.receive(2.5)
    one.answer(message, result="slow")

    assert future.result(10).json() == "slow"


def test_the_headers_of_the_proxy_stay_behind_it(stack: Stack, host: HostFactory) -> None:
    response = call(stack.url, host().id, body="1")

    assert not [name for name in response.headers if name.lower().startswith("grip-")]


def test_the_answer_to_a_get_is_not_kept_by_caches(stack: Stack, host: HostFactory) -> None:
    response = requests.get(f"{stack.url}/lambda/{host().id}/test", timeout=10)

    assert response.headers["Cache-Control"] == "no-store"


def test_a_client_can_not_pass_for_the_proxy(stack: Stack, host: HostFactory) -> None:
    one = host()
    channel = f"call-{one.id}-anything"

    response = call(
        stack.url,
        one.id,
        body="1",
        headers={"Grip-Last": f"{channel}; last-id=0", "Grip-Sig": "x", "Grip-Hold": "stream"},
    )

    assert (response.status_code, response.json()) == (200, 1)
